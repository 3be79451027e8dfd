"""Hostile by shape and size: nesting, keys, characters and sheer length."""

from __future__ import annotations

from collections.abc import Iterator

from hostile_text import DEEP, MIB, Inputs, every_scalar, nest, spec, with_key

TOP_KEYS = """
apiVersion kind name extends target delivery registry pipeline stages variables services x-note unknown
"""
SERVICE_KEYS = """
type stage skip dependsOn labels annotations estimates pathFilter cpu memory variables files serviceAccount
affinity nodeSelector security values entrypoint arguments replicas ports storage healthChecks rollout source
build image pullSecret run cron maxRestarts maxDuration outputs engine version mode storageClass host port
database username password chart valueFiles set timeout backend x-note unknown
"""


def nesting() -> Inputs:
    """10,000 levels of every style under every key."""
    flows = {
        "sequence": nest("[", "]"),
        "sequence-open": "[" * DEEP,
        "mapping": nest("{a: ", "}"),
        "mapping-open": "{a: " * DEEP,
        "mixed": nest("[{a: ", "}]"),
        "key": nest("{? ", "}"),
        "bare-key": "{" * DEEP,
        "pairs": nest("[? ", "]"),
        "block-sequence": "\n  " + "- " * DEEP + "a",
        "block-key": "\n  " + "? " * DEEP + "a",
        "block-mixed": "\n  " + "- ? " * DEEP + "a",
        "block-then-flow": "\n  " + "- " * DEEP + nest("[", "]"),
    }
    for name, text in flows.items():
        for key in TOP_KEYS.split():
            yield f"nesting/{name}-{key}", with_key(key, text)
        yield f"nesting/{name}-root", text.strip().encode()
    for key in SERVICE_KEYS.split():
        body = f"services:\n  web:\n    type: application\n    {key}: "
        yield f"nesting/sequence-service-{key}", spec(body + nest("[", "]") + "\n")
        yield f"nesting/mapping-service-{key}", spec(body + nest("{a: ", "}") + "\n")
    yield "nesting/closing-only", b"]" * DEEP
    for depth in (99, 100, 101, 1000):
        yield f"nesting/ignored-{depth}", with_key("x-a", nest("[", "]", depth))
        yield (
            f"nesting/values-{depth}",
            spec(f"services: {{a: {{type: helm, values: {nest('{a: ', '}', depth)}}}}}\n"),
        )
    # One level a line: 5,000 levels are 12.5 MB, 10,000 are more than a spec may have.
    for depth in (5000, DEEP):
        lines = "".join(f"{' ' * i}a:\n" for i in range(depth))
        yield f"nesting/block-mapping-{depth}", lines.encode()
    yield "nesting/block-list-of-mappings", "".join(f"{'  ' * i}- a:\n" for i in range(3000)).encode()
    yield "nesting/indentless", "".join(f"{'  ' * i}a:\n{'  ' * i}- b: 1\n" for i in range(2500)).encode()
    for opening in ("[", "{", "- ", "? ", "[?", "{?", "!!a [", "&a [", '"a": [', "[{"):
        yield f"nesting/million-{opening.strip()}", opening.encode() * 1_000_000


