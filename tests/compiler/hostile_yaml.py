"""Hostile at the level of bytes and YAML: encodings, streams, tags and aliases."""

from __future__ import annotations

import gzip

from hostile_text import DEEP, HEAD, MIB, WEB, Inputs, spec, with_key


def not_specs() -> Inputs:
    """Files that are something else, or broken YAML."""
    texts = {
        "empty": "",
        "newline": "\n",
        "blank": "   \n \n",
        "comments": "# a\n# b\n",
        "comment-without-newline": "#",
        "list": "- a\n- b\n",
        "scalar": "hello\n",
        "number": "42",
        "null": "null\n",
        "other-kind": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        "compose": "services:\n  web:\n    image: nginx\n    ports: ['80:80']\n",
        "json": '{"apiVersion": "stagecast/v1beta1", "kind": "Environment", "name": "shop"}',
        "json-tabs": '{\n\t"apiVersion": "stagecast/v1beta1",\n\t"services": {\n\t\t"web": {}\n\t}\n}',
        "xml": '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        "html": "<!doctype html><title>404</title><p>Not Found",
        "toml": '[package]\nname = "shop"\n',
        "template": "{{- if .Values.x }}\na: 1\n{{- end }}\n",
        "conflict": "<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> x\n",
        "python": "import os\nos.system('true')\n",
        "unclosed-quote": 'a: "b\nc: d\n',
        "unclosed-flow": "a: [b, {c: d\n",
        "wrong-bracket": "a: [b}\n",
        "trailing-garbage": HEAD + WEB + "}\n",
        "trailing-text": '{"a": 1} garbage',
        "two-colons": "a: b: c\n",
        "bad-indent": "a:\n    b: 1\n  c: 2\n",
        "lone-colon": ":\n",
        "lone-question": "?\n",
        "lone-dash": "-\n",
        "reserved-at": "a: @b\n",
        "reserved-backtick": "a: `b`\n",
        "lone-percent": "%\n",
        "block-scalar-bad-indicator": "a: |99\n  b\n",
        "block-scalar-at-end": HEAD + "variables: {}\nx-a: |",
    }
    yield from ((f"not-a-spec/{name}", text.encode()) for name, text in texts.items())
    for name, data in {
        "gzip": gzip.compress(spec(), mtime=0),
        "png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        "elf": b"\x7fELF\x02\x01\x01" + bytes(9),
        "every-byte": bytes(range(256)),
        "zeroes": bytes(MIB),
        "ones": b"\xff" * MIB,
    }.items():
        yield f"not-a-spec/{name}", data


def encodings() -> Inputs:
    """Bytes that are not UTF-8, or not only."""
    text = HEAD + "variables: {CITY: Zürich, FACE: '\N{GRINNING FACE}'}\n"
    for codec in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        yield f"encoding/{codec}", text.encode(codec)
        yield f"encoding/{codec}-bom", ("\ufeff" + text).encode(codec)
        yield f"encoding/{codec}-odd-length", ("\ufeff" + text).encode(codec)[:-1]
    yield "encoding/latin-1", (HEAD + "variables: {CITY: Zürich}\n").encode("latin-1")
    yield "encoding/latin-1-in-comment", spec() + b"# caf\xe9\n"
    yield "encoding/latin-1-in-key", spec() + b"caf\xe9: 1\n"
    yield "encoding/utf-7", text.encode("utf-7")
    yield "encoding/utf-8-bom", b"\xef\xbb\xbf" + spec()
    yield "encoding/utf-8-bom-alone", b"\xef\xbb\xbf"
    yield "encoding/utf-8-bom-twice", b"\xef\xbb\xbf" * 2 + spec()
    yield "encoding/utf-8-bom-inside", spec() + b"x-a: \xef\xbb\xbfb\n"
    yield "encoding/utf-8-bom-second-document", spec() + b"---\n\xef\xbb\xbfa: 1\n"
    for name, data in {
        "overlong": b"\xc0\xaf",
        "surrogate": "\ud800".encode("utf-8", "surrogatepass"),
        "surrogate-pair": "\ud83d\ude00".encode("utf-8", "surrogatepass"),
        "beyond-unicode": b"\xf4\x90\x80\x80",
        "five-bytes": b"\xf8\x88\x80\x80\x80",
        "continuation": b"\x80",
        "truncated": b"\xf0\x9f\x98",
        "ff": b"\xff",
    }.items():
        yield f"encoding/{name}-in-value", spec() + b"x-a: b" + data + b"\n"
        yield f"encoding/{name}-at-end", spec() + b"x-a: b" + data


def streams() -> Inputs:
    """Documents, markers, directives, tabs and line ends."""
    text = spec().decode()
    texts = {
        "markers": f"---\n{text}...\n",
        "marker-and-directive": f"%YAML 1.2\n---\n{text}",
        "yaml-1.1": f"%YAML 1.1\n---\n{text}",
        "yaml-3.0": f"%YAML 3.0\n---\n{text}",
        "yaml-huge": f"%YAML 1.{'9' * 5000}\n---\n{text}",
        "yaml-twice": f"%YAML 1.2\n%YAML 1.2\n---\n{text}",
        "directive-alone": "%YAML 1.2\n",
        "directive-unknown": f"%FOO bar\n---\n{text}",
        "directive-tag": f"%TAG ! tag:example.com,2000:\n---\n{text}x-a: !foo b\n",
        "two-documents": f"{text}---\n{text}",
        "two-without-marker": f"{text}...\n{text}",
        "second-broken": f"{text}---\na: [\n",
        "empty-documents": "---\n---\n---\n",
        "only-ends": "...\n...\n",
        "marker-in-scalar": 'a: "\n---\nb"\n',
        "marker-with-content": f"--- {{a: 1}}\n--- text\n{text}",
        "100k-documents": "---\n" * 100_000,
        "tab-indent": "services:\n\tweb:\n\t\ttype: container\n",
        "tab-after-colon": "name:\tshop\n",
        "tab-before-comment": text + "x-a: b\t# c\n",
        "tab-only-line": text + "\t\n",
        "tab-in-flow": "variables: {\tA:\t1,\tB:\t2}\n",
        "crlf": text.replace("\n", "\r\n"),
        "cr": text.replace("\n", "\r"),
        "mixed-line-ends": text.replace("\n", "\r\n", 2) + "x-a:\r  b\n",
        "no-final-newline": text.rstrip("\n"),
    }
    yield from ((f"stream/{name}", content.encode()) for name, content in texts.items())


