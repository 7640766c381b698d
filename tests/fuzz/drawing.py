"""Random points and metrics: ordinary ones, and those for which numerics are hard."""

from typing import NamedTuple

import numpy as np

import cancelling
import oracle
from closeness import EPS

FORMS = (*oracle.FORMS, "low rank", "zero")
INTEGERS = ("int8", "int32", "uint16", "int64", "bool")


class Drawn(NamedTuple):
    """Points, the length by which a metric makes them about 1 apart, and whether all differ."""

    X: np.ndarray
    Y: np.ndarray | None
    scale: float
    apart: bool


def size(rng, smallest, largest):
    """Return a small number most of the time, the smallest or a larger one now and then."""
    share = rng.random()
    if share < 0.05:
        return smallest
    return int(rng.integers(max(1, smallest), (largest if share < 0.25 else min(9, largest)) + 1))


def points(rng, dtype, *, with_Y, smallest=0, largest=40, apart=False):
    """Draw X and perhaps Y, of one of the kinds below."""
    kinds = APART if apart else {**APART, **TOGETHER}
    kind = str(rng.choice(list(kinds)))
    n, d = size(rng, smallest, largest), size(rng, 1, largest)
    m = size(rng, smallest, largest) if with_Y else 0
    W, scale = kinds[kind](rng, n + m, d, dtype)
    W = W[rng.permutation(n + m)].astype(dtype)
    return Drawn(W[:n], W[n:] if with_Y else None, scale, kind in APART)


def whole(rng, dtype, *, with_Y):
    """Draw points of integers or booleans."""
    n, m, d = size(rng, 3, 12), size(rng, 3, 12), size(rng, 1, 12)
    low = 0 if dtype in ("uint16", "bool") else -100
    X, Y = (rng.integers(low, 2 if dtype == "bool" else 100, (rows, d)) for rows in (n, m))
    return Drawn(X.astype(dtype), Y.astype(dtype) if with_Y else None, 50.0, False)


def _ordinary(rng, n, d, dtype):
    return rng.standard_normal((n, d)), 1.0


def _shifted(rng, n, d, dtype):
    offset = 10.0 ** rng.integers(4, 7)
    scale = max(1.0, 64 * EPS[dtype] * offset)
    return offset + scale * rng.standard_normal((n, d)), scale


def _clusters(rng, n, d, dtype):
    centres = 1e3 * rng.standard_normal((3, d))
    return centres[rng.integers(0, 3, n)] + rng.standard_normal((n, d)), 1.0


def _scaled(rng, n, d, dtype):
    lowest, highest = (-12, 12) if dtype == "float32" else (-20, 15)
    scale = 10.0 ** rng.integers(lowest, highest + 1)
    return scale * rng.standard_normal((n, d)), scale


def _duplicated(rng, n, d, dtype):
    X, scale = _shifted(rng, n, d, dtype)
    return X[rng.integers(0, max(1, n // 2), n)] if n else X, scale


def _lattice(rng, n, d, dtype):
    return rng.integers(-1, 2, (n, d)).astype(float), 1.0


def _constant_column(rng, n, d, dtype):
    X = rng.standard_normal((n, d))
    X[:, rng.integers(0, d)] = rng.choice([0.1, 7.7, 1e6])
    return X, 1.0


APART = {"ordinary": _ordinary, "shifted": _shifted, "clusters": _clusters, "scaled": _scaled}
TOGETHER = {"duplicated": _duplicated, "lattice": _lattice, "constant": _constant_column}


def metric(rng, forms, drawn, dtype):
    """Draw a form and a parameter under which points of a scale come about 1 apart."""
    form, d = str(rng.choice(forms)), drawn.X.shape[1]
    scale = drawn.scale
    if form == "zero":
        return "factor", np.zeros((1, d), dtype)
    if form == "low rank":
        k = int(rng.integers(1, d + 2))
        return "factor", (oracle.parameter("factor", d, rng, "float64", k) / scale).astype(dtype)
    parameter = oracle.parameter(form, d, rng, "float64")
    if parameter is None:
        return form, None
    power = {"factor": -1, "covariance": 2}.get(form, -2)
    return form, (parameter * scale**power).astype(dtype)


def definite_metric(rng, forms, drawn, dtype):
    """Draw a form and a well-conditioned, positive definite parameter."""
    form = str(rng.choice(forms))
    return form, cancelling.parameter(form, drawn.scale, drawn.X.shape[1], rng, dtype)
