"""Random numbers that depend on nothing but what they are for.

Owns the streams: one per (seed, names...), with one number per replication, so
that adding a service or changing a limit leaves every other draw as it was,
and asking for more replications keeps the earlier ones. Knows no plan, no
task, no law: it gives uniform and standard normal numbers to whoever names a
stream.

A stream is the counter-based generator Philox 4x64 (Salmon et al., "Parallel
random numbers: as easy as 1, 2, 3", SC 2011) keyed by a BLAKE2b hash of its
names. Only its raw 64-bit words are used, which NumPy guarantees to stay the
same (NEP 19); uniforms and normals are made of them here, so no change of
NumPy's distributions can change a result. The normal quantile needs a
logarithm in its tails: processors may differ there in the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Algorithm AS 241, PPND16: Wichura, Applied Statistics 37 (1988) 477-484,
# about 16 digits. Coefficients of numerator and denominator, highest power first.
_CENTRAL = (
    (
        2.5090809287301226727e3,
        3.3430575583588128105e4,
        6.7265770927008700853e4,
        4.5921953931549871457e4,
        1.3731693765509461125e4,
        1.9715909503065514427e3,
        1.3314166789178437745e2,
        3.3871328727963666080e0,
    ),
    (
        5.2264952788528545610e3,
        2.8729085735721942674e4,
        3.9307895800092710610e4,
        2.1213794301586595867e4,
        5.3941960214247511077e3,
        6.8718700749205790830e2,
        4.2313330701600911252e1,
        1.0,
    ),
)
_MIDDLE = (
    (
        7.74545014278341407640e-4,
        2.27238449892691845833e-2,
        2.41780725177450611770e-1,
        1.27045825245236838258e0,
        3.64784832476320460504e0,
        5.76949722146069140550e0,
        4.63033784615654529590e0,
        1.42343711074968357734e0,
    ),
    (
        1.05075007164441684324e-9,
        5.47593808499534494600e-4,
        1.51986665636164571966e-2,
        1.48103976427480074590e-1,
        6.89767334985100004550e-1,
        1.67638483018380384940e0,
        2.05319162663775882187e0,
        1.0,
    ),
)
_FAR = (
    (
        2.01033439929228813265e-7,
        2.71155556874348757815e-5,
        1.24266094738807843860e-3,
        2.65321895265761230930e-2,
        2.96560571828504891230e-1,
        1.78482653991729133580e0,
        5.46378491116411436990e0,
        6.65790464350110377720e0,
    ),
    (
        2.04426310338993978564e-15,
        1.42151175831644588870e-7,
        1.84631831751005468180e-5,
        7.86869131145613259100e-4,
        1.48753612908506148525e-2,
        1.36929880922735805310e-1,
        5.99832206555887937690e-1,
        1.0,
    ),
)


# One step of Philox' counter makes four words.
_WORDS = 4


def uniforms(seed: int, names: tuple[str, ...], count: int, first: int = 0) -> Floats:
    """Uniform numbers of one stream, inside (0, 1): shape (count,), for replications `first` and on.

    They are odd multiples of 2**-54 (53 random bits, centred), so neither 0 nor 1 occurs.
    """
    result = np.empty(count)
    fill_uniforms(result[np.newaxis], seed, (names,), first)
    return result


def normals(seed: int, names: tuple[str, ...], count: int, first: int = 0) -> Floats:
    """Standard normal numbers of one stream, shape (count,), by inversion of `uniforms`."""
    return normal_quantile(uniforms(seed, names, count, first))


def fill_uniforms(rows: Floats, seed: int, streams: Sequence[tuple[str, ...]], first: int = 0) -> None:
    """Fill `rows`, shape (streams, count), with `uniforms` of one stream each, from replication `first` on.

    One generator serves all rows: setting its state is a tenth of the price of a new one.
    """
    step, skipped = divmod(first, _WORDS)
    generator = np.random.Philox(key=0)
    state = generator.state
    state["state"]["counter"] = np.array([step, 0, 0, 0], dtype=np.uint64)
    wanted = skipped + rows.shape[1]
    for row, names in zip(rows, streams, strict=True):
        state["state"]["key"] = _key(seed, names)
        generator.state = state
        words = np.asarray(generator.random_raw(wanted), dtype=np.uint64)[skipped:]
        np.right_shift(words, np.uint64(11), out=words)
        # 53 bits: the same number with and without a sign, and signed ones turn into floats faster.
        np.add(words.view(np.int64), 0.5, out=row)
    rows *= 2.0**-53


def normal_quantile(probability: Floats) -> Floats:
    """The standard normal quantile function (AS 241, PPND16), for probabilities inside (0, 1)."""
    result = np.empty_like(probability)
    fill_quantiles(result, probability, [np.empty_like(probability) for _ in range(3)])
    return result


def fill_quantiles(result: Floats, probability: Floats, scratch: Sequence[Floats]) -> None:
    """`normal_quantile` into `result`, without new arrays but for the tails.

    `result` and `probability` are contiguous and of one shape, `scratch` is three such arrays.
    """
    centred, squared, below = scratch
    np.subtract(probability, 0.5, out=centred)
    np.multiply(centred, centred, out=squared)
    np.subtract(0.180625, squared, out=squared)
    _horner(_CENTRAL[0], squared, result)
    np.multiply(result, centred, out=result)
    _horner(_CENTRAL[1], squared, below)
    np.divide(result, below, out=result)
    np.abs(centred, out=below)
    tail = np.flatnonzero(below > 0.425)
    if tail.size:
        result.reshape(-1)[tail] = _tails(probability.reshape(-1)[tail])


def _tails(probability: Floats) -> Floats:
    """The quantiles of probabilities below 0.075 and above 0.925."""
    depth = np.sqrt(-np.log(np.minimum(probability, 1.0 - probability)))
    size = _ratio(_MIDDLE, depth - 1.6)
    far = np.flatnonzero(depth > 5.0)
    if far.size:
        size[far] = _ratio(_FAR, depth[far] - 5.0)
    return np.copysign(size, probability - 0.5)


# A forecast asks for the same streams in every block.
@lru_cache(maxsize=1 << 16)
def _key(seed: int, names: tuple[str, ...]) -> NDArray[np.uint64]:
    """128 bits of key; lengths go into the hash so that ("ab", "c") and ("a", "bc") differ."""
    digest = blake2b(digest_size=16, person=b"stagecast/rng/v1")
    for part in (str(seed), *names):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return np.frombuffer(digest.digest(), dtype="<u8").astype(np.uint64)


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], at: Floats) -> Floats:
    above, below = np.empty_like(at), np.empty_like(at)
    _horner(coefficients[0], at, above)
    _horner(coefficients[1], at, below)
    return np.divide(above, below, out=above)


def _horner(coefficients: tuple[float, ...], at: Floats, out: Floats) -> None:
    """The polynomial at `at`, highest power first, into `out`, which is another array."""
    np.multiply(at, coefficients[0], out=out)
    np.add(out, coefficients[1], out=out)
    for coefficient in coefficients[2:]:
        np.multiply(out, at, out=out)
        np.add(out, coefficient, out=out)
