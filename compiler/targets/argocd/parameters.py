"""`set` of a service's own chart as parameters that reach its values as they are written.

Argo CD replaces `$NAME` and `${NAME}` in a parameter's value (`$$` stands for `$`),
then puts a backslash before each comma without one, then hands it to
`helm template --set-string` (util/helm/cmd.go, pkg/apis/.../types.go `Envsubst`).
Helm reads backslashes, commas and a leading brace as signs of its own.
"""

from __future__ import annotations


def parameter(name: str, text: str) -> dict[str, str | bool]:
    """An assignment, read as `helm --set-literal` reads it: the value is text, byte for byte."""
    path = name.replace("\\", "\\\\").replace(",", "\\,")
    value = text.replace("\\", "\\\\").replace(",", "\\,")
    if value.startswith("{"):
        value = f"\\{value}"
    return {"name": path, "value": value.replace("$", "$$"), "forceString": True}
