"""Which paths a read covers, and what stands for their content."""

from __future__ import annotations

import fnmatch
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.context.model import Entry, Tree
from compiler.layers import content
from compiler.layers.model import Read
from compiler.layers.selection import matcher, selected
from compiler.layers.solver import BUILDKIT_0_8
from compiler.layers.wildcards import BadPattern, compiled, has_wildcards
from layer_builds import tree


# The cases of Go's own test of path.Match (src/path/match_test.go), by their meaning.
@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("abc", "abc", True),
        ("*", "abc", True),
        ("*c", "abc", True),
        ("a*", "a", True),
        ("a*", "abc", True),
        ("a*", "ab/c", False),
        ("a*/b", "abc/b", True),
        ("a*/b", "a/c/b", False),
        ("a*b*c*d*e*/f", "axbxcxdxe/f", True),
        ("a*b*c*d*e*/f", "axbxcxdxexxx/f", True),
        ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", False),
        ("a*b?c*x", "abxbbxdbxebxczzx", True),
        ("a*b?c*x", "abxbbxdbxebxczzy", False),
        ("ab[c]", "abc", True),
        ("ab[b-d]", "abc", True),
        ("ab[e-g]", "abc", False),
        ("ab[^c]", "abc", False),
        ("ab[^e-g]", "abc", True),
        ("a\\*b", "a*b", True),
        ("a\\*b", "ab", False),
        ("a?b", "a\u263ab", True),
        ("a[^a]b", "a\u263ab", True),
        ("a???b", "a\u263ab", False),
        ("[a-\u03b6]*", "\u03b1", True),
        ("*[a-\u03b6]", "A", False),
        ("a?b", "a/b", False),
        ("a*b", "a/b", False),
        ("[\\]a]", "]", True),
        ("[\\-]", "-", True),
        ("[x\\-]", "-", True),
        ("[\\-x]", "a", False),
        ("*x", "xxx", True),
    ],
)
def test_wildcards_match_as_in_go(pattern: str, path: str, expected: bool) -> None:
    assert compiled(pattern)(path) is expected


@pytest.mark.parametrize(
    "pattern", ["[]a]", "[-]", "[x-]", "[-x]", "[", "[^", "[^bc", "a[", "\\", "a\\", "[a-\\"]
)
def test_malformed_wildcards_are_refused_and_cover_nothing(pattern: str) -> None:
    with pytest.raises(BadPattern):
        compiled(pattern)
    if has_wildcards(pattern):
        assert not matcher(Read(None, (pattern,)))("a")


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_wildcards_agree_with_fnmatch_where_there_is_no_slash(pattern: str, path: str) -> None:
    assert compiled(pattern)(path) is bool(re.fullmatch(fnmatch.translate(pattern), path))


def test_many_stars_take_no_time() -> None:
    start = time.process_time()
    assert not compiled("a*" * 500 + "b")("a" * 5000)
    assert time.process_time() - start < 2


PATHS = ("a.txt", "b.md", "d", "d/a.txt", "d/e/x.md", "d.txt", "lib/one")


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        ((".",), PATHS),
        (("a.txt",), ("a.txt",)),
        (("d",), ("d", "d/a.txt", "d/e/x.md")),
        (("*.txt",), ("a.txt", "d.txt")),
        (("d*",), ("d", "d/a.txt", "d/e/x.md", "d.txt")),
        (("*/*.txt",), ("d/a.txt",)),
        (("*/e",), ("d/e/x.md",)),
        (("d/e/*",), ("d/e/x.md",)),
        (("nothing", "b.md"), ("b.md",)),
    ],
)
def test_what_is_selected(patterns: tuple[str, ...], found: tuple[str, ...]) -> None:
    assert tuple(selected(Read(None, patterns), PATHS)) == found


def test_mounts_have_no_wildcards() -> None:
    assert list(selected(Read(None, ("*",), wildcards=False), ["a", "*", "*/b"])) == ["*", "*/b"]


@pytest.mark.parametrize(
    ("patterns", "excludes", "found"),
    [
        ((".",), ("*.md",), ("a.txt", "d", "d/a.txt", "d/e/x.md", "d.txt", "lib/one")),
        ((".",), ("**/*.md",), ("a.txt", "d", "d/a.txt", "d.txt", "lib/one")),
        (("d",), ("e",), ("d", "d/a.txt")),
        (("d",), ("d",), ("d", "d/a.txt", "d/e/x.md")),
        (("*",), ("e/*",), ("a.txt", "b.md", "d", "d/a.txt", "d.txt", "lib/one")),
        (("d",), ("*", "!a.txt"), ("d", "d/a.txt")),
    ],
)
def test_what_is_excluded(
    patterns: tuple[str, ...], excludes: tuple[str, ...], found: tuple[str, ...]
) -> None:
    assert tuple(selected(Read(None, patterns, excludes), PATHS)) == found


