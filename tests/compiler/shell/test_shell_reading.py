"""Shell text is cut into commands as a shell does it, in linear time and without ever raising."""

from __future__ import annotations

import shutil
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.shell.model import Command, Script
from compiler.shell.reading import LONGEST, read_script, single_command

# Text, and for each command its depth and its words; "_" is a space in a word, "¦" is between commands.
CASES = [
    (
        "apt-get update && apt-get install -y 'a b' c=1.*",
        "0 apt-get update¦0 apt-get install -y a_b c=1.*",
    ),
    ("set -eux; a\nb || c | d & e", "0 set -eux¦0 a¦0 b¦0 c¦0 d¦0 e"),
    ("if [ -f x ]; then a; elif b; then c; else d; fi && e", "1 [ -f x ]¦1 a¦1 b¦1 c¦1 d¦0 e"),
    ("for x in a b $(c); do d $x; done; while e; do f; done < g", "2 c¦1 d $x¦1 e¦1 f"),
    ("case $(a) in x|y) b ;; (z) c;; *) d; e ;; esac; f", "2 a¦1 b¦1 c¦1 d¦1 e¦0 f"),
    ("f() { a; }; g () ( b ); function h { c; }; f", "1 a¦1 b¦1 c¦0 f"),
    ("{ a; b; } | (c; d) > e", "1 a¦1 b¦1 c¦1 d"),
    ("[[ $a =~ ^(b|c)$ && -f d ]]; then_not e", "0 [[ $a =~ ^(b|c)$ && -f d ]]¦0 then_not e"),
    ("if [[ -f a ]]; then b; fi", "1 [[ -f a ]]¦1 b"),
    ('x="$(a | b "c d")" y=`e` f "${g:-"h i"}" ${j#*\'}\'}', "0 f ${g:-\"h_i\"} ${j#*'}'}¦1 a¦1 b c_d¦1 e"),
    ("a=(1 2 $(b)) c; d+=x e", "0 c¦2 b¦0 e"),
    ("a # b\nc#d # e; f", "0 a¦0 c#d"),
    ("cat <<EOF > f && a\nb; c\nEOF\nd <<-'E'\n\te\n\tE\ng", "0 cat¦0 a¦0 d¦0 g"),
    ("a <(b c) 2>&1 >>d; e {fd}<f", "0 a <(b_c)¦1 b c¦0 e"),
    ("make -j$((2*(3+4))) && ((x++)) || a", "0 make -j$((2*(3+4)))¦0 a"),
    ("! a && \\\n  b \\  c", "0 a¦0 b _ c"),
    ("a\\\nb $'c\\'d' \"e'f\" \\$g", "0 ab c\\'d e'f $g"),
    ("echo } if then {", "0 echo } if then {"),
    ("; ;", ""),
    ("", ""),
    ("FOO=1", "0 "),
]


def shown(command: Command) -> str:
    return f"{command.depth} {' '.join(word.replace(' ', '_') for word in command.words)}"


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text[:30] for text, _ in CASES])
def test_commands(text: str, expected: str) -> None:
    assert "¦".join(map(shown, read_script(text).commands)) == expected


def test_what_a_command_stands_after() -> None:
    commands = read_script("a && b || c | d; e & f\ng\n\n(h; i) && j; if k; then l\nm; fi |& n").commands
    found = " ".join(f"{each.before}{each.program}" for each in commands)
    assert found == "a &&b ||c |d ;e &f ;g h ;i &&j k l ;m |n"


INCOMPLETE = [
    *("a;;b", 'echo "a', "echo 'a", "a $(b", "a `b", "if a; then b", "a )", "}", "a }; }", "a &&", "a | "),
    *("cat <<E\na", "a >", "for x in b", "case a in b", "${a", "((a", "a b() c", "! (", "[[ a", "[[ a ]] b"),
    *("fi", "a\0b", "a" * (LONGEST + 1)),
]


@pytest.mark.parametrize("text", INCOMPLETE, ids=[repr(text[:12]) for text in INCOMPLETE])
def test_what_is_not_understood_is_said(text: str) -> None:
    assert not read_script(text).complete


def test_variables_redirections_and_certainty() -> None:
    [command] = read_script('A=1 B="$x y" env "c" >d 2>&1 <<<"e f"').commands
    assert command.variables == (("A", "1"), ("B", "$x y"))
    assert command.redirections == ((">", "d"), (">&", "1"), ("<<<", "e f"))
    assert command.certain
    assert [each.certain for each in read_script("a $x; a '$x'; a \\$x; a $(b); a *.c").commands] == [
        *(False, True, True, False),
        *(True, True),
    ]
    [command] = read_script("bash <<E\na\nb\nE\n").commands
    assert command.redirections == (("<<", "a\nb\n"),)