def tags() -> Inputs:
    """Tags of Python, of YAML 1.1 and of nobody."""
    values = {
        "python-apply": "!!python/object/apply:os.system [id]",
        "python-new": "!!python/object/new:os.system {args: [id]}",
        "python-name": "!!python/name:os.system",
        "python-module": "!!python/module:os",
        "python-tuple": "!!python/tuple [a, b]",
        "binary": "!!binary aGVsbG8=",
        "binary-broken": "!!binary '***'",
        "set": "!!set {a, b}",
        "omap": "!!omap [a: 1, b: 2]",
        "pairs": "!!pairs [a: 1, a: 2]",
        "timestamp": "!!timestamp 2001-12-14",
        "float-of-text": "!!float abc",
        "int-of-text": "!!int abc",
        "int-of-list": "!!int [1]",
        "str-of-list": "!!str [1]",
        "map-of-list": "!!map [1]",
        "seq-of-map": "!!seq {a: 1}",
        "bool-of-number": "!!bool 1",
        "null-of-text": "!!null x",
        "str-of-number": "!!str 1",
        "non-specific": "! 1",
        "custom": "!Ref web",
        "custom-list": "!GetAtt [a, b]",
        "verbatim": "!<tag:yaml.org,2002:str> a",
        "verbatim-empty": "!<> a",
        "verbatim-unclosed": "!<tag:a b",
        "handle-undeclared": "!e!foo a",
        "percent": "!%E9 a",
        "percent-broken": "!%zz a",
        "twice": "!!str !!str a",
        "alone": "!!str",
        "long": "!" + "a" * MIB + " b",
    }
    for name, value in values.items():
        yield f"tag/{name}-ignored", with_key("x-a", value)
        yield f"tag/{name}-name", with_key("name", value)
        yield f"tag/{name}-services", with_key("services", value)
        yield f"tag/{name}-root", f"{value}\n".encode()
    yield "tag/on-key", spec("!!python/name:os.system services: {}\n")
    yield "tag/on-every-node", spec("x-a: [" + "!t a, " * 100_000 + "]\n")


def aliases() -> Inputs:
    """Bombs, cycles and names that nothing has."""
    laughs = "x-0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
    laughs += "".join(f"x-{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30))
    mapped = "x-0: &a0 {a: b}\n"
    mapped += "".join(f"x-{i}: &a{i} {{a: *a{i - 1}, b: *a{i - 1}}}\n" for i in range(1, 60))
    texts = {
        "laughs": laughs,
        "laughs-mappings": mapped,
        "laughs-used": laughs + "services: *a29\n",
        "laughs-variables": mapped + "variables: *a59\n",
        "quadratic-text": f"x-a: &a {'b' * 100_000}\nx-b: [{'*a, ' * 10_000}]\n",
        "quadratic-list": f"x-a: &a [{'b, ' * 1000}]\nx-b: [{'*a, ' * 1000}]\n",
        "chain": "x-0: &a0 b\n" + "".join(f"x-{i}: &a{i} *a{i - 1}\n" for i in range(1, 3)),
        "chain-lists": "x-0: &a0 [b]\n" + "".join(f"x-{i}: &a{i} [*a{i - 1}]\n" for i in range(1, DEEP)),
        "recursive-list": "services: &a [*a]\n",
        "recursive-map": "services: &a {web: *a}\n",
        "recursive-key": "x-a: &a {*a : b}\n",
        "recursive-root": "&a {services: *a}\n",
        "recursive-far": "x-a: &a {b: &b {c: [*a, *b]}}\n",
        "undefined": "services: *nothing\n",
        "undefined-many": f"x-a: [{'*nothing, ' * 100_000}]\n",
        "undefined-later": "services: *later\nx-a: &later {}\n",
        "unused": "services: &unused {}\n",
        "redefined": "x-a: &a 1\nx-b: &a 2\nx-c: *a\n",
        "million-anchors": f"x-a: [{', '.join(f'&a{i}' for i in range(1_000_000))}]\n",
        "million-aliases": f"x-a: &a b\nx-b: [{'*a, ' * 1_000_000}]\n",
        "two-anchors": "services: &a &b {}\n",
        "anchor-on-alias": "x-a: &a b\nservices: &b *a\n",
        "empty-anchor": "services: & {}\n",
        "empty-alias": "services: *\n",
        "long-anchor": f"services: &{'a' * MIB} {{}}\n",
        "alias-key": "x-a: &a services\n*a : {}\n",
        "shared-service": "x-a: &a {type: container, image: 'a:1'}\nservices: {a: *a, b: *a, c: *a}\n",
        "across-documents": "x-a: &a b\n---\nx-b: *a\n",
    }
    yield from ((f"alias/{name}", spec(text)) for name, text in texts.items())
