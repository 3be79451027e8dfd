"""The schemas in an editor: the engine of VS Code's YAML extension completes and explains every field.

The documents are made from the models, so that a field that is new is asked
for, too. The environment's schema is found as a spec says it, by its first
line; that of the project file as a user's settings say it, by the file's name.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from compiler.project import PROJECT, project_schema
from compiler.spec.model import ENVIRONMENT, SERVICE
from compiler.spec.schema import environment_schema
from compiler.spec.shape import Choice, Exactly, Flag, Keyword, ListOf, MapOf, Record, Shape
from spec_documents import Field, Place, Typing, covering, members, places, write
from yaml_language_server import PROPERTY, LanguageServer, Suggestion

CHECKOUT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(
    [*CHECKOUT.glob("examples/*/environment.yaml"), *CHECKOUT.glob("examples/*/stagecast.yaml")]
)

pytestmark = pytest.mark.e2e


@dataclass(frozen=True, slots=True)
class Editor:
    """An editor with documents of one kind. `head` is the line that names the schema, if there is one."""

    server: LanguageServer
    shape: Shape
    head: str
    uri: str

    def show(self, value: Any, uri: str = "") -> Mapping[Any, tuple[int, int]]:
        """Show a document; where its keys are."""
        written = write(value, self.head)
        self.server.open(uri or self.uri, written.text)
        return written.keys

    def complete(self, value: Any) -> list[Suggestion]:
        """What is offered at the cursor (`Typing`) in a document."""
        written = write(value, self.head)
        self.server.open(self.uri, written.text)
        return self.server.complete(self.uri, *written.cursor)

    def show_text(self, text: str, uri: str) -> None:
        """Show a document as it is, but for its line that names the schema."""
        self.server.open(uri, f"{self.head}\n{text}" if self.head else text)


@pytest.fixture(scope="module")
def schemas(language_server: LanguageServer, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The URIs of the schemas; that of the project file is known to the server's settings."""
    folder = tmp_path_factory.mktemp("schemas")
    uris = {}
    for name, schema in (("environment", environment_schema()), ("project", project_schema())):
        path = folder / f"{name}.schema.json"
        path.write_text(json.dumps(schema), encoding="utf-8")
        uris[name] = path.as_uri()
    language_server.associate({uris["project"]: ["**/stagecast.yaml"]})
    return uris


@pytest.fixture(scope="module")
def editors(language_server: LanguageServer, schemas: Mapping[str, str]) -> Mapping[str, Editor]:
    """An editor for each sort of file."""
    head = f"# yaml-language-server: $schema={schemas['environment']}"
    return {
        "environment": Editor(language_server, ENVIRONMENT, head, "file:///shop/environment.yaml"),
        "project": Editor(language_server, PROJECT, "", "file:///shop/stagecast.yaml"),
    }


@pytest.fixture(scope="module", params=["environment", "project"])
def editor(request: pytest.FixtureRequest, editors: Mapping[str, Editor]) -> Editor:
    """An editor: the test runs once with each sort of file."""
    return editors[request.param]


def meanings(shape: Shape) -> Mapping[str, str]:
    """The values that a shape has to offer, and what has to be said of each."""
    match shape:
        case Choice():
            return {option.value: shape.meanings[option.value] for option in shape.options}
        case Keyword():
            return shape.meanings
        case Flag():
            return {"true": "", "false": ""}
        case Exactly():
            return {shape.value: ""}
    return {}


def read_yaml(text: str) -> Any:
    return YAML(typ="safe").load(io.StringIO(text))


def default_of(member: Field) -> Any:
    """The default of a field as people write it, None when it has none to show."""
    shown = member.metadata["shown_default"]
    value = member.default if shown is None else shown
    return value if isinstance(value, str | int | list) and value != "" else None


# --- keys ------------------------------------------------------------------------------------------


def missing_keys(offered: list[Suggestion], place: Place, written: set[str]) -> Iterator[str]:
    """What is wrong with the keys that are offered in a record where `written` stand already."""
    by_label = {suggestion.label: suggestion for suggestion in offered if suggestion.kind == PROPERTY}
    for key, member in place.record.members.items():
        if key in written:
            continue
        if key not in by_label:
            yield f"{place}: `{key}` is not offered beside {sorted(written)}"
        elif member.metadata["doc"] not in by_label[key].documentation:
            yield f"{place}: `{key}` is not explained: {by_label[key].documentation!r}"
        elif not by_label[key].inserted.startswith(f"{key}:"):
            yield f"{place}: `{key}` inserts {by_label[key].inserted!r}"
    for label in by_label.keys() - place.record.members.keys():
        yield f"{place}: `{label}` is offered, but is no key of it"