def test_places() -> None:
    text = "A=1 b  'c d' > e && \\\n  (f; g)"
    assert [text[each.start : each.end] for each in read_script(text).commands] == [
        "A=1 b  'c d' > e",
        "f",
        "g",
    ]


def test_a_json_form_is_one_command() -> None:
    assert single_command(["a", "b;c"], 9) == Script((Command(("a", "b;c"), 0, 9),))
    assert single_command([], 0) == Script(())


TOKENS = [
    *("a", "b c", "&&", "||", ";", "|", "\n", "(", ")", "{ ", "}", "if ", "then ", "fi", "do ", "done"),
    *("for x in ", "while ", '"', "'", "$(", "`", "$x", "${x:-", "> f", "<<E\nb\nE\n", "<<-", "\\", "#", " "),
    *("x=", "case ", "in ", "a) ", ";;", "esac", "!", "[[ ", "]]", "&", "((", "))", "<(", "=(", "f() ", "\t"),
    *("\r\n", "function ", "$'", "\0"),
]


@given(st.lists(st.sampled_from(TOKENS) | st.text(max_size=4), max_size=40).map("".join))
def test_it_never_raises_and_places_are_in_the_text(text: str) -> None:
    commands = read_script(text).commands
    for command in commands:
        assert 0 <= command.start <= command.end <= len(text)
        assert command.depth >= 0
    assert list(commands) == sorted(commands, key=lambda each: each.start)


WORDS = st.text("abcxyz019-_./=%+,:@", min_size=1, max_size=8).filter(
    lambda word: "=" not in word and word[0] not in "-" and word not in ("]]",)
)
RESERVED = {"if", "do", "in"}
SIMPLE = st.lists(WORDS.filter(lambda word: word not in RESERVED), min_size=1, max_size=4)


def quoted(word: str, how: int) -> str:
    return [word, f"'{word}'", f'"{word}"', f"\\{word}" if word[0] not in "\n" else word][how % 4]


def scripts(depth: int) -> st.SearchStrategy[tuple[str, list[list[str]]]]:
    """Shell texts with the commands in them."""
    simple = st.tuples(SIMPLE, st.integers(0, 3)).map(
        lambda made: (" ".join(quoted(word, made[1]) for word in made[0]), [made[0]])
    )
    if depth == 0:
        return simple
    inner = scripts(depth - 1)
    return st.one_of(
        simple,
        st.tuples(inner, st.sampled_from([" && ", " || ", "; ", " | ", "\n", " &\n"]), inner).map(
            lambda made: (made[0][0] + made[1] + made[2][0], made[0][1] + made[2][1])
        ),
        inner.map(lambda made: (f"( {made[0]})", made[1])),
        inner.map(lambda made: (f"{{ {made[0]}\n}}", made[1])),
        st.tuples(inner, inner).map(
            lambda made: (f"if {made[0][0]}\nthen {made[1][0]}\nfi", made[0][1] + made[1][1])
        ),
        inner.map(lambda made: (f"for i in 1 2; do {made[0]}\ndone", made[1])),
        inner.map(lambda made: (f"case x in a|b) {made[0]}\n;; esac", made[1])),
        inner.map(lambda made: (f'A="$( {made[0]}\n)"', [[], *made[1]])),
    )


@given(scripts(3))
def test_all_commands_of_a_text_are_found(made: tuple[str, list[list[str]]]) -> None:
    text, expected = made
    script = read_script(text)
    assert [list(command.words) for command in script.commands] == expected
    assert script.complete


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash as an oracle")
@pytest.mark.parametrize(
    "text", [text for text, _ in CASES if text not in ("; ;",)], ids=lambda text: text[:30]
)
def test_bash_takes_what_is_complete(text: str) -> None:
    assert read_script(text).complete
    assert subprocess.run(["bash", "-n", "-c", text], capture_output=True, check=False).returncode == 0


HOSTILE = [
    "$(",
    "((",
    "`",
    '"',
    "'",
    "\\",
    "${",
    "(",
    "{ ",
    "if ",
    "a;",
    "$x",
    "<<E\n",
    "a=(",
    "[[ ",
    "$((",
    "case a in ",
    "x\n",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_is_linear(piece: str) -> None:
    text = piece * (LONGEST // len(piece))
    start = time.perf_counter()
    read_script(text)
    # A quarter of a second when the machine is idle; quadratic would be minutes.
    assert time.perf_counter() - start < 5