def keys() -> Inputs:
    """Keys that are not text, repeated, huge or many."""
    texts = {
        "int": "1: a\n",
        "float": "1.5: a\n",
        "bool": "true: a\nno: b\n",
        "null": "null: a\n~: b\n",
        "empty": ": a\n",
        "empty-text": "'': a\n",
        "list": "[a, b]: c\n",
        "mapping": "{a: b}: c\n",
        "complex-list": "? - a\n  - b\n: c\n",
        "complex-mapping": "? a: b\n: c\n",
        "complex-no-value": "? a\n? b\n",
        "multi-line": '"a\n  b": c\n',
        "block-scalar": "? |\n  a\n: b\n",
        "date": "2001-01-01: a\n",
        "nan": ".nan: a\n.nan: b\n",
        "same-by-value": "1: a\n0x1: b\n01: c\n1.0: d\n'1': e\n",
        "anchored": "&a b: c\n",
        "duplicate": "variables: {A: 1}\nvariables: {A: 2}\n",
        "duplicate-quoted": "variables: {A: 1, 'A': 2, \"A\": 3}\n",
        "duplicate-service": "services:\n  web: {type: container}\n  web: {type: job}\n",
        "duplicate-unicode": "variables: {'\u00e9': 1, 'e\u0301': 2}\n",
        "duplicate-kind": "kind: Environment\nkind: Project\n",
        "dunder": "__class__: a\n__proto__: b\nconstructor: c\n__init__: d\n",
        "model-fields": "at: a\nself: b\nspan: c\nvalue: d\nchildren: e\n",
        "x-alone": "x-: a\nx: b\nX-a: c\n",
        "quoted-merge": "'<<': {a: b}\n",
        "almost-1024": "a" * 1000 + ": b\n",
        "over-1024": "a" * 1025 + ": b\n",
        "megabyte-plain": "a" * MIB + ": b\n",
        "megabyte-quoted": '"' + "a" * MIB + '": b\n',
        "megabyte-explicit": '? "' + "a" * MIB + '"\n: b\n',
        "megabyte-service": f"services:\n  ? {'a' * MIB}\n  : {{type: container}}\n",
    }
    for name, text in texts.items():
        yield f"key/{name}", spec(text)
        nested = "".join(f"    {line}\n" for line in text.splitlines())
        yield f"key/{name}-in-service", spec(f"services:\n  web:\n{nested}")
    many = "".join(f"k{i}: v\n" for i in range(1_000_000))
    yield "key/million-root", many.encode()
    yield "key/million-duplicates", spec("a: 1\n" * 1_000_000)
    for key in ("variables", "services", "x-a", "unknown"):
        body = ", ".join(f"K{i}: v" for i in range(1_000_000))
        yield f"key/million-{key}", with_key(key, f"{{{body}}}")
        yield f"key/thousands-{key}", with_key(key, "{" + ", ".join(f"K{i}: v" for i in range(50_000)) + "}")


def merge_keys() -> Inputs:
    """YAML 1.1's `<<`, valid, invalid and in bulk."""
    chain = "x-0: &a0 {k0: v}\n" + "".join(
        f"x-{i}: &a{i} {{<<: *a{i - 1}, k{i}: v}}\n" for i in range(1, DEEP)
    )
    fan = "x-a: &a {" + ", ".join(f"k{i}: v" for i in range(1000)) + "}\n"
    texts = {
        "valid": "x-a: &a {type: job, image: 'a:1'}\nservices:\n  web: {<<: *a}\n  api: {<<: *a, cpu: 1}\n",
        "list": "x-a: &a {A: 1}\nx-b: &b {B: 2}\nvariables: {<<: [*a, *b]}\n",
        "inline": "variables: {<<: {A: 1}, B: 2}\n",
        "scalar": "variables: {<<: 1}\n",
        "null": "variables: {<<: }\n",
        "list-of-scalars": "variables: {<<: [1, 2]}\n",
        "list-in-list": "x-a: &a {A: 1}\nvariables: {<<: [[*a]]}\n",
        "twice": "x-a: &a {A: 1}\nvariables:\n  <<: *a\n  <<: *a\n",
        "root": "<<: {delivery: none}\n",
        "itself": "variables: &a {<<: *a}\n",
        "as-value": "variables: {A: <<}\n",
        "tagged": "variables: {!!merge <<: {A: 1}}\n",
        "quoted": "variables: {'<<': {A: 1}}\n",
        "chain": chain,
        "chain-used": chain + f"variables: *a{DEEP - 1}\n",
        "fan": fan + f"x-b: [{'{<<: *a}, ' * 2000}]\n",
        "wide-list": fan + f"x-b: {{<<: [{'*a, ' * DEEP}]}}\n",
        "nested": "x-b: " + nest("{<<: ", "}", 90) + "\n",
        "nested-deep": "x-b: " + nest("{<<: ", "}") + "\n",
    }
    yield from ((f"merge/{name}", spec(text)) for name, text in texts.items())


