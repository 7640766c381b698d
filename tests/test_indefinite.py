"""Metrics under which D may be negative: one value everywhere, as small as rounding lets it be."""

import numpy as np
import pytest

import maha_core as mc
import oracle

WIDTHS = (2, 82, 256, 4096)


def balanced(d, excess, dtype):
    """Return weights of both signs whose sum is exactly ``-excess``, and 0 and 1 as points."""
    w = np.where(np.arange(d) % 2, -1.0, 1.0)
    w[0] -= excess
    return np.stack([np.zeros(d), np.ones(d)]).astype(dtype), w.astype(dtype)


def metrics(library, w):
    yield mc.Diagonal(library.array(w))
    if len(w) <= 256:
        yield mc.Full(library.array(np.diag(w)))


def ways(library, X, metric):
    """Yield D_01 by every way that a user has to it."""
    points = library.array(X)
    yield "sqdist", mc.sqdist(points, metric=metric)[0, 1]
    yield "with Y", mc.sqdist(points, library.array(X), metric=metric)[0, 1]
    with mc.options(tile_bytes=8 * 2):
        yield "tiles", mc.sqdist(points, metric=metric)[0, 1]
    i, j = library.arrays(np.array([0]), np.array([1]))
    yield "pairs", mc.sqdist(points, metric=metric, pairs=(i, j))[0]
    yield "nearest", mc.nearest(points, metric=metric, k=1).sqdist[0, 0]


@pytest.mark.cases(3)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("d", WIDTHS)
def test_a_negative_entry_beyond_rounding_stands(library, d, dtype):
    # 2^-17 of all terms: beyond the promise of 1e-5 in sum, and all sums of floats are exact
    excess = d * 2.0**-16
    X, w = balanced(d, excess, dtype)
    exact = float(oracle.sqdist(X, None, "diagonal", w)[0, 1])
    assert exact == -excess
    for metric in metrics(library, w):
        for way, value in ways(library, X, metric):
            assert float(value) == exact, way
        with pytest.raises(ValueError, match="negative"):
            library.numpy(mc.dist(library.array(X), metric=metric))


@pytest.mark.cases(3)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("d", WIDTHS)
def test_a_negative_entry_that_rounding_of_the_metric_explains_is_zero(library, d, dtype):
    X, w = balanced(d, 0.0, dtype)
    w[0] -= 2 * np.finfo(dtype).eps  # a unit or two in the last place of one of the weights
    assert float(oracle.sqdist(X, None, "diagonal", w)[0, 1]) < 0
    for metric in metrics(library, w):
        for way, value in ways(library, X, metric):
            assert float(value) == 0, way
        assert (library.numpy(mc.dist(library.array(X), metric=metric)) == 0).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_semidefinite_matrix_of_low_rank_has_distances(library, dtype):
    rng = np.random.default_rng(0)
    A = rng.standard_normal((3, 40)).astype(dtype)
    unseen = np.eye(40) - np.linalg.pinv(A.astype(float)) @ A  # what A sends to 0
    X = (rng.standard_normal((1, 40)) + rng.standard_normal((30, 40)) @ unseen).astype(dtype)
    assert (
        library.numpy(mc.dist(*library.arrays(X), metric=mc.Full(library.array(A.T @ A)))) >= 0
    ).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_nearest_is_the_most_negative(library, dtype):
    d = 4096
    _, w = balanced(d, 1.0, dtype)
    Y = np.stack([np.zeros(d), np.ones(d), 2 * np.ones(d), 0.5 * np.ones(d)]).astype(dtype)
    query, points = library.arrays(np.zeros((1, d), dtype), Y)
    found = mc.nearest(query, points, k=4, metric=mc.Diagonal(library.array(w)))
    assert library.numpy(found.index).tolist() == [[2, 1, 3, 0]]
    assert library.numpy(found.sqdist).tolist() == [[-4.0, -1.0, -0.25, 0.0]]


def sum_of(library, kernel, wrt=None):
    b = library.array(np.array([1.0, 2.0]))
    reduction = mc.reductions.Sum(kernel, b)
    if wrt is None:
        return lambda *X, **to: mc.reduce(reduction, *X, **to)
    return lambda *X, **to: mc.reduce_vjp(reduction, *X, cotangent=b, wrt=wrt, **to)[1]


# By name: what is made of a kernel that is answered by one array.
OF_KERNELS = {
    "kernel_matrix": lambda library, k: lambda *X, **to: mc.kernel_matrix(k, *X, **to),
    "KernelOperator": lambda library, k: (
        lambda *X, **to: mc.KernelOperator(k, *X, **to) @ library.array(np.ones((2, 3)))
    ),
    "kernel_gradient": lambda library, k: (
        lambda *X, **to: mc.kernel_gradient(k, X[0], X[-1], values=library.array(np.ones(2)), **to)
    ),
    "Sum": sum_of,
    "Sum, pulled back": lambda library, k: sum_of(library, k, "X"),
    "LogSumExp": lambda library, k: (
        lambda *X, **to: mc.reduce(mc.reductions.LogSumExp(k), *X, **to)
    ),
    "Pairwise": lambda library, k: lambda *X, **to: mc.value(mc.losses.Pairwise(k), *X, **to),
    "Pairwise, pulled back": lambda library, k: (
        lambda *X, **to: mc.value_and_grad(mc.losses.Pairwise(k), *X, wrt="X", **to)[1].X
    ),
    "Pairwise, twice": lambda library, k: (
        lambda *X, **to: mc.hvp(mc.losses.Pairwise(k), *X, X_tangent=X[0], wrt="X", **to).X
    ),
}


@pytest.mark.parametrize("asked", OF_KERNELS)
@pytest.mark.parametrize("kernel", [mc.kernels.Gaussian(), mc.kernels.Laplace()], ids=repr)
@pytest.mark.parametrize("with_Y", [False, True])
def test_a_kernel_of_a_negative_distance_is_refused(library, asked, kernel, with_Y):
    points = np.array([[0.0, 0.0], [1.0, 2.0]])
    X = library.arrays(points, points) if with_Y else library.arrays(points)
    called = OF_KERNELS[asked](library, kernel)
    with pytest.raises(ValueError, match="negative"):
        library.numpy(called(*X, metric=mc.Diagonal(library.array(np.array([1.0, -1.0])))))
    harmless = mc.Diagonal(library.array(np.array([4.0, -1.0])))  # D = 0
    assert np.isfinite(library.numpy(called(*X, metric=harmless))).all()


def test_a_softmax_of_negative_distances_is_what_it_says(library):
    X = library.array(np.array([[0.0, 0.0], [1.0, 2.0]]))
    metric = mc.Diagonal(library.array(np.array([1.0, -1.0])))
    found = mc.reduce(mc.reductions.LogSumExp(), X, metric=metric)
    np.testing.assert_allclose(library.numpy(found), np.log(1 + np.exp(3.0)))
