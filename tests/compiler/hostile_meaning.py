"""Hostile to what reads the values: tricky scalars, names that refer, small languages."""

from __future__ import annotations

from hostile_text import DEEP, MIB, WEB, Inputs, every_scalar, small_languages, spec, with_key

# What YAML 1.1, YAML 1.2, JSON and people read differently, and what no number type holds.
TRICKY_SCALARS = r"""
no yes on off y N NO True FALSE null Null NULL ~ nan .nan .NaN .inf -.inf +.inf 1e3 1e400 -1e400 1E-400
0o777 0777 0o8 0b1 0x1F 0xFFFFFFFFFFFFFFFFFFFF 1_000 12:30:45 190:20:30 2001-01-01
2001-12-14t21:59:43.10-05:00 +1 -0 -1 -0.0 .5 5. 1.0 +.5 00 08 1e 1e+ 0x 0o . .. ... - -- = '' "" 'no' "on"
<<x << | > !!str !!int &a *a
{{X}} {{}} {{ }} {{{{X}} {{X {{NAME_HOST}} $(PATH) ${X} %s %n {0} 512m 4gb 1h30m -1h 1e9999Gi
9223372036854775808 18446744073709551616 0.1e-999999999 1.7976931348623157e309
[] {} [[]] {a:1} [a,b] ../../etc/passwd /dev/zero /dev/stdin C:\x \\host\share ?x :x ,x %x @x `x
"""


