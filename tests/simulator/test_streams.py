from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from simulator.drawing.streams import fill_uniforms, normal_quantile, normals, uniforms


def test_philox_known_answer() -> None:
    """Random123's own vector for philox4x64-10 with a zero key and a zero counter.

    NumPy counts up before it draws, so the counter starts one below zero.
    """
    generator = np.random.Philox(
        key=np.zeros(2, dtype=np.uint64), counter=np.full(4, 2**64 - 1, dtype=np.uint64)
    )
    assert [f"{int(word):016x}" for word in generator.random_raw(4)] == [
        "16554d9eca36314c",
        "db20fe9d672d0fdc",
        "d7e772cee186176b",
        "7e68b68aec7ba23b",
    ]


def test_streams_never_change() -> None:
    """If this fails, every forecast that anybody keeps has changed: make it a new version instead."""
    assert uniforms(0, ("task", "build:web", "build"), 3).tolist() == [
        0.5768847515129811,
        0.8710770097110467,
        0.39186492633269804,
    ]


def test_the_quantile_function_is_the_standard_librarys() -> None:
    tails = [1e-300, 1e-30, 1e-14, 1e-12, 0.01, 0.074, 0.075, 0.5, 0.925, 0.926, 1 - 1e-12, 1 - 2.0**-53]
    probabilities = np.concatenate((uniforms(1, ("x",), 5000), tails))
    expected = [NormalDist().inv_cdf(float(each)) for each in probabilities]
    assert normal_quantile(probabilities) == pytest.approx(expected, rel=1e-14, abs=1e-15)


def test_more_replications_keep_the_earlier_ones() -> None:
    assert (normals(3, ("a", "b"), 1000)[:10] == normals(3, ("a", "b"), 10)).all()


def test_streams_differ_by_seed_and_by_every_name() -> None:
    keys = [
        (0, ("ab", "c")),
        (0, ("a", "bc")),
        (0, ("abc",)),
        (0, ("ab", "c", "")),
        (1, ("ab", "c")),
        (-1, ("ab", "c")),
    ]
    firsts = {uniforms(seed, names, 1)[0] for seed, names in keys}
    assert len(firsts) == len(keys)


def test_names_may_be_any_text() -> None:
    assert 0 < uniforms(10**40, ("\ud800", "größe", ""), 1)[0] < 1


def test_uniforms_are_uniform_and_normals_normal() -> None:
    """Means and variances within 3 standard errors, and neighbours unrelated."""
    count = 100_000
    flat, normal = uniforms(0, ("flat",), count), normals(0, ("normal",), count)
    assert 0 < flat.min() < flat.max() < 1
    assert abs(flat.mean() - 0.5) < 3 * (1 / 12 / count) ** 0.5
    assert abs(normal.mean()) < 3 / count**0.5
    assert abs(normal.var() - 1) < 3 * (2 / count) ** 0.5
    assert abs(np.corrcoef(normal[:-1], normal[1:])[0, 1]) < 3 / count**0.5
    assert abs(np.corrcoef(normal, normals(0, ("other",), count))[0, 1]) < 3 / count**0.5


@pytest.mark.parametrize("first", [0, 1, 2, 3, 4, 4097])
def test_replications_may_begin_anywhere(first: int) -> None:
    """A generator steps by four words; the k-th number is the k-th wherever the first one is."""
    assert (uniforms(5, ("a",), 50, first) == uniforms(5, ("a",), 50 + first)[first:]).all()


def test_many_streams_at_once_are_the_same_streams() -> None:
    rows = np.empty((3, 11))
    names = [("a",), ("b", "c"), ("a",)]
    fill_uniforms(rows, 5, names, 6)
    for row, name in zip(rows, names, strict=True):
        assert (row == uniforms(5, name, 11, 6)).all()


def test_numbers_are_the_raw_words_of_the_generator() -> None:
    """What NumPy promises never to change (NEP 19), made into odd multiples of 2**-54."""
    from simulator.drawing import streams

    words = np.random.Philox(key=streams._key(2, ("x", "y")), counter=0).random_raw(1000)
    expected = [((int(word) >> 11) + 0.5) * 2.0**-53 for word in words]
    assert uniforms(2, ("x", "y"), 1000).tolist() == expected
