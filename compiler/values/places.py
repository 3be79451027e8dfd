"""Where sources are: Git URLs, Git refs, and paths below a root.

What gets through may be handed to git and to a shell as one argument, and
joined to a directory: no option, no other transport, no way out.
"""

from __future__ import annotations

import re

from compiler.values.malformed import Malformed, shown, text_of

_LONGEST = 2000
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[A-Fa-f0-9:.]+\])"
_USER = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
# Fewer characters than a URL may have: no host of repositories uses more, and shells give the rest a meaning.
_PATH = r"[A-Za-z0-9._~+@%/:=,-]+"
_HTTPS = re.compile(rf"https://{_HOST}(?::[0-9]{{1,5}})?/(?!/){_PATH}")
_SSH = re.compile(rf"ssh://(?:{_USER}@)?{_HOST}(?::[0-9]{{1,5}})?/{_PATH}")
_SCP_LIKE = re.compile(rf"{_USER}@{_HOST}:(?!-){_PATH}")
_FORMS = "write https://host/path, ssh://git@host/path or git@host:path"


def check_git_url(text: str) -> str:
    """The URL of a Git repository: https, ssh, or user@host:path; raises Malformed.

    No credentials may stand in it: a message about some never quotes the URL.
    """
    text = text_of(text, "a Git URL")
    if len(text) > _LONGEST:
        raise Malformed(f"the Git URL is longer than {_LONGEST} characters")
    if _has_credentials(text):
        raise Malformed("the URL has credentials in it", "name them by reference, in the key credentials")
    if re.search(r"[?#]", text):
        raise Malformed("the URL has a query or a fragment", "name the branch or tag in the key ref")
    if text == "" or re.search(r"[\x00-\x20\x7f\\]|\s", text):
        raise Malformed(f"{shown(text)} is not a Git URL", _FORMS)
    if text.startswith("-"):
        raise Malformed(f"{shown(text)} starts with a hyphen, and git would take it for an option", _FORMS)
    if "::" in text.split("/", 1)[0] and "[" not in text.split("/", 1)[0]:
        raise Malformed(f"{shown(text)} names a remote helper, which can run any command", _FORMS)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", text)
    if scheme and scheme[1] not in ("https", "ssh"):
        raise _other_scheme(text, scheme[1])
    if not (_HTTPS if text.startswith("https") and scheme else _SSH if scheme else _SCP_LIKE).fullmatch(text):
        raise Malformed(f"{shown(text)} is not a Git URL", _FORMS)
    return text


def check_git_ref(text: str) -> str:
    """A branch, tag or commit, by the rules of git-check-ref-format(1); raises Malformed."""
    text = text_of(text, "a Git ref")
    if len(text) > _LONGEST:
        raise Malformed(f"the Git ref is longer than {_LONGEST} characters")
    if reason := _ref_problem(text):
        raise Malformed(f"{shown(text)} is not a Git ref: {reason}", "write a branch, a tag or a commit")
    return text


def normal_path(path: str) -> str:
    """A relative POSIX path without `.`, `..` and doubled slashes; "." is the root itself.

    By its letters only: symbolic links are not looked at. Raises Malformed when
    the path is empty or absolute, has a backslash or a control character in it, or leaves its root.
    """
    path = text_of(path, "a path")
    if path == "":
        raise Malformed("the path is empty", "write . for the root of the repository")
    if re.search(r"[\x00-\x1f\x7f]", path):
        raise Malformed(f"{shown(path)} has a control character in it")
    if "\\" in path:
        raise Malformed(f"{shown(path)} has a backslash in it", "separate folders by /")
    if path.startswith("/") or re.match(r"[A-Za-z]:(?:/|$)", path):
        raise Malformed(f"{shown(path)} is absolute", "write it relative to the root of the repository")
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not kept:
                raise Malformed(f"{shown(path)} leaves the repository", "name a path inside it")
            kept.pop()
        elif part not in ("", "."):
            kept.append(part)
    return "/".join(kept) or "."


def escapes(path: str) -> bool:
    """Whether a path is absolute or leaves its root on the way; what else is wrong with it does not count."""
    depth = 0
    for part in path.split("/"):
        depth += 0 if part in ("", ".") else -1 if part == ".." else 1
        if depth < 0:
            return True
    return path.startswith("/")


def _has_credentials(text: str) -> bool:
    """Whether a password or a token stands before the host; a plain user is no secret for ssh alone."""
    scheme, separator, rest = text.partition("://")
    user, at, _ = re.split(r"[/?#]", rest if separator else text, maxsplit=1)[0].rpartition("@")
    return bool(at) and (":" in user or (bool(separator) and scheme.lower() != "ssh"))


def _other_scheme(text: str, scheme: str) -> Malformed:
    lower = scheme.lower()
    if lower in ("https", "ssh"):
        return Malformed(f"{shown(text)} has its scheme in capital letters", f"write {lower}://")
    if lower in ("http", "git"):
        return Malformed(
            f"{shown(text)} is not encrypted: anyone on the way can change the code", "use https://"
        )
    if lower == "file":
        return Malformed(f"{shown(text)} is on one machine only", 'write "." for the repository of this file')
    return Malformed(f"{shown(text)} has the unknown scheme {shown(scheme)}", _FORMS)


def _ref_problem(text: str) -> str:
    """The first rule of git-check-ref-format(1) that is broken, or one of ours; "" when none is."""
    rules = (
        (text == "", "it is empty"),
        (text == "@", "@ alone means HEAD"),
        (text.startswith("-"), "git would take it for an option"),
        (bool(re.search(r"[\x00-\x20\x7f]|\s", text)), "it has white space or control characters in it"),
        (bool(re.search(r"[~^:?*\[\\]", text)), "none of ~ ^ : ? * [ \\ may be in it"),
        (".." in text, "it has .. in it"),
        ("@{" in text, "it has @{ in it"),
        (text.startswith("/") or text.endswith("/") or "//" in text, "it has an empty part between slashes"),
        (bool(re.search(r"(?:^|/)\.", text)), "a part of it starts with a dot"),
        (text.endswith("."), "it ends with a dot"),
        (bool(re.search(r"\.lock(?:/|$)", text)), "a part of it ends with .lock"),
    )
    return next((reason for broken, reason in rules if broken), "")