def digest(of: Tree, *patterns: str, mount: bool = False) -> str:
    """The digest of what a COPY, or mounts of these paths, read."""
    if not mount:
        return content.digest((Read(None, patterns),), of)
    reads = (Read(None, (each,), wildcards=False, keeps_names=False, mount=True) for each in patterns)
    return content.digest(tuple(reads), of)


def test_a_digest_is_of_names_below_modes_and_content() -> None:
    one = tree({"d/a": "1", "z": "1"})
    assert digest(one, "d") == digest(tree({"d/a": "1", "z": "2"}), "d") == digest(tree({"e/a": "1"}), "e")
    assert digest(one, "d") != digest(tree({"d/b": "1"}), "d")
    assert digest(one, "d") != digest(tree({"d/a": "2"}), "d")
    other = Tree("", {"d/a": Entry(0o100755, "blob 1")})
    assert digest(one, "d") != digest(other, "d")


def test_the_mode_of_a_folder_is_left_out_but_not_its_being_there() -> None:
    entries = {"d/a": Entry(0o100644, "1")}
    there = Tree("", {"d": Entry(0o40755, ""), **entries})
    assert digest(there, "d") == digest(Tree("", {"d": Entry(0o40700, ""), **entries}), "d")
    assert digest(there, ".") != digest(Tree("", {**there.entries, "e": Entry(0o40755, "")}), ".")


def test_after_a_wildcard_the_names_count() -> None:
    assert digest(tree({"a.txt": "1"}), "*.txt") != digest(tree({"b.txt": "1"}), "*.txt")
    assert digest(tree({"a.txt": "1"}), "a.txt") == digest(tree({"b.txt": "1"}), "b.txt")
    assert digest(tree({"d/a.txt": "1"}), "d/*.txt") == digest(tree({"e/a.txt": "1"}), "e/*.txt")


def test_content_that_two_sources_swap_counts() -> None:
    assert digest(tree({"p/a": "1", "q/a": "2"}), "p/a", "q/a") != digest(
        tree({"p/a": "2", "q/a": "1"}), "p/a", "q/a"
    )


def test_what_is_below_another_source_counts_once() -> None:
    files = tree({"d/a": "1", "d/b": "1"})
    assert digest(files, "d", "d/a") == digest(files, "d")
    assert digest(files, ".", "d/a") == digest(files, ".")


def test_links_are_followed_where_they_are_named_and_nowhere_else() -> None:
    assert digest(tree({"a": "1"}, l="a"), "l") == digest(tree({"b": "1"}, l="b"), "l")
    assert digest(tree({"a": "1"}, l="a"), "l") != digest(tree({"a": "2"}, l="a"), "l")
    assert digest(tree({"d/a": "1"}, l="d"), "l/a") == digest(tree({"d/a": "1"}), "d/a")
    assert digest(tree({"a": "1", "d/x": ""}, **{"d/l": "../a"}), "d") == digest(
        tree({"a": "2", "d/x": ""}, **{"d/l": "../a"}), "d"
    )
    # A link to itself ends.
    assert digest(tree({}, l="l"), "l") != digest(tree({}), "l")


def test_a_mount_of_all_beside_one_of_a_part() -> None:
    one, other = tree({"d/a": "1", "b": "1"}), tree({"d/a": "1", "b": "2"})
    assert digest(one, ".", mount=True) != digest(other, ".", mount=True)
    assert digest(one, ".", "d", mount=True) != digest(other, ".", "d", mount=True)
    reads = tuple(Read(None, (each,), wildcards=False, keeps_names=False, mount=True) for each in (".", "d"))
    assert content.digest(reads, one, BUILDKIT_0_8) == content.digest(reads, other, BUILDKIT_0_8)


def test_after_a_wildcard_folders_count_since_0_10() -> None:
    one, other, reads = tree({"d/a": "1"}), tree({"e/a": "1"}), (Read(None, ("*/a",)),)
    assert content.digest(reads, one) != content.digest(reads, other)
    assert content.digest(reads, one, BUILDKIT_0_8) == content.digest(reads, other, BUILDKIT_0_8)


def test_a_digest_is_a_sum_so_that_a_change_costs_only_itself() -> None:
    before, after = tree({"d/a": "1", "d/b": "1"}), tree({"d/a": "2", "d/b": "1"})
    old, new = (content.weight("0\0/a", content.token(each.entries["d/a"])) for each in (before, after))
    assert int(digest(after, "d"), 16) == (int(digest(before, "d"), 16) - old + new) % (1 << 128)


def test_the_files_of_reads_have_their_paths() -> None:
    assert set(content.files((Read(None, ("d", "*.md")),), tree({"d/a": "", "b.md": "", "c": ""}))) == {
        "d/a",
        "b.md",
    }
