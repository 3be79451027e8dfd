"""Variables, quotes and escapes in a word."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.dockerfile.expansion import Allowance, BadSubstitution, Rules, expand

VALUES = {
    "SET": "value",
    "EMPTY": "",
    "PATH": "/usr/local/lib/a.tar.gz",
    "SPACED": "  a  b ",
    "LINES": "a\nb",
}


def text(word: str, **rules: bool) -> str:
    return expand(word, VALUES, Rules(**rules)).text  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("$SET ${SET}", "value value"),
        ("$NONE${NONE}$EMPTY", ""),
        ("$SETx $SET-x", " value-x"),
        ("$", "$"),
        ("$.a$/", "$.a$/"),
        ("$1a", "a"),
        ("$@x", "x"),
        ("${SET:-d} ${EMPTY:-d} ${NONE:-d}", "value d d"),
        ("${SET-d} ${EMPTY-d} ${NONE-d}", "value  d"),
        ("${SET:+a} ${EMPTY:+a} ${NONE:+a}", "a  "),
        ("${SET+a} ${EMPTY+a} ${NONE+a}", "a a "),
        ("${SET?e} ${SET:?e} ${EMPTY?e}", "value value "),
        ("${NONE:-${EMPTY:-${SET}}}", "value"),
        ("${NONE:-a}b${NONE:-'}'}", "ab}"),
        ("${PATH#*/}", "usr/local/lib/a.tar.gz"),
        ("${PATH##*/}", "a.tar.gz"),
        ("${PATH%.*}", "/usr/local/lib/a.tar"),
        ("${PATH%%.*}", "/usr/local/lib/a"),
        ("${PATH#nothing}", "/usr/local/lib/a.tar.gz"),
        ("${PATH%%*}${PATH%*}", "/usr/local/lib/a.tar.gz"),
        ("${PATH/\\//:}", ":usr/local/lib/a.tar.gz"),
        ("${PATH//\\//:}", ":usr:local:lib:a.tar.gz"),
        ("${PATH//l?/L}", "/usr/LcaLLb/a.tar.gz"),
        ("${SET//*/x}", "x"),
        ("${SET//z*/x}", "value"),
        ("${SET/a/$SET}", "vvaluelue"),
        # With `//`, $0 is the match, as in Go's template; with `/` it is not.
        ("${SET/a/'$0'}${SET//a/'<$0>'}", "v$0luev<a>lue"),
        ("${SET//a/\\$\\$}", "v\\$\\$lue"),
        ("${LINES#*b}", "a\nb"),
        ("${LINES#a?}", "a\nb"),
        ("'$SET' \"$SET\" \\$SET", "$SET value $SET"),
        ("\"a\\b\\\"c\\\\\"", 'a\\b"c\\'),
        ("a\\b\\\\c\\", "ab\\c"),
        ("\ufeffa", "a"),
    ],
)  # fmt: skip
def test_forms(word: str, expected: str) -> None:
    assert text(word) == expected


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("'a", "single quote"),
        ('"a', "double quote"),
        ("${SET", "} is missing"),
        ("${", "not followed by a name"),
        ("${}", "not followed by a name"),
        ("${:-a}", "not followed by a name"),
        ("${SET:#a}", ":# cannot stand"),
        ("${SET=a}", "= cannot stand"),
        ("${SET:=a}", ":= cannot stand"),
        ("${SET/a}", "/ is missing"),
        ("${SET#\\x}", "malformed"),
        ("${NONE?}", "NONE: is not allowed to be unset"),
        ("${EMPTY:?}", "EMPTY: is not allowed to be empty"),
        ("${NONE:?say $SET}", "NONE: say value"),
        ("${NONE:-" * 100 + "}" * 100, "too deep"),
        ("$SET" * 400_000, "more than"),
    ],
    ids=lambda value: value[:20],
)
def test_what_cannot_be_expanded(word: str, reason: str) -> None:
    with pytest.raises(BadSubstitution) as caught:
        expand(word, VALUES)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("a  b", ("a", "b")),
        ("a$SPACED", ("a", "a", "b")),
        ('"$SPACED"', ("  a  b ",)),
        ("a\\ b 'c d'", ("a b", "c d")),
        ("'' \"\"", ()),
        ("a\u00a0b", ("a", "b")),
    ],
)
def test_words(word: str, expected: tuple[str, ...]) -> None:
    assert expand(word, VALUES).words == expected


def test_names_that_were_asked_for() -> None:
    found = expand("$SET ${NONE:-$OTHER} '$NOT'", VALUES)
    assert found.used == frozenset({"SET"})
    assert found.unset == frozenset({"NONE", "OTHER"})


def test_rules() -> None:
    assert text("'a' \"b\" \\c", keep_quotes=True, keep_escapes=True) == "'a' \"b\" \\c"
    assert text('it\'s $SET "$SET"', no_quotes=True) == 'it\'s value "value"'
    assert text("$NONE ${NONE} ${NONE:-d} $SET", keep_unset=True) == "$NONE ${NONE} ${NONE:-d} value"
    assert expand("a`$SET\\", VALUES, Rules("`")).text == "a$SET\\"


@given(st.text("$AB{}:-+?#%/*\\'\"<` \n", max_size=60), st.sampled_from("\\`"))
def test_any_word_ends(word: str, escape: str) -> None:
    for rules in (Rules(escape), Rules(escape, keep_unset=True, keep_quotes=True, keep_escapes=True)):
        try:
            found = expand(word, {"A": "aba", "B": ""}, rules)
        except BadSubstitution:
            continue
        assert not found.used & found.unset
        assert found.used <= {"A", "B"}


@pytest.mark.parametrize("pattern", ["*a*a*a*a*a*a*a*b", "?*" * 200 + "b", "*" * 2000, "a" * 4000])
@pytest.mark.parametrize("form", ["#", "##", "%", "%%", "/", "//"])
def test_patterns_take_linear_time(pattern: str, form: str) -> None:
    started = time.process_time()
    end = "/x}" if "/" in form else "}"
    expand("${A" + form + pattern + end, {"A": "a" * 4000})
    assert time.process_time() - started < 5


def test_an_allowance_is_shared_and_used_up() -> None:
    allowance = Allowance(44)
    assert expand("$SET", VALUES, allowance=allowance).text == "value"
    assert expand("as much as it takes, without a variable", VALUES, allowance=allowance).text
    assert expand("$SET", VALUES, allowance=allowance).text == "value"
    with pytest.raises(BadSubstitution, match="too many characters"):
        expand("$SET", VALUES, allowance=allowance)
    # Comparing takes more time than putting in.
    with pytest.raises(BadSubstitution, match="too many characters"):
        expand("${SET%x}", VALUES, allowance=Allowance(40))