def characters() -> Inputs:
    """Control characters, separators, surrogates and escapes."""
    codes = [*range(0x20), 0x7F, *range(0x80, 0xA0), 0xAD, 0x200B, 0x200E, 0x2028, 0x2029, 0x202E, 0xFEFF]
    codes += [0xFFFE, 0xFFFF, 0xFFFD, 0xE000, 0x1FFFE, 0xE0001, 0x10FFFF, 0x1F600]
    for code in codes:
        raw = chr(code)
        yield f"character/{code:04x}-value", spec(f"variables: {{A: b{raw}c}}\n")
        yield f"character/{code:04x}-quoted", spec(f'variables: {{A: "b{raw}c"}}\n')
        yield f"character/{code:04x}-key", spec(f"b{raw}c: d\n")
        yield f"character/{code:04x}-comment", spec(f"# b{raw}c\nunknown: d\n")
        yield f"character/{code:04x}-escaped", every_scalar(f'"b\\U{code:08x}c"')
    for name, escape in {
        "nul": "\\0",
        "lone-high": "\\ud800",
        "lone-low": "\\udc00",
        "pair": "\\ud83d\\ude00",
        "swapped-pair": "\\ude00\\ud83d",
        "beyond": "\\U00110000",
        "largest": "\\UFFFFFFFF",
        "short": "\\x1",
        "short-u": "\\u12",
        "unknown": "\\q",
        "terminal": "\\e[2J\\e]0;owned\\a",
        "line-separators": "\\N\\L\\P\\_",
        "crlf": "\\r\\n",
        "workflow-command": "\\n::error::owned%0A",
        "expression": "${{ secrets.TOKEN }}",
    }.items():
        yield f"escape/{name}", every_scalar(f'"a{escape}b"')
        yield f"escape/{name}-key", spec(f'"a{escape}b": c\nservices: {{"a{escape}b": {{type: job}}}}\n')
    smile = "\N{GRINNING FACE}" * 1000
    yield "character/emoji", every_scalar(smile)
    yield "character/emoji-columns", spec(f"{{{smile}: [a, b]}}: unknown\n")
    yield "character/combining", every_scalar("a" + "\u0301" * 10_000)
    yield "character/line-separators-million", spec("x-a: 'b" + "\u2028" * 1_000_000 + "'\nunknown: 1\n")
    yield "character/nel-million", spec("# b" + "\x85" * 1_000_000 + "\nunknown: 1\n")


def sizes() -> Inputs:
    """At, over and far over the documented limits."""
    head = spec()
    for name, size in {"50mb": 50_000_000, "16mib": 16 * MIB, "16mib-and-1": 16 * MIB + 1}.items():
        yield f"size/{name}-comment", head + b"#" * (size - len(head))
        yield f"size/{name}-spaces", head + b" " * (size - len(head))
        yield f"size/{name}-newlines", head + b"\n" * (size - len(head))
        yield f"size/{name}-carriage-returns", head + b"\r" * (size - len(head))
        yield f"size/{name}-comments", (head + b"# c\n" * (size // 4))[:size]
        yield f"size/{name}-dashes", (b"- " * (size // 2 + 1))[:size]
        yield f"size/{name}-services", (head + b"".join(_services(size)))[:size]
        yield f"size/{name}-letters", b"a" * size
        yield f"size/{name}-not-utf-8", b"\xff" * size
    for count in (999_990, 1_000_001):
        yield f"size/{count}-nodes-flow", with_key("x-a", "[" + "a," * count + "]")
        yield f"size/{count}-nodes-block", with_key("x-a", "\n" + "- a\n" * count)
    yield "size/million-empty-lists", with_key("x-a", "[" + "[]," * 1_000_000 + "]")
    yield (
        "size/200k-errors",
        spec("services:\n" + "".join(f"  s{i}: {{type: nothing}}\n" for i in range(200_000))),
    )
    yield "size/million-questions", with_key("x-a", "{" + "? , " * 1_000_000 + "}")
    yield "size/50mb-utf-16", ("\ufeff" + "# a\n" * 6_250_000).encode("utf-16-le")


def _services(size: int) -> Iterator[bytes]:
    """Lines of services, a little more than `size` bytes in all."""
    for number in range(size // 35):
        yield b"  s%07d: {type: container, image: 'a:1'}\n" % number
