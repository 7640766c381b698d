"""Points as NumPy and as Dask arrays, and one lazy result of every public function."""

import dask
import dask.array as da
import numpy as np

import maha_core as mc

N, M, D, K = 61, 23, 5, 3
ROWS, COLUMNS = (20, 0, 30, 11), (10, 13)


def draw(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def square(D):
    return D * D, 2 * D


def arrays(dtype=np.float64):
    """Return NumPy data by name."""
    shapes = {"X": (N, D), "Y": (M, D), "A": (K, D), "G": (N, M), "y": (N,), "y_Y": (M,)}
    drawn = {
        name: draw(*shape, seed=seed, dtype=dtype)
        for seed, (name, shape) in enumerate(shapes.items())
    }
    row = np.arange(N)
    labels, targets = row % 3, np.stack([(row + 3) % 60, (row + 6) % 60], axis=1)
    listed = {"i": np.array([60, 0, 20, 20]), "j": np.array([3, 22, 10, 10])}
    return drawn | listed | {"labels": labels, "targets": targets}


def lazy(values):
    """Return the same data as Dask arrays in chunks of different sizes, columns split, too."""
    cut = {"X": (ROWS, (2, 3)), "Y": (COLUMNS, (D,)), "G": (N, M), "y": N, "y_Y": COLUMNS}
    cut["labels"] = ROWS
    return {
        name: da.from_array(array, chunks=cut[name]) if name in cut else array
        for name, array in values.items()
    }


def results(X, Y, A, G, y, y_Y, i, j, labels, targets):
    """Return a result of every public function by name, lazy or not as the arrays are."""
    metric = mc.Factor(A)
    everything = ("metric", "X", "Y")
    losses, covariance = mc.losses, mc.Covariance.from_points(X)
    pairwise, alone = losses.Pairwise(square), losses.Pairwise(square, symmetric=True)
    mean = mc.reductions.SoftmaxMean(y_Y, mc.kernels.Matern52())
    sums = mc.reductions.Sum(mc.kernels.Gaussian(), G[:, :2])
    curved = losses.Pairwise(mc.kernels.Matern52(), symmetric=True)
    moving = {"metric": metric, "metric_tangent": A, "X_tangent": X}
    return {
        "sqdist": mc.sqdist(X, Y, metric=metric),
        "sqdist alone": mc.sqdist(X, metric=metric),
        "dist": mc.dist(X, Y, metric=metric),
        "kernel matrix": mc.kernel_matrix(mc.kernels.Matern52(), X, Y, metric=metric),
        "kernel matrix alone": mc.kernel_matrix(mc.kernels.Gaussian(), X, metric=metric),
        "pairs": mc.sqdist(X, Y, metric=metric, pairs=(i, j)),
        "nearest": mc.nearest(X, Y, metric=metric, k=4),
        "nearest alone": mc.nearest(X, metric=metric, k=4),
        "jacobian": mc.jacobian(X, Y, metric=metric),
        "slice": mc.jacobian_slice(X, metric=metric, index=(1, 2)),
        "jvp": mc.jvp(X, Y, metric=metric, metric_tangent=A, X_tangent=X),
        "jvp alone": mc.jvp(X, metric=metric, X_tangent=X),
        "jvp of pairs": mc.jvp(X, Y, metric=metric, X_tangent=X, pairs=(i, j)),
        "vjp": mc.vjp(X, Y, metric=metric, cotangent=G, wrt=everything),
        "vjp of pairs": mc.vjp(X, Y, metric=metric, cotangent=y[:4], wrt=everything, pairs=(i, j)),
        "Pairwise": mc.value_and_grad(pairwise, X, Y, metric=metric, wrt=everything),
        "Pairwise, half": mc.value_and_grad(alone, X, metric=metric, wrt=("metric", "X")),
        "MLKR": mc.value_and_grad(losses.MLKR(y, y_Y), X, Y, metric=metric, wrt=everything),
        "MLKR alone": mc.value_and_grad(losses.MLKR(y), X, metric=metric, wrt=("metric", "X")),
        "NCA": mc.value_and_grad(losses.NCA(labels), X, metric=metric, wrt=("metric", "X")),
        "LMNN": mc.value_and_grad(
            losses.LMNN(labels, targets), X, metric=metric, wrt=("metric", "X")
        ),
        "Contrastive": mc.value_and_grad(
            losses.Contrastive(i, j, j % 2, margin=3.0), X, Y, metric=metric, wrt=everything
        ),
        "Triplet": mc.value_and_grad(losses.Triplet(i, j, j[::-1]), X, Y, wrt=("X", "Y")),
        "value": mc.value(losses.MLKR(y, y_Y), X, Y, metric=metric),
        "value, half": mc.value(alone, X, metric=metric),
        "value, listed": mc.value(losses.LMNN(labels, targets), X, metric=metric),
        "reduce": mc.reduce(mean, X, Y, metric=metric),
        "reduce alone": mc.reduce(sums, X, metric=metric, self_pairs=False),
        "reduce_vjp": mc.reduce_vjp(
            mean, X, Y, metric=metric, cotangent=y, wrt=(*everything, "values")
        ),
        "reduce_vjp alone": mc.reduce_vjp(
            sums, X, metric=metric, cotangent=G[:, 2:4], wrt=("metric", "X", "values")
        ),
        "hvp": mc.hvp(losses.MLKR(y, y_Y), X, Y, **moving, Y_tangent=Y, wrt=everything),
        "hvp of Y": mc.hvp(losses.MLKR(y, y_Y), X, Y, Y_tangent=Y, wrt=("X", "Y")),
        "hvp alone": mc.hvp(losses.NCA(labels), X, **moving, wrt=("metric", "X")),
        "hvp, half": mc.hvp(curved, X, **moving, wrt=("metric", "X")),
        "hvp, listed": mc.hvp(losses.LMNN(labels, targets), X, **moving, wrt=("metric", "X")),
        "hvp of pairs": mc.hvp(
            losses.Contrastive(i, j, j % 2, margin=3.0), X, Y, **moving, wrt=everything
        ),
        "embed": metric.embed(X),
        "covariance": covariance.parameter,
        "matrix": covariance.matrix(),
        "factor": covariance.to_factor().parameter,
    }


def leaves(result):
    """Return the arrays of a result in order."""
    if isinstance(result, tuple):
        return [leaf for part in result for leaf in leaves(part)]
    return [] if result is None else [result]


def bits(result, **how):
    """Return a lazy result computed, as bytes."""
    return [np.ascontiguousarray(array).tobytes() for array in dask.compute(*leaves(result), **how)]