def scalars() -> Inputs:
    """Tricky values in every place at once, and huge ones."""
    for number, value in enumerate(TRICKY_SCALARS.split()):
        yield f"scalar/{number}-{value}", every_scalar(value)
        yield f"scalar/{number}-{value}-alone", small_languages(value)
        yield f"scalar/{number}-{value}-quoted", every_scalar("'" + value.replace("'", "''") + "'")
    for name, value in {
        "10000-digits": "9" * 10_000,
        "10000-digits-hex": "0x" + "F" * 10_000,
        "10000-digits-octal": "0o" + "7" * 10_000,
        "10000-digits-fraction": "0." + "1" * 10_000,
        "10000-digits-exponent": "1e" + "9" * 10_000,
        "10000-digits-memory": "9" * 10_000 + "Gi",
        "10000-digits-duration": "9" * 10_000 + "h",
        "10000-underscores": "1" + "_1" * 5000,
        "sexagesimal": "1" + ":59" * 5000,
        "newlines": '"a\\n\\nb"',
        "space": "' '",
        "long": "a" * 50_000,
    }.items():
        yield f"scalar/{name}", every_scalar(value)
    for name, text in {"plain": "a ", "quoted": "a\\n"}.items():
        ten = text * (10_000_000 // len(text))
        yield f"scalar/10mb-{name}", with_key("name", f'"{ten}"' if name == "quoted" else ten)
    yield "scalar/10mb-literal", with_key("name", "|\n" + "  line\n" * 1_400_000)
    yield "scalar/10mb-folded", with_key("name", ">\n" + "  line\n" * 1_400_000)
    yield "scalar/10mb-multi-line", with_key("name", "a\n" + "  b\n" * 2_500_000)
    yield "scalar/10mb-image", spec(f"services: {{web: {{type: container, image: {'a' * 10_000_000}}}}}\n")
    yield "scalar/10mb-digits", with_key("name", "9" * 10_000_000)
    yield "scalar/10mb-interpolation", spec("variables: {A: '" + "{{B}}" * 2_000_000 + "'}\n")


def references() -> Inputs:
    """What parses, but is hostile to whoever follows names: cycles, chains, bombs, suggestions."""
    n = 5000
    web = "{type: container, image: 'a:1'"

    def services(line: str, count: int = n) -> bytes:
        return spec(
            "services:\n" + "".join("  " + line.format(i=i, j=(i + 1) % count) + "\n" for i in range(count))
        )

    yield "reference/cycle", services("s{i}: {{type: container, image: 'a:1', dependsOn: [s{j}]}}")
    yield "reference/self", services("s{i}: {{type: container, image: 'a:1', dependsOn: [s{i}]}}", 10)
    yield "reference/unknown", services("s{i}: {{type: container, image: 'a:1', dependsOn: [t{i}]}}")
    yield "reference/unknown-long", spec(f"services:\n  a: {web}, dependsOn: [{'b' * MIB}]}}\n")
    yield "reference/unknown-keys", services("s{i}: {{type: container, imaje: 'a:1'}}")
    yield "reference/unknown-stages", services("s{i}: {{type: container, image: 'a:1', stage: staje{i}}}")
    everyone = ", ".join(f"s{i}" for i in range(500))
    yield (
        "reference/complete",
        spec("services:\n" + "".join(f"  s{i}: {web}, dependsOn: [{everyone}]}}\n" for i in range(500))),
    )
    yield (
        "reference/repeated",
        spec(f"services:\n  a: {web}, dependsOn: [{'b, ' * 100_000}]}}\n  b: {web}}}\n"),
    )
    yield "reference/colliding-names", services("'{i:013b}': {{type: container, image: 'a:1'}}")
    yield "reference/stages", with_key("stages", "[" + ", ".join(f"s{i}" for i in range(50_000)) + "]")
    yield "reference/stages-same", with_key("stages", "[" + "application, " * 50_000 + "]")

    variables = {
        "bomb": ["V0: 'x'", *(f"V{i}: '{{{{V{i - 1}}}}}{{{{V{i - 1}}}}}'" for i in range(1, 100))],
        "chain": ["V0: 'x'", *(f"V{i}: '{{{{V{i - 1}}}}}'" for i in range(1, DEEP))],
        "chain-reversed": [*(f"V{i}: '{{{{V{i - 1}}}}}'" for i in range(DEEP, 0, -1)), "V0: x"],
        "growing": ["V0: 'x'", *(f"V{i}: '{{{{V{i - 1}}}}}{'y' * 100}'" for i in range(1, 3000))],
        "cycle": [f"V{i}: '{{{{V{(i + 1) % n}}}}}'" for i in range(n)],
        "self": ["A: '{{A}}'"],
        "alias-cycle": ["A: {alias: B}", "B: {alias: A}"],
        "alias-chain": ["V0: x", *(f"V{i}: {{alias: V{i - 1}}}" for i in range(1, DEEP))],
        "unclosed": ["A: '" + "{{" * 100_000 + "'"],
        "unknown": [f"V{i}: '{{{{W{i}}}}}'" for i in range(n)],
        "name-shaped": ["__class__: x", "'': y", "'a b': z", "'A=B': z", "'A\\0': z"],
        "format": ["A: '{0.__class__}'", "B: '%(x)s'", "C: '$x'", "D: '{{A.__class__}}'"],
    }
    for name, lines in variables.items():
        yield f"variable/{name}", spec("variables:\n" + "".join(f"  {line}\n" for line in lines) + WEB)

    many = "".join(f"  V{i}: '{{{{A}}}}'\n" for i in range(3000))
    for name, outer, own in (
        ("inherited-by-many", f"  A: x\n{many}", ""),
        ("overridden-by-many", f"  A: x\n{many}", ", variables: {A: y}"),
        ("large-in-many", f"  A: '{'x' * 100_000}'\n", ", variables: {B: '{{A}}y'}"),
    ):
        each = "".join(f"  s{i}: {web}{own}}}\n" for i in range(3000))
        yield f"variable/{name}", spec(f"variables:\n{outer}services:\n{each}")

    for name, path in {
        "itself": "environment.yaml",
        "folder": ".",
        "parent": "..",
        "root": "/",
        "nothing": "",
        "home": "~",
        "nul": "a\\0b",
        "endless": "/dev/zero",
        "waiting": "/dev/stdin",
        "memory": "/proc/self/mem",
        "spelled-differently": "a/../environment.yaml",
        "far-up": "../" * 5000 + "etc/passwd",
        "far-down": "a/" * 5000 + "b.yaml",
        "long-name": "a" * 5000,
        "file-url": "file:///etc/passwd",
        "url": "https://example.com/a",
    }.items():
        yield f"extends/{name}", spec(f'extends: "{path}"\n{WEB}')
    yield "extends/list", spec(f"extends: [{'a.yaml, ' * DEEP}]\n{WEB}")


def patterns() -> Inputs:
    """Bait for regular expressions that backtrack, and for parsers of small languages."""
    many = 12_000  # in every place of a spec: still below the size that is refused at once
    for name, text in {
        "dashes": "a" + "-a" * many + "!",
        "dots": "a" + ".a" * many + "!",
        "slashes": "a" + "/a" * many + "!",
        "hours": "1h" * many + "!",
        "colons": "a" + ":a" * many,
        "at-signs": "a@sha256:" + "f" * many,
        "stars": "'" + "* " * many + "'",
        "commas": "'" + "1," * many + " * * * *'",
        "cron-range": "'0-99999999999999999999 * * * *'",
        "cron-step": "'*/0 */1e9 * * *'",
        "cron-wide": "'0-59/1,0-59/1,0-59/1 0-23 1-31 1-12 0-7'",
        "zone-path": "'../../../../etc/passwd'",
        "zone-absolute": "/dev/zero",
        "zone-nul": '"Europe/Paris\\0"',
        "zone-folder": "Europe",
        "spaces": "'a" + " " * many + "!'",
        "braces": "'" + "{{A" * many + "'",
        "digits": "'" + "1" * many + "x'",
        "brackets": "'http://[" + ":" * many + "'",
        "ssh": "'git@" + "a" * many + "'",
        "userinfo": "'https://" + "a:b@" * many + "/'",
        "option": "--upload-pack=touch",
        "shell": "'$(touch owned); `touch owned` && touch owned'",
    }.items():
        yield f"pattern/{name}", every_scalar(text)
        yield f"pattern/{name}-alone", small_languages(text)
        yield f"pattern/{name}-comment", spec(f"# stagecast: ignore[{text}]\nunknown: 1\n")
    yield "pattern/ignore-many", spec(f"# stagecast: ignore[{'STC001,' * many}]\nunknown: 1\n")
    yield "pattern/ignore-lines", spec("# stagecast: ignore[STC999]\n" * many)
    yield "pattern/ignore-unclosed", spec(f"# stagecast: ignore[{'[' * many}\nunknown: 1\n")
