"""JAX programs for devices that NumPy's engine does not reach, compiled for the CPU here.

The oracle is NumPy's engine, on the same numbers.
"""

import numpy as np
import pytest

import libraries
import maha_core as mc
from maha_core import kernels, losses, reductions

jax = pytest.importorskip("jax")
libraries.load("jax")
jnp = jax.numpy

from maha_jax import blocks, primitives  # noqa: E402

N, M, D, K = 13, 7, 3, 2


@pytest.fixture(autouse=True)
def _without_engine(monkeypatch):
    """Compile as for another device, in blocks of a few rows."""
    monkeypatch.setattr(primitives, "has_engine", lambda: False)
    monkeypatch.setattr(blocks, "ENTRIES", 40)


def numbers(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


X, Y, A, B, y = numbers(N, D), numbers(M, D), numbers(K, D), numbers(D, D), numbers(N)
X[4] = X[2]
LABELS = np.arange(N) % 3
METRICS = {
    "Euclidean": None,
    "Full": mc.Full(B @ B.T),
    "indefinite Full": mc.Full(B),
    "Factor": mc.Factor(A),
    "Diagonal": mc.Diagonal(A[0] ** 2),
    "Covariance": mc.Covariance(B @ B.T + np.eye(D)),
}
of_points = {"X": X, "Y": Y, "G": numbers(N, M), "y": y, "labels": LABELS, "b": numbers(M, 2)}
PAIRS = np.array([0, 5, 2]), np.array([1, 1, 4])


def both(function, metric):
    """Return what a function gives in a compiled JAX program, and in NumPy."""

    def in_jax(given, parameter):
        made = None if metric is None else type(metric)(parameter)
        return function(**given, metric=made)

    parameter = None if metric is None else jnp.asarray(metric.parameter)
    given = {name: jnp.asarray(array) for name, array in of_points.items()}
    return jax.jit(in_jax)(given, parameter), function(**of_points, metric=metric)


def assert_same(ours, expected):
    for our, right in zip(jax.tree.leaves(ours), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(our, right, rtol=1e-9, atol=1e-10)


def wrt(metric, *names):
    return names if metric is None else (*names, "metric")


CALLS = {
    "sqdist": lambda X, Y, metric, **_: (mc.sqdist(X, metric=metric), mc.sqdist(X, Y)),
    "jvp": lambda X, Y, metric, **_: mc.jvp(X, Y, metric=metric, X_tangent=X**2),
    "vjp": lambda X, Y, G, metric, **_: mc.vjp(
        X, Y, metric=metric, cotangent=G, wrt=wrt(metric, "X", "Y")
    ),
    "vjp among themselves": lambda X, G, metric, **_: mc.vjp(
        X, metric=metric, cotangent=G @ G.T, wrt=wrt(metric, "X")
    ),
    "nearest": lambda X, metric, **_: mc.nearest(X, metric=metric, k=3).index,
    "MLKR": lambda X, y, metric, **_: tuple(
        mc.value_and_grad(losses.MLKR(y), X, metric=metric, wrt=wrt(metric, "X"))
    ),
    "hvp": lambda X, y, metric, **_: mc.hvp(
        losses.MLKR(y), X, metric=metric, X_tangent=X**2, wrt=wrt(metric, "X")
    ),
}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", CALLS)
def test_results_are_those_of_numpy(name, metric):
    if metric == "indefinite Full" and name in ("MLKR", "hvp"):
        pytest.skip("exp(-D) of D far below 0 is no loss to compare")
    assert_same(*both(CALLS[name], METRICS[metric]))


MORE = {
    "dist": lambda X, Y, **_: (mc.dist(X), mc.dist(X, Y)),
    "vjp of dist": lambda X, G, metric, **_: mc.vjp(
        X, metric=metric, cotangent=G @ G.T, wrt=("X", "metric"), of="dist"
    ),
    "pairs": lambda X, metric, **_: mc.sqdist(X, metric=metric, pairs=PAIRS_OF(X)),
    "vjp of pairs": lambda X, y, metric, **_: mc.vjp(
        X, metric=metric, cotangent=y[:3], pairs=PAIRS_OF(X), wrt=("X", "metric")
    ),
    "Laplace": lambda X, metric, **_: mc.kernel_matrix(kernels.Laplace(), X, metric=metric),
    "Sum": lambda X, Y, b, metric, **_: mc.reduce(
        reductions.Sum(kernels.Matern32(), b), X, Y, metric=metric
    ),
    "pullback of a mean": lambda X, Y, b, G, metric, **_: mc.reduce_vjp(
        reductions.SoftmaxMean(b),
        X,
        Y,
        metric=metric,
        cotangent=G[:, :2],
        wrt=("X", "Y", "metric", "values"),
    ),
    "NCA": lambda X, labels, metric, **_: tuple(
        mc.value_and_grad(losses.NCA(labels, log=True), X, metric=metric)
    ),
    "Pairwise": lambda X, y, metric, **_: tuple(
        mc.value_and_grad(
            losses.Pairwise(lambda D, a, b: np.sqrt(D) * (a - b) ** 2, data=y), X, metric=metric
        )
    ),
    "weights": lambda X, y, **_: mc.value(losses.MLKR(y, sample_weight=y**2), X),
}


def PAIRS_OF(X):
    """Return pairs of X's library."""
    return PAIRS if isinstance(X, np.ndarray) else tuple(map(jnp.asarray, PAIRS))


@pytest.mark.parametrize("name", MORE)
def test_further_results_are_those_of_numpy(name):
    assert_same(*both(MORE[name], METRICS["Factor"]))


def test_derivatives_of_equal_points_are_zero():
    slope = jax.jit(jax.grad(lambda X: mc.dist(X).sum() + mc.dist(X, X + 0).sum()))
    np.testing.assert_array_equal(slope(jnp.zeros((4, D))), 0)


def test_nothing_cancels_far_from_the_origin():
    near, single = 1e4 + numbers(N, D).astype("float32"), A.astype("float32")
    exact = mc.sqdist(near.astype("float64"), metric=mc.Factor(single.astype("float64")))
    found = jax.jit(lambda X, A: mc.sqdist(X, metric=mc.Factor(A)))(near, jnp.asarray(single))
    np.testing.assert_allclose(found, exact, rtol=1e-3, atol=1e-4)


def test_a_loss_and_its_gradient_keep_nothing_of_the_size_of_D(monkeypatch):
    n = 500
    monkeypatch.setattr(blocks, "ENTRIES", 10 * n)
    X, y = jnp.asarray(numbers(n, D)), jnp.asarray(numbers(n))
    program = jax.jit(jax.value_and_grad(lambda X: mc.value(losses.MLKR(y), X)))
    used = program.lower(X).compile().memory_analysis().temp_size_in_bytes
    assert used < n * n * 8 / 4


@pytest.mark.parametrize("j", [-1, N])
def test_a_pair_that_is_not_there_has_no_distance(j):
    with libraries.debug_nans(False):
        found = jax.jit(lambda j: mc.sqdist(jnp.asarray(X), pairs=(j * 0, j)))(jnp.asarray([1, j]))
    np.testing.assert_array_equal(jnp.isnan(found), [False, True])


def test_what_lists_pairs_is_refused():
    i = jnp.asarray([0, 1])
    loss = losses.Contrastive(i, i + 1, i)
    with pytest.raises(TypeError, match="Contrastive cannot be compiled for this device"):
        jax.jit(lambda X: mc.value(loss, X))(jnp.asarray(X))
