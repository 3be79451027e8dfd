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


def uniforms(seed: int, names: tuple[str, ...], count: int) -> Floats:
    """Uniform numbers of one stream, inside (0, 1): shape (count,), the k-th is replication k's.

    They are odd multiples of 2**-54 (53 random bits, centred), so neither 0 nor 1 occurs.
    """
    generator = np.random.Philox(key=_key(seed, names), counter=0)
    words = np.asarray(generator.random_raw(count), dtype=np.uint64)
    fractions = (words >> np.uint64(11)).astype(np.float64)
    return (fractions + 0.5) * 2.0**-53


def normals(seed: int, names: tuple[str, ...], count: int) -> Floats:
    """Standard normal numbers of one stream, shape (count,), by inversion of `uniforms`."""
    return normal_quantile(uniforms(seed, names, count))


def normal_quantile(probability: Floats) -> Floats:
    """The standard normal quantile function (AS 241, PPND16), for probabilities inside (0, 1)."""
    centred = probability - 0.5
    result = _ratio(_CENTRAL, 0.180625 - centred * centred, centred)
    tail = np.flatnonzero(np.abs(centred) > 0.425)
    if tail.size:
        outside = probability[tail]
        depth = np.sqrt(-np.log(np.minimum(outside, 1.0 - outside)))
        size = _ratio(_MIDDLE, depth - 1.6)
        far = np.flatnonzero(depth > 5.0)
        if far.size:
            size[far] = _ratio(_FAR, depth[far] - 5.0)
        result[tail] = np.copysign(size, centred[tail])
    return result


def _key(seed: int, names: tuple[str, ...]) -> NDArray[np.uint64]:
    """128 bits of key; lengths go into the hash so that ("ab", "c") and ("a", "bc") differ."""
    digest = blake2b(digest_size=16, person=b"stagecast/rng/v1")
    for part in (str(seed), *names):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return np.frombuffer(digest.digest(), dtype="<u8").astype(np.uint64)


def _ratio(
    coefficients: tuple[tuple[float, ...], tuple[float, ...]], at: Floats, factor: Floats | float = 1.0
) -> Floats:
    return _horner(coefficients[0], at) * factor / _horner(coefficients[1], at)


def _horner(coefficients: tuple[float, ...], at: Floats) -> Floats:
    value = np.full_like(at, coefficients[0])
    for coefficient in coefficients[1:]:
        value *= at
        value += coefficient
    return value
