"""Gradients of losses on points for which the Laplacian product loses every digit."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cancelling
import maha_core as mc
import oracle
from forms import Problem

PROMISED = {"float64": 1e-8, "float32": 1e-3}
SOME = ("shifted by 1e2", "shifted by 1e4", "shifted by 1e8", "clusters", "near-duplicates")
INPUTS = {
    "ordinary": cancelling.ordinary(cancelling.COLUMNS),
    **{name: cancelling.FAR[name] for name in SOME},
}


class Case(NamedTuple):
    """A problem, its numbers per point, and the exact gradients of a loss."""

    problem: Problem
    data: tuple[Any, Any]
    gradient: dict[str, np.ndarray]


def mlkr(library, case):
    return mc.losses.MLKR(*library.arrays(*case.data))


def mlkr_cotangent(D, data, data_Y):
    return oracle.mlkr_cotangent(D, data, data_Y)


def near(library, case):
    """The nearest pairs have all of the weight."""

    @np.errstate(under="ignore")
    def f(D):
        values = library.xp.exp(-D)
        return values, -values

    return mc.losses.Pairwise(f, symmetric=True)


@np.errstate(under="ignore")
def near_cotangent(D, data, data_Y):
    return -np.exp(-D)


def within(library, case):
    """Only pairs of one class have a weight."""

    def f(D, a, b):
        same = library.xp.astype(a == b, D.dtype)
        return D * same, same

    data, data_Y = library.arrays(*case.data)
    return mc.losses.Pairwise(f, data=data, data_Y=data_Y)


def within_cotangent(D, data, data_Y):
    others = data if data_Y is None else data_Y
    return oracle.exact(data[:, None] == others[None, :])


LOSSES = {
    "mlkr": (mlkr, mlkr_cotangent),
    "near": (near, near_cotangent),
    "within": (within, within_cotangent),
}


def solve(problem, data, loss):
    D = oracle.sqdist(*problem.exact)
    G = LOSSES[loss][1](D, *data)
    G = G * (1 - np.eye(len(G))) if problem.Y is None else G
    return Case(problem, data, oracle.pullback(G, *problem.exact))


def check(library, case, loss):
    problem, wrt = case.problem, case.problem.wrt
    points, metric = problem.points(library), problem.metric(library)
    function = LOSSES[loss][0](library, case)
    _, gradient = mc.value_and_grad(function, *points, metric=metric, wrt=wrt)
    assert_right(library, case, gradient, wrt)
    if "metric" in wrt:  # the metric's gradient alone takes one product in place of two
        _, gradient = mc.value_and_grad(function, *points, metric=metric, wrt="metric")
        assert_right(library, case, gradient, ("metric",))


def assert_right(library, case, gradient, wrt):
    for part in wrt:
        expected = case.gradient[part]
        error = norm(library.numpy(getattr(gradient, part)) - expected)
        allowed = PROMISED[case.problem.X.dtype.name] * norm(expected)
        assert error <= allowed, f"{part}: {error:.2e}, allowed {allowed:.2e}"


@np.errstate(under="ignore")
def norm(values):
    return np.linalg.norm(values.astype(float))


@cache
def drawn(name, form, dtype, loss, with_Y):
    rng = np.random.default_rng(1)
    X, scale = INPUTS[name](rng, dtype)
    # the Euclidean metric must take the scale of the points, beyond which exp(-D) is 0
    X = X if form != "euclidean" else (X / np.array(scale, dtype)).astype(dtype)
    parameter = cancelling.parameter(form, scale, cancelling.COLUMNS, rng, dtype)
    data = rng.standard_normal(len(X)).astype(dtype)
    order = rng.permutation(len(X))  # with Y: two sets without common points, both in each cluster
    one, other = (order[::2], order[1::2]) if with_Y else (order, None)
    Y, data_Y = (X[other], data[other]) if with_Y else (None, None)
    return solve(Problem(form, X[one], Y, parameter, rng), (data[one], data_Y), loss)


@pytest.mark.parametrize("dtype", PROMISED)
@pytest.mark.parametrize("form", oracle.FORMS)
@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize(("loss", "with_Y"), [("mlkr", False), ("mlkr", True), ("near", False)])
def test_losses_of_near_pairs(library, name, loss, form, dtype, with_Y):
    check(library, drawn(name, form, dtype, loss, with_Y), loss)


def blind(form, columns, weight, rng):
    """Return a parameter that gives the first column little weight, or none."""
    if form == "factor":
        A = rng.standard_normal((3, columns)) / np.sqrt(3)
        return A * np.where(np.arange(columns) == 0, weight, 1)
    w = np.where(np.arange(columns) == 0, weight**2, 1)
    return w if form == "diagonal" else np.diag(w)


@pytest.mark.parametrize("dtype", PROMISED)
@pytest.mark.parametrize("form", ["full", "factor", "diagonal"])
@pytest.mark.parametrize("weight", [0, 1e-6])
@pytest.mark.parametrize("apart", [1e3, 1e5])
def test_classes_that_are_apart_where_the_metric_does_not_see_it(
    library, form, weight, apart, dtype
):
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 4, 120)
    X = rng.standard_normal((120, 6))
    X[:, 0] += apart * labels
    parameter = blind(form, 6, weight, rng).astype(dtype)
    problem = Problem(form, X.astype(dtype), None, parameter, rng)
    check(library, solve(problem, (labels.astype(dtype), None), "within"), "within")


@pytest.mark.parametrize("dtype", PROMISED)
@pytest.mark.parametrize("offset", [1e4, 1e8])
def test_vjp_of_shifted_points(library, offset, dtype):
    rng = np.random.default_rng(2)
    X, scale = cancelling.shifted(offset)(rng, dtype)
    A = cancelling.parameter("factor", scale, cancelling.COLUMNS, rng, dtype)
    G = rng.standard_normal((len(X), len(X))).astype(dtype)
    x, a, g = library.arrays(X, A, G)
    gradient = mc.vjp(x, metric=mc.Factor(a), cotangent=g, wrt=("metric", "X"))
    expected = oracle.pullback(G, X, None, "factor", A)
    centred = X - X.astype(np.float64).mean(axis=0)
    bound = 100 * np.finfo(dtype).eps * np.abs(G).sum() * np.abs(centred).max() / scale**2
    assert np.abs(library.numpy(gradient.X) - expected["X"]).max() <= bound
    bound *= scale * np.abs(centred).max()
    assert np.abs(library.numpy(gradient.metric) - expected["metric"]).max() <= bound


@pytest.mark.parametrize("dtype", PROMISED)
@pytest.mark.parametrize("listed", [False, True])
def test_jvp_of_shifted_points(library, listed, dtype):
    """Of all pairs to the largest entry's error, of listed ones to each entry's terms."""
    rng = np.random.default_rng(3)
    X, scale = cancelling.shifted(1e6)(rng, dtype)
    A = cancelling.parameter("factor", scale, cancelling.COLUMNS, rng, dtype)
    dA = (rng.standard_normal(A.shape) / scale).astype(dtype)
    dX = (scale * rng.standard_normal(X.shape)).astype(dtype)
    i, j = np.triu_indices(len(X), 1)
    tangents = dict(zip(("metric_tangent", "X_tangent"), library.arrays(dA, dX), strict=True))
    pairs = library.arrays(i, j) if listed else None
    actual = mc.jvp(library.array(X), metric=mc.Factor(library.array(A)), pairs=pairs, **tangents)
    actual = library.numpy(actual) if listed else library.numpy(actual)[i, j]
    expected = oracle.jvp(X, None, "factor", A, metric=dA, dX=dX)
    delta, moved = np.abs(oracle.differences(X)), np.abs(oracle.differences(dX))
    seen = delta @ np.abs(A.T)
    terms = 2 * (seen * (delta @ np.abs(dA.T) + moved @ np.abs(A.T))).sum(axis=2)[i, j]
    allowed = 20 * np.finfo(dtype).eps * (terms if listed else 10 * terms.max())
    assert (np.abs(actual - expected[i, j]) <= allowed).all()


@st.composite
def cases(draw):
    """Clusters of any tightness and place, and metrics that see the columns differently."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype, form = draw(st.sampled_from(list(PROMISED))), draw(st.sampled_from(oracle.PARAMETRIC))
    loss, columns = draw(st.sampled_from(list(LOSSES))), draw(st.integers(1, 8))
    labels = rng.integers(0, 4, 40)
    apart = 10.0 ** draw(st.integers(0, 4)) * rng.standard_normal((4, columns))
    apart *= rng.integers(0, 2, columns)
    offset = 10.0 ** draw(st.integers(0, 4)) * rng.standard_normal(columns)
    X = (offset + apart[labels] + rng.standard_normal((40, columns))).astype(dtype)
    parameter = cancelling.parameter(form, np.sqrt(columns), columns, rng, dtype)
    problem = Problem(form, X, None, parameter, rng)
    data = labels if loss == "within" else rng.standard_normal(40)
    return solve(problem, (data.astype(dtype), None), loss), loss


@settings(max_examples=60, deadline=None, derandomize=True, print_blob=True)
@given(drawn=cases())
@pytest.mark.parametrize("library", ["numpy", "strict"], indirect=True)
def test_no_points_and_loss_are_found_that_break_the_promise(library, drawn):
    check(library, *drawn)
