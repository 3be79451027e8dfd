"""Dockerfiles and .dockerignore files of just under a megabyte that are meant to be slow to read.

Owns the inputs, each made when it is asked for; what is to be said of them is
nobody's business here. Nothing is random, so that a failure repeats by name.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count, takewhile

SIZE = 1_000_000 - 1_000
# Just under the longest line that BuildKit reads.
LINE = 65_000
# Of instructions, just under what is read: what they mean together is asked then.
MOST = 2_900


def filled(unit: str, head: str = "FROM a\n", tail: str = "", size: int = SIZE) -> str:
    """`unit` as often as it fits between `head` and `tail`."""
    return head + unit * ((size - len(head) - len(tail)) // len(unit)) + tail


def numbered(template: str, head: str = "FROM a\n", size: int = SIZE) -> str:
    """`template` with 0, 1, 2 ... for every `@`, as often as it fits and is read."""
    room = size - len(head)
    longest = len(template.replace("@", "9" * 6))
    count = min(room // longest, MOST // template.count("\n"))
    return head + "".join(template.replace("@", str(n)) for n in range(count))


def lines(line: str, head: str = "FROM a\n") -> str:
    """One line as often as it fits."""
    return filled(line + "\n", head)


def continued(unit: str, start: str, end: str = "x\n") -> str:
    """One instruction over as many continued lines as fit."""
    return filled(unit + " \\\n", f"FROM a\n{start} \\\n", end)


def folded(unit: str, start: str) -> str:
    """One instruction of a megabyte: lines as long as they may be, each continued."""
    line = unit * (50_000 // len(unit)) + "\\\n"
    return filled(line, f"FROM a\n{start}", "x\n")


def nested(opening: str, closing: str, depth: int, start: str = "ENV a=") -> str:
    """Lines that each nest `depth` times, as long as a line may be."""
    word = opening * depth + "x" + closing * depth
    line = start + word * (LINE // len(word))
    return lines(line)


def doubled_arguments() -> str:
    """Each argument is the one before it twice: 2**n characters."""
    pieces = [f"ARG a{n}=${{a{n - 1}}}${{a{n - 1}}}\n" for n in range(1, MOST)]
    return ("ARG a0=x\n" + "".join(pieces))[:SIZE].rpartition("\n")[0] + "\nFROM b:$a4000\nRUN x\n"


def growing_arguments(keyword: str, head: str) -> str:
    """Each value holds the ones before it, so that a linear chain takes quadratic time."""
    unit = "x" * 20
    return numbered(f"{keyword} v={unit}${{v}}@\n", head)


def large_argument(use: str, size: int = LINE - 100) -> str:
    """An argument as long as a line, used as often as fits."""
    return numbered(use, f"FROM a\nARG v={'x' * size}\n")


def arguments_of_a_large_one(use: str) -> str:
    """Global arguments that each take another of an earlier one, which is long."""
    body = numbered(use, f"ARG v={'ab' * 2_000}\n", SIZE - 100)
    return body + "FROM a:$b1\nRUN x\n"


def stages_copying_each_other() -> str:
    """Every stage copies from one before it and one after it."""
    parts = (f"FROM a AS s{n}\nCOPY --from=s{n // 2} /x /y\nCOPY --from=s{n + 7} /x /y\n" for n in count())
    return _up_to_size(parts)


def chain_of_stages() -> str:
    """Every stage is built FROM the one before it."""
    return _up_to_size(f"FROM {f's{n - 1}' if n else 'a'} AS s{n}\nRUN {n}\n" for n in count())


def chain_of_triggers() -> str:
    """Every stage is built FROM the one before it, and leaves something to the next."""
    parts = (f"FROM {f's{n - 1}' if n else 'a'} AS s{n}\nONBUILD RUN {n}\nONBUILD ENV a=b\n" for n in count())
    return _up_to_size(parts)


def chain_of_stages_with_environment() -> str:
    """A chain of stages under ever more variables."""
    parts = (f"FROM {f's{n - 1}' if n else 'a'} AS s{n}\nENV v{n}=x\nRUN {n}\n" for n in count())
    return _up_to_size(parts)


def stages_of_any_argument() -> str:
    """Every stage may be any earlier one, and copies from others."""
    parts = (f"FROM ${{x{n}}} AS s{n}\nCOPY --from=s{n // 3} a b\n" for n in count())
    return _up_to_size(parts)


def arguments_before_stages() -> str:
    """Many global arguments and many stages that each name some of them."""
    head = "".join(f"ARG v{n}=x\n" for n in range(MOST // 2))
    return _up_to_size((f"FROM $v{n % 999}$v1$v2 AS s{n}\nARG v{n % 999}\n" for n in count()), head)


def environment_then_runs() -> str:
    """Thousands of variables that thousands of commands see."""
    head = "FROM a\n" + "".join(f"ENV v{n}=x\n" for n in range(MOST // 2))
    return _up_to_size((f"RUN echo {n}\n" for n in count()), head)


def arguments_then_runs() -> str:
    """Thousands of arguments with defaults that thousands of commands see."""
    head = "FROM a\n" + "".join(f"ARG v{n}=x\n" for n in range(MOST // 2))
    return _up_to_size((f"RUN echo {n}\n" for n in count()), head)


def long_environment_then_runs() -> str:
    """Many long values that thousands of commands see."""
    head = "FROM a\n" + "".join(f"ENV v{n}={'x' * 60_000}\n" for n in range(10))
    return _up_to_size((f"RUN echo {n}\n" for n in count()), head)


def shell_then_runs() -> str:
    """A shell of thousands of words, taken by thousands of commands."""
    head = "FROM a\nSHELL [" + ",".join(['"x"'] * 16_000) + "]\n"
    return _up_to_size((f"RUN echo {n}\n" for n in count()), head)


def folders_below_each_other() -> str:
    """Every WORKDIR goes deeper, so that paths grow."""
    return numbered("WORKDIR a/b/c\nRUN x\n")


def copies_of_many_sources() -> str:
    """Copies with thousands of sources each."""
    return lines("COPY " + "a " * 20_000 + "/x/")


def many_mounts() -> str:
    """One command with thousands of mounts of other stages."""
    unit = "--mount=from=s@,source=/a,target=/b \\\n"
    return numbered(unit, "FROM a AS s1\nFROM b AS s2\nRUN \\\n") + "x\n"


def heredoc_openers_of_one_line() -> str:
    """Many commands that each open hundreds of heredocs, none of which ends."""
    return lines("RUN " + "<<A " * 16_000)


def heredocs_all_ended() -> str:
    """Thousands of heredocs opened at once that all end."""
    head = "FROM a\nRUN " + " ".join(f"<<E{n}" for n in range(900)) + "\n"
    ends = "".join(f"x\nE{n}\n" for n in range(900))
    return filled("RUN <<A\nA\n", head + ends)


def heredocs_with_large_names() -> str:
    """Names as long as a line, in a file of lines that nearly are one."""
    return filled("x" * LINE + "\n", f"FROM a\nRUN <<{'x' * LINE}y\n")


def copied_heredocs() -> str:
    """Thousands of small files written by heredocs whose variables count."""
    head = f"FROM a\nENV v={'x' * 1_000}\n"
    return filled("COPY <<E /f\n${v}${v%x*}${v:-$v}\nE\n", head)


def one_copied_heredoc() -> str:
    """One heredoc of a megabyte full of variables."""
    return filled("${v:-$v}\n", f"FROM a\nENV v={'x' * 60_000}\nCOPY <<E /f\n", "E\n")


def patterns_on_a_large_value(form: str) -> str:
    """Substitutions that match a pattern against a long value."""
    return numbered(f"ENV w={form}\n", f"FROM a\nENV v={'ab' * 30_000}\n")


def _up_to_size(parts: object, head: str = "") -> str:
    assert hasattr(parts, "__iter__")
    size, count = len(head), head.count("\n")

    def fits(part: str) -> bool:
        nonlocal size, count
        size += len(part)
        count += part.count("\n")
        return size < SIZE and count < MOST

    return head + "".join(takewhile(fits, parts))


DOCKERFILES: dict[str, Callable[[], str]] = {
    "nothing but line feeds": lambda: filled("\n", ""),
    "nothing but carriage returns": lambda: filled("\r", ""),
    "nothing but spaces and returns": lambda: filled(" \r", "FROM a\n"),
    "lines that end with many returns": lambda: lines("RUN x" + "\r" * 30_000),
    "lines of returns in a continuation": lambda: continued("\r" * 60_000, "RUN"),
    "continued lines that end with returns": lambda: filled("x \\" + "\r" * 60_000 + "\n", "FROM a\nRUN "),
    "nothing but NUL": lambda: filled("\0", ""),
    "lines of NUL": lambda: lines("RUN \0\0"),
    "byte order marks": lambda: filled("\ufeff", ""),
    "a byte order mark before each line": lambda: lines("\ufeffRUN x"),
    "lone surrogates": lambda: filled("\udc80", "FROM a\nRUN ", size=LINE),
    "lines of lone surrogates": lambda: lines("RUN --a=\udcff\udcfe \ud800"),
    "flags beyond ASCII": lambda: lines("COPY " + "--é=è " * 5_000),
    "one line": lambda: filled("x", "FROM a\nRUN "),
    "lines as long as they may be": lambda: lines("RUN " + "x" * LINE),
    "lines of blanks": lambda: lines(" " * LINE),
    "blanks before a keyword": lambda: lines(" \t" * 30_000 + "RUN x"),
    "blanks after a keyword": lambda: lines("RUN" + " " * LINE + "x"),
    "blanks and a backslash": lambda: continued(" " * 60_000, "RUN"),
    "comments": lambda: lines("#"),
    "directives": lambda: numbered("# x@=y\n", ""),
    "directives that stand twice": lambda: lines("# escape=\\", ""),
    "escapes that are none": lambda: lines("# escape=ab", ""),
    "instructions": lambda: lines("RUN x"),
    "instructions that are none": lambda: numbered("FOO@ x\n"),
    "one instruction that is none, long": lambda: lines("x" * LINE),
    "nothing but FROM": lambda: lines("FROM a"),
    "nothing but ARG": lambda: numbered("ARG a@\n", ""),
    "continuations": lambda: continued("", "RUN"),
    "continuations of words": lambda: continued("x", "RUN"),
    "continuations of nothing": lambda: filled("\\\n", "FROM a\nRUN "),
    "continuations after backslashes": lambda: filled("\\\\\\\n", "FROM a\nRUN "),
    "continuations and comments": lambda: continued("# \\\n  x", "RUN"),
    "continuations and empty lines": lambda: continued("\n\n", "RUN"),
    "continuations in ENV": lambda: numbered("a@=b \\\n", "FROM a\nENV \\\n") + "c=d\n",
    "continuations in JSON": lambda: filled('"x", \\\n', "FROM a\nRUN [ \\\n", '"y"]\n'),
    "continuations in flags": lambda: filled("--mount=type=cache,target=/x \\\n", "FROM a\nRUN ", "x\n"),
    "continuations that never end": lambda: filled("\\\n# c\n", "FROM a\nRUN x "),
    "continuations by another escape": lambda: filled("x `\n", "# escape=`\nFROM a\nRUN "),
    "two continuations by turns": lambda: lines("RUN a \\\n b"),
    "backslashes": lambda: filled("\\", "FROM a\nENV a=", size=LINE),
    "lines of backslashes": lambda: lines("ENV a=" + "\\" * LINE),
    "lines of escaped quotes": lambda: lines("ENV a=" + '\\"' * 30_000),
    "lines of quotes": lambda: lines("ENV a=" + '"' * 60_000),
    "lines of both quotes": lambda: lines("ENV a=" + "\"'" * 30_000),
    "quotes that never end": lambda: lines("ENV " + "a='b\" " * 10_000),
    "quoted words": lambda: lines("LABEL a=\"b c\" d='e f'"),
    "words": lambda: filled("a=b ", "FROM a\nENV ", size=LINE) + "\n" + lines("ENV " + "a=b " * 16_000, ""),
    "short words": lambda: lines("EXPOSE " + "1 " * 30_000),
    "JSON": lambda: lines("CMD [" + '"x",' * 16_000 + '"y"]'),
    "JSON of escapes": lambda: lines('CMD ["' + "\\u0000" * 10_000 + '"]'),
    "JSON strings of one escape": lambda: lines("CMD [" + '"\\n",' * 12_000 + '"y"]'),
    "JSON of surrogates": lambda: lines("CMD [" + '"\\ud800",' * 6_000 + '"y"]'),
    "JSON that nests": lambda: lines("CMD " + "[" * LINE),
    "JSON that nests and ends": lambda: lines("CMD " + "[" * 900 + "]" * 900),
    "JSON of objects": lambda: lines("CMD [" + '{"a":' * 12_000),
    "JSON of numbers": lambda: lines("CMD [" + "1," * 30_000 + "1]"),
    "JSON of a large number": lambda: lines("CMD [" + "1" * LINE + "]"),
    "JSON of a large exponent": lambda: lines("CMD [1e" + "9" * 60_000 + "]"),
    "JSON that is none at its end": lambda: lines("COPY [" + '"a",' * 16_000 + "'b']"),
    "ONBUILD of ONBUILD": lambda: lines("ONBUILD " * 8_000),
    "ONBUILD": lambda: lines("ONBUILD RUN x"),
    "a stage after triggers": lambda: numbered("ONBUILD RUN @\n", "FROM a AS b\n") + "FROM b\nRUN x\n",
    "many stages after triggers": lambda: numbered(
        "FROM b\n", filled("ONBUILD RUN x\n", "FROM a AS b\n", size=30_000)
    ),
    "ONBUILD of heredocs": lambda: lines("ONBUILD RUN <<A\nA"),
    "ONBUILD of nothing": lambda: lines("ONBUILD"),
    "heredoc openers": lambda: lines("RUN <<A"),
    "heredoc openers of other names": lambda: numbered("RUN <<A@\n"),
    "heredoc openers with tabs": lambda: lines("RUN <<-A\n" + "\t" * 1_000),
    "heredoc openers on one line": heredoc_openers_of_one_line,
    "heredoc openers of quotes": lambda: lines("RUN " + "<<'A' " * 10_000),
    "heredoc openers that nest": lambda: lines("RUN " + '<<"${a:-' * 8_000),
    "heredoc openers over continuations": lambda: continued("<<A", "RUN"),
    "heredoc openers in quotes over continuations": lambda: continued("'<<A'", "RUN"),
    "heredoc openers on long lines over continuations": lambda: continued("<<A " * 16_000, "RUN"),
    "heredocs of quoted names": lambda: lines("RUN <<" + "''a" * 10_000 + "\n" + "a" * 10_000),
    "heredocs of quoted names that are copied": lambda: lines("COPY <<" + "''a" * 300 + " /x\n" + "a" * 300),
    "heredocs after words": lambda: lines("RUN <<A " + "a " * 30_000 + "\nA"),
    "heredocs after quotes": lambda: lines("RUN <<A " + "'a'" * 20_000 + "\nA"),
    "nothing but less-than signs": lambda: lines("RUN " + "<" * LINE),
    "heredocs that end at once": lambda: lines("RUN <<A\nA"),
    "heredocs that end all": heredocs_all_ended,
    "heredocs of one file": lambda: filled("x\n", "FROM a\nRUN <<A\n", "A\n"),
    "heredocs of large names": heredocs_with_large_names,
    "heredocs that are copied": copied_heredocs,
    "one heredoc of variables": one_copied_heredoc,
    "substitutions that nest": lambda: nested("${a:-", "}", 50),
    "substitutions that nest too deep": lambda: nested("${a:-", "}", 5_000),
    "substitutions in quotes that nest": lambda: nested('"${a:-', '}"', 50),
    "substitutions that never end": lambda: lines("ENV a=" + "${a:-" * 12_000),
    "replacements that nest": lambda: nested("${a/", "/b}", 50),
    "global substitutions that nest": lambda: nested("${a:-", "}", 50, "ARG a=").removeprefix("FROM a\n"),
    "dollars": lambda: lines("ENV a=" + "$" * LINE),
    "variables with spaces": lambda: numbered("ARG w=$v\n", f"ARG v='{'a ' * 2_000}'\n") + "FROM a\n",
    "variables": lambda: lines("ENV a=" + "$a" * 30_000),
    "variables without values": lambda: numbered("ENV a=$b@\n"),
    "digits after a dollar": lambda: lines("ENV a=$" + "1" * LINE),
    "long names of variables": lambda: lines("ENV a=${" + "b" * LINE + "}"),
    "a large argument": lambda: large_argument("ENV w=$v$v$v$v\n"),
    "a large argument in one line": lambda: large_argument("ENV " + "w=$v " * 10_000 + "\n"),
    "a large argument in labels": lambda: large_argument("LABEL w=$v\n"),
    "a large argument in paths": lambda: large_argument("COPY $v $v\n"),
    "a large argument in folders": lambda: large_argument("WORKDIR $v\n"),
    "a large argument in users": lambda: large_argument("USER $v\n"),
    "a large argument in stages": lambda: large_argument("FROM $v\n").replace("FROM a\n", "", 1),
    "arguments that double": doubled_arguments,
    "variables that double": lambda: numbered("ENV v=x$v$v\nRUN @\n"),
    "variables that grow": lambda: growing_arguments("ENV", "FROM a\nENV v=y\n"),
    "arguments that grow": lambda: growing_arguments("ARG", "FROM a\nARG v=y\n"),
    "global arguments that grow": lambda: growing_arguments("ARG", "ARG v=y\n") + "FROM a\nRUN x\n",
    "global arguments of a large one": lambda: arguments_of_a_large_one("ARG b@=$v\n"),
    "global arguments that match a large one": lambda: arguments_of_a_large_one("ARG b@=${v%a*b*a}\n"),
    "global arguments that replace in a large one": lambda: arguments_of_a_large_one("ARG b@=${v//a*b/c}\n"),
    "suffixes of a large value": lambda: patterns_on_a_large_value("${v%a*a*a*c}"),
    "prefixes of a large value": lambda: patterns_on_a_large_value("${v##*?*?*b}"),
    "replacements in a large value": lambda: patterns_on_a_large_value("${v//a/bb}"),
    "replacements that match nowhere": lambda: patterns_on_a_large_value("${v//a*c/bb}"),
    "replacements of nothing": lambda: patterns_on_a_large_value("${v//*/bb}"),
    "patterns of a large value": lambda: patterns_on_a_large_value("${v%$v}"),
    "stages that copy each other": stages_copying_each_other,
    "stages that copy by number": lambda: numbered("FROM a\nCOPY --from=@ a b\n", ""),
    "a chain of stages": chain_of_stages,
    "a chain of triggers": chain_of_triggers,
    "a chain of stages with variables": chain_of_stages_with_environment,
    "stages that may be any": stages_of_any_argument,
    "stages of substitutions that never end": lambda: lines("FROM " + "${a" * 20_000, ""),
    "stages of one name": lambda: lines("FROM a AS b\nCOPY --from=b x y", ""),
    "stages and global arguments": arguments_before_stages,
    "variables before commands": environment_then_runs,
    "arguments before commands": arguments_then_runs,
    "long variables before commands": long_environment_then_runs,
    "a long shell before commands": shell_then_runs,
    "arguments declared again": lambda: numbered("ARG a=b\nRUN @\n"),
    "folders below each other": folders_below_each_other,
    "folders with dots": lambda: lines("WORKDIR " + "../" * 20_000),
    "sources": copies_of_many_sources,
    "sources with wildcards": lambda: lines("COPY " + "*?[a-z]* " * 7_000 + "/x/"),
    "copies": lambda: numbered("COPY a@ b@\n"),
    "links": lambda: numbered("COPY --link a@ /b@\n"),
    "excludes": lambda: lines("COPY " + "--exclude=*a*b*c " * 3_000 + "a b"),
    "mounts": many_mounts,
    "mounts of quotes": lambda: lines("RUN --mount=" + '"",' * 15_000 + " x"),
    "mounts of fields": lambda: lines("RUN --mount=" + "target=x," * 7_000 + "type=cache x"),
    "mounts of caches": lambda: lines("RUN " + "--mount=type=cache,target=/x " * 2_200 + "x"),
    "health checks": lambda: lines("HEALTHCHECK --interval=5s CMD x"),
    "flags": lambda: lines("RUN " + "--x " * 16_000),
    "flags of quotes": lambda: lines("RUN --x=" + "'\\''" * 15_000),
    "folded words": lambda: folded("a ", "ARG "),
    "folded spaces": lambda: folded(" ", "RUN"),
    "folded quotes after an opener": lambda: folded("'\"", "RUN <<"),
    "folded names of heredocs": lambda: folded("<<\\a", "RUN "),
    "folded substitutions after an opener": lambda: folded("${a:-", "RUN << "),
    "folded substitutions that end": lambda: folded("${a:-b}", "RUN << "),
    "folded substitutions in ENV": lambda: folded("${a:-b}", "ENV a="),
    "folded substitutions in COPY": lambda: folded("${a:-b} ", "COPY "),
    "folded flags": lambda: folded("--from=x ", "COPY "),
    "folded fields of a mount": lambda: folded("from=x,", "RUN --mount="),
    "folded JSON": lambda: folded('"x",', 'CMD ["y",'),
    "flags after each other": lambda: lines("RUN --" + "-" * LINE),
}

IGNORES: dict[str, Callable[[], str]] = {
    "rules": lambda: numbered("a@\n", ""),
    "10,000 rules of stars": lambda: numbered("**/a*b*@/**/c?d\n", ""),
    "10,000 rules by turns": lambda: numbered("**/*.x@\n!**/*.x@\n", ""),
    "rules that match anything": lambda: numbered("*a*b@*\n", ""),
    "rules as long as they may be": lambda: filled("*a" * 2_000 + "\n", ""),
    "rules of classes as long as they may be": lambda: filled("[a-z]?" * 680 + "\n", ""),
    "long rules": lambda: filled("a/" * 30_000 + "b\n", ""),
    "long rules of stars": lambda: filled("*a" * 30_000 + "\n", ""),
    "long rules of two stars": lambda: filled("**/a/" * 12_000 + "\n", ""),
    "rules of classes": lambda: filled("[a-z]" * 12_000 + "\n", ""),
    "classes of ranges": lambda: filled("[" + "a-z" * 20_000 + "]\n", ""),
    "classes that never end": lambda: filled("[" * 60_000 + "\n", ""),
    "rules of backslashes": lambda: filled("\\*" * 30_000 + "\n", ""),
    "rules of dots": lambda: filled("../" * 20_000 + "\n", ""),
    "exceptions of nothing": lambda: filled("!\n", ""),
    "comments of rules": lambda: filled("#\n", ""),
    "carriage returns": lambda: filled("\r", ""),
    "NUL": lambda: filled("\0\n", ""),
    "surrogates": lambda: filled("\udc80*\n", ""),
}
