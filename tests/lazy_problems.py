"""Points as NumPy and as Dask arrays, and one lazy result of every public function."""

import dask
import dask.array as da
import numpy as np

import maha_core as mc

N, M, D, K = 61, 23, 5, 3
ROWS, COLUMNS = (20, 0, 30, 11), (10, 13)
PAIRS = np.array([60, 0, 20, 20]), np.array([3, 22, 10, 10])


def draw(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def square(D):
    return D * D, 2 * D


def arrays(dtype=np.float64):
    """Return NumPy data by name."""
    shapes = {"X": (N, D), "Y": (M, D), "A": (K, D), "G": (N, M), "y": (N,), "y_Y": (M,)}
    return {
        name: draw(*shape, seed=seed, dtype=dtype)
        for seed, (name, shape) in enumerate(shapes.items())
    }


def lazy(values):
    """Return the same data as Dask arrays in chunks of different sizes, columns split, too."""
    cut = {"X": (ROWS, (2, 3)), "Y": (COLUMNS, (D,)), "G": (N, M), "y": N, "y_Y": COLUMNS}
    return {
        name: da.from_array(array, chunks=cut[name]) if name in cut else array
        for name, array in values.items()
    }


def results(X, Y, A, G, y, y_Y, pairs=PAIRS):
    """Return a result of every public function by name, lazy or not as the arrays are."""
    metric = mc.Factor(A)
    everything = ("metric", "X", "Y")
    pairwise, alone = mc.losses.Pairwise(square), mc.losses.Pairwise(square, symmetric=True)
    return {
        "sqdist": mc.sqdist(X, Y, metric=metric),
        "sqdist alone": mc.sqdist(X, metric=metric),
        "dist": mc.dist(X, Y, metric=metric),
        "pairs": mc.sqdist(X, Y, metric=metric, pairs=pairs),
        "nearest": mc.nearest(X, Y, metric=metric, k=4),
        "nearest alone": mc.nearest(X, metric=metric, k=4),
        "jacobian": mc.jacobian(X, Y, metric=metric),
        "slice": mc.jacobian_slice(X, metric=metric, index=(1, 2)),
        "jvp": mc.jvp(X, Y, metric=metric, metric_tangent=A, X_tangent=X),
        "jvp alone": mc.jvp(X, metric=metric, X_tangent=X),
        "vjp": mc.vjp(X, Y, metric=metric, cotangent=G, wrt=everything),
        "vjp of pairs": mc.vjp(X, Y, metric=metric, cotangent=y[:4], wrt=everything, pairs=pairs),
        "Pairwise": mc.value_and_grad(pairwise, X, Y, metric=metric, wrt=everything),
        "Pairwise, half": mc.value_and_grad(alone, X, metric=metric, wrt=("metric", "X")),
        "MLKR": mc.value_and_grad(mc.losses.MLKR(y, y_Y), X, Y, metric=metric, wrt=everything),
        "MLKR alone": mc.value_and_grad(mc.losses.MLKR(y), X, metric=metric, wrt=("metric", "X")),
        "embed": metric.embed(X),
        "covariance": mc.Covariance.from_points(X).parameter,
    }


def leaves(result):
    """Return the arrays of a result in order."""
    if isinstance(result, tuple):
        return [leaf for part in result for leaf in leaves(part)]
    return [] if result is None else [result]


def bits(result, **how):
    """Return a lazy result computed, as bytes."""
    return [np.ascontiguousarray(array).tobytes() for array in dask.compute(*leaves(result), **how)]