def test_every_key_of_every_record_is_completed(editor: Editor) -> None:
    problems: list[str] = []
    for place in places(editor.shape):
        given = dict(place.given)
        problems += missing_keys(editor.complete(place.around({**given, Typing(): None})), place, {*given})
        # The first letters of a key are there already, as they always are where an editor offers by itself.
        longest = max(place.record.members, key=len)
        typed = Typing(longest[: len(longest) // 2])
        problems += missing_keys(editor.complete(place.around({**given, typed: None})), place, {*given})
    assert not problems, "\n".join(problems)


def test_keys_are_completed_between_others(editor: Editor) -> None:
    problems: list[str] = []
    for place in places(editor.shape):
        for value in covering(place.record):
            keys = [key for key in value if key not in place.given]
            before, after = keys[: len(keys) // 2], keys[len(keys) // 2 :]
            for gap in (1, len(before)) if len(before) > 1 else (len(before),):
                kept = {*place.given, *before[:gap], *after[1:]}
                body = {
                    **place.given,
                    **{key: value[key] for key in before[:gap]},
                    Typing(): None,
                    **{key: value[key] for key in after[1:]},
                }
                problems += missing_keys(editor.complete(place.around(body)), place, kept)
    assert not problems, "\n".join(problems)


def test_defaults_are_inserted_with_a_key(editor: Editor) -> None:
    """Whoever accepts a key, or a record's key with all that is in it, gets the defaults as they are."""
    problems: list[str] = []
    inserted = 0
    for place in places(editor.shape):
        for suggestion in editor.complete(place.around({**place.given, Typing(): None})):
            if suggestion.kind != PROPERTY:
                continue
            text = re.sub(r"\$\{\d+:([^}]*)\}|\$\d+", r"\1", suggestion.inserted)
            value = read_yaml(text)
            for path, _, member in members(Record(place.record.model), value):
                found, default = value, default_of(member)
                for step in path:
                    found = found[step]
                if default is not None and found is not None:
                    inserted += 1
                    problems += [f"{place}: {suggestion.inserted!r}"] if found != default else []
    assert not problems, "\n".join(problems)
    assert inserted


@pytest.mark.parametrize("typed", ["", "ty"])
def test_a_service_starts_with_its_type(editors: Mapping[str, Editor], typed: str) -> None:
    offered = editors["environment"].complete({"services": {"web": {Typing(typed): None}}})
    [suggestion] = [suggestion for suggestion in offered if suggestion.kind == PROPERTY]
    assert (suggestion.label, suggestion.inserted.strip()) == ("type", "type:")
    assert "decides which other fields" in suggestion.documentation


def test_the_types_of_services_are_completed_and_explained(editors: Mapping[str, Editor]) -> None:
    offered = editors["environment"].complete({"services": {"web": {SERVICE.tag: Typing()}}})
    said = {suggestion.label: suggestion.documentation for suggestion in offered}
    types = next(iter(SERVICE.records.values())).members[SERVICE.tag].metadata["shape"]
    assert len(SERVICE.records) == 6
    assert said == dict(types.meanings)


# --- values ----------------------------------------------------------------------------------------


def enumerated(place: Place) -> Iterator[tuple[str, Any, Mapping[str, str]]]:
    """The fields of a record with a closed set of values: key, what is typed, values with their meanings."""
    for key, member in place.record.members.items():
        shape = member.metadata["shape"]
        if key in place.given:
            continue
        if isinstance(shape, ListOf):
            yield key, [Typing()], meanings(shape.item)
        elif isinstance(shape, MapOf):
            yield key, {"one": Typing()}, meanings(shape.value)
        else:
            yield key, Typing(), meanings(shape)


def test_every_value_of_a_closed_set_is_completed(editor: Editor) -> None:
    problems: list[str] = []
    asked = 0
    for place in places(editor.shape):
        for key, typed, values in enumerated(place):
            if not values:
                continue
            asked += 1
            offered = editor.complete(place.around({**place.given, key: typed}))
            said = {suggestion.label: suggestion.documentation for suggestion in offered}
            if said.keys() != values.keys():
                problems.append(f"{place}.{key}: offered are {sorted(said)}, not {sorted(values)}")
            problems += [
                f"{place}.{key}: `{value}` is not explained: {said.get(value)!r}"
                for value, meaning in values.items()
                if meaning and said.get(value) != meaning
            ]
    assert not problems, "\n".join(problems)
    assert asked >= 5


def test_defaults_and_examples_are_offered_as_values(editor: Editor) -> None:
    problems: list[str] = []
    for place in places(editor.shape):
        for key, member in place.record.members.items():
            examples = member.metadata["examples"]
            if not examples or key in place.given:
                continue
            offered = editor.complete(place.around({**place.given, key: Typing()}))
            values = [read_yaml(suggestion.label) for suggestion in offered]
            problems += [
                f"{place}.{key}: {example!r} is not among {values}"
                for example in examples
                if example not in values
            ]
    assert not problems, "\n".join(problems)


# --- hover -----------------------------------------------------------------------------------------


def unescaped(markdown: str) -> str:
    return re.sub(r"\\(.)", r"\1", markdown)


def unsaid(hover: str, member: Field) -> Iterator[str]:
    """What an editor has to say of a field and does not."""
    said = unescaped(hover)
    shape = member.metadata["shape"]
    default = default_of(member)
    wanted = [member.metadata["doc"]]
    if default is not None:
        wanted.append(f"Default: `{default if isinstance(default, str) else json.dumps(default)}`")
    if isinstance(shape, Choice | Keyword):
        wanted += [f"* `{value}`: {meaning}" for value, meaning in meanings(shape).items()]
    yield from (text for text in wanted if text not in said)
    blocks = re.findall(r"Example:\n\n```yaml\n(.*?)```", hover, re.DOTALL)
    found = [read_yaml(text) for text in blocks]
    yield from (f"the example {example!r}" for example in member.metadata["examples"] if example not in found)


def test_hovering_over_every_key_explains_it(editor: Editor) -> None:
    problems: set[str] = set()
    hovered: set[tuple[str, str, str]] = set()
    for place in places(editor.shape):
        for value in covering(place.record):
            keys = editor.show(place.around({**value, **place.given}))
            for key, member in place.record.members.items():
                kind = type(value.get(key)).__name__
                if key not in value or (str(place), key, kind) in hovered:
                    continue
                hovered.add((str(place), key, kind))
                line, column = keys[(*place.path, key)]
                hover = editor.server.hover(editor.uri, line, column + 1)
                if key in place.given:
                    problems |= {f"{place}: {key}"} if "decides which other fields" not in hover else set()
                    continue
                problems |= {
                    f"{place}.{key} ({kind}) does not say {text!r}" for text in unsaid(hover, member)
                }
    asked = {(place, key) for place, key, _ in hovered}
    assert asked == {(str(place), key) for place in places(editor.shape) for key in place.record.members}
    assert not problems, "\n".join(sorted(problems))


# --- problems --------------------------------------------------------------------------------------


def test_documents_that_use_every_field_have_no_problems(editor: Editor) -> None:
    documents = covering(editor.shape)
    uris = [editor.uri.replace("/shop/", f"/covering-{i}/") for i in range(len(documents))]
    for uri, document in zip(uris, documents, strict=True):
        editor.show(document, uri)
    for uri in uris:
        assert editor.server.problems(uri) == []


def test_the_examples_have_no_problems(editors: Mapping[str, Editor]) -> None:
    assert len(EXAMPLES) >= 6
    server = editors["environment"].server
    for path in EXAMPLES:
        server.open(path.as_uri(), path.read_text(encoding="utf-8"))
    for path in EXAMPLES:
        assert server.problems(path.as_uri()) == [], path
        # Without a schema there would be no problems either.
        line = path.read_text(encoding="utf-8").split("\n").index("apiVersion: stagecast/v1beta1")
        assert "Version of this format." in server.hover(path.as_uri(), line, 1), path


PROJECT_HEAD = "apiVersion: stagecast/v1beta1\nkind: Project\n"
HEAD = "apiVersion: stagecast/v1beta1\nkind: Environment\nname: shop\n"
# What somebody writes wrong, »the place« that has to be marked, and how the message starts.
PROJECT_MISTAKES = {
    "an unknown key of an environment": (
        "environments:\n  shop: {spec: environment.yaml, »target«: helm}",
        "Property target is not allowed.",
    ),
    "no spec": ("environments:\n  »shop«: {targets: [helm]}", 'Missing property "spec".'),
    "an unknown target": (
        "environments:\n  shop: {spec: environment.yaml, targets: [»jenkins«]}",
        "Value is not accepted.",
    ),
    "an unknown severity": ("environments: {}\nseverities: {STC501: »fatal«}", "Value is not accepted."),
    "what is no code": ("environments: {}\nignore: [»helm«]", "String does not match the pattern"),
}
MISTAKES = {
    "an unknown key": ("»deliverx«: helm\nservices: {}", "Property deliverx is not allowed."),
    "an unknown key of a service": (
        "services:\n  cache:\n    type: container\n    image: redis\n    »command«: [x]",
        "Property command is not allowed.",
    ),
    "a key of another type of service": (
        "services:\n  db: {type: database, engine: redis, version: '7', »image«: redis}",
        "Property image is not allowed.",
    ),
    "an unknown key deep inside": (
        "services:\n  web:\n    type: application\n    source: {repository: .}\n"
        "    estimates:\n      build: {median: 3m, »p99«: 5m}",
        "Property p99 is not allowed.",
    ),
    "an unknown type": ("services:\n  web: {type: »aplication«, image: x}", "Value is not accepted."),
    "no type": ("services:\n  »web«: {image: redis}", 'Missing property "type".'),
    "a wrong value": ("delivery: »flux«\nservices: {}", "Value is not accepted."),
    "a wrong version": (
        "services:\n  db: {type: database, engine: »oracle«, version: '19'}",
        "Value is not accepted.",
    ),
    "text for true or false": (
        "services:\n  cache: {type: container, image: redis, skip: »yes«}",
        'Incorrect type. Expected "boolean".',
    ),
    "no source": ("services:\n  »web«:\n    type: application", 'Missing property "source".'),
    "neither image nor source": (
        "services:\n  »report«: {type: job, run: start}",
        "One of `image`, `source` is missing.",
    ),
    "both image and source": (
        "services:\n  report:\n    type: job\n    run: start\n    »source«: {repository: .}\n    image: a",
        "`image`, `source` exclude each other.",
    ),
    "both run and cron": (
        "services:\n  report:\n    type: job\n    image: a\n    run: start\n    »cron«: {schedule: '@daily'}",
        "`run`, `cron` exclude each other.",
    ),
    "two kinds of probe": (
        "services:\n  cache:\n    type: container\n    image: redis\n    healthChecks:\n"
        "      readiness: {http: {port: 80}, »exec«: {command: [x]}}",
        "`http`, `tcp`, `grpc`, `exec` exclude each other.",
    ),
    "a variable without a value": (
        "variables:\n  »KEY«: {}\nservices: {}",
        "One of `secret`, `alias`, `file`, `value` is missing.",
    ),
    "a list for a variable": ("variables:\n  KEY: »[a]«\nservices: {}", "Incorrect type. Expected one of"),
    "a port that there is not": (
        "services:\n  cache: {type: container, image: redis, ports: [{internal: »70000«}]}",
        "Value is above the maximum of 65535.",
    ),
    "a duration without a unit": (
        "pipeline: {build: {timeout: »30«}}\nservices: {}",
        'Incorrect type. Expected "string".',
    ),
    "a memory that is no memory": (
        "pipeline: {build: {memory: »lots«}}\nservices: {}",
        "String does not match the pattern",
    ),
    "a wrong estimate": (
        "services:\n  cache: {type: container, image: redis, estimates: {deploy: »soon«}}",
        "String does not match the pattern",
    ),
    "a mapping for a list": (
        "services:\n  cache: {type: container, image: redis, ports: »{internal: 80}«}",
        'Incorrect type. Expected "array".',
    ),
}


@pytest.mark.parametrize(
    ("sort", "head", "mistakes"),
    [("environment", HEAD, MISTAKES), ("project", PROJECT_HEAD, PROJECT_MISTAKES)],
    ids=["environment", "project"],
)
def test_mistakes_are_marked_where_they_are(
    editors: Mapping[str, Editor], sort: str, head: str, mistakes: Mapping[str, tuple[str, str]]
) -> None:
    editor = editors[sort]
    uris = {name: editor.uri.replace("/shop/", f"/{name.replace(' ', '-')}/") for name in mistakes}
    for name, (text, _) in mistakes.items():
        editor.show_text(head + text.replace("»", "").replace("«", ""), uris[name])
    wrong: list[str] = []
    for name, (text, message) in mistakes.items():
        lines = [*filter(None, [editor.head]), *(head + text).split("\n")]
        [line] = [i for i, content in enumerate(lines) if "»" in content]
        marked = (line, lines[line].index("»")), (line, lines[line].index("«") - 1)
        found = editor.server.problems(uris[name])
        if [(problem.start, problem.end) for problem in found] != [marked]:
            wrong.append(f"{name}: {found}")
        elif not found[0].message.startswith(message):
            wrong.append(f"{name}: {found[0].message}")
    assert not wrong, "\n".join(wrong)
