"""Inputs on which the plain matrix product would lose every digit."""

import contextlib

import numpy as np
import pytest

import maha_core as mc
import oracle

ENGINES = {"numpy": contextlib.nullcontext, "generic": lambda: mc.use_backend("generic")}
RELATIVE = {"float64": 1e-9, "float32": 1e-5}
GRADIENT = {"float64": 1e-8, "float32": 1e-3}
N, COLUMNS = 250, 5


def spread(offset, dtype):
    """Return a scale of points that a dtype still resolves at an offset."""
    return max(1.0, 64 * float(np.finfo(dtype).eps) * offset)


def shifted(offset):
    def draw(rng, dtype):
        scale = spread(offset, dtype)
        return (offset + scale * rng.standard_normal((N, COLUMNS))).astype(dtype), scale

    return draw


def clusters(rng, dtype):
    """Fifty clusters 1e3 radii apart."""
    centres = 1e3 * rng.standard_normal((50, COLUMNS)) * 2
    return (np.repeat(centres, 5, axis=0) + rng.standard_normal((N, COLUMNS))).astype(dtype), 1.0


def near_duplicates(rng, dtype):
    """Every point and a copy of it some thousands of units in the last place away."""
    X = rng.standard_normal((N // 2, COLUMNS))
    step = 4096 * np.finfo(dtype).eps
    return np.concatenate([X, X + step * rng.standard_normal(X.shape)]).astype(dtype), 1.0


INPUTS = {
    **{f"offset 1e{e}": shifted(10.0**e) for e in (4, 5, 6, 7, 8)},
    "clusters": clusters,
    "near-duplicates": near_duplicates,
}


@pytest.fixture(params=ENGINES, scope="module", autouse=True)
def engine(request):
    with ENGINES[request.param]():
        yield request.param


def well_conditioned(form, scale, rng, dtype):
    """Return a positive definite parameter, with points of the given scale about 1 apart."""
    root, _ = np.linalg.qr(rng.standard_normal((COLUMNS, COLUMNS)))
    A = (root * np.linspace(0.8, 1.2, COLUMNS)[:, None] / scale).astype(dtype)
    if form == "factor":
        return A
    if form == "diagonal":
        return (np.linspace(0.5, 1.5, COLUMNS) / scale**2).astype(dtype)
    M = A.T @ A if form == "full" else np.linalg.inv((A.T @ A).astype(np.float64)).astype(dtype)
    return (M + M.T) / 2


CLASSES = {
    "full": mc.Full,
    "factor": mc.Factor,
    "diagonal": mc.Diagonal,
    "covariance": mc.Covariance,
}


@pytest.mark.parametrize("dtype", RELATIVE)
@pytest.mark.parametrize("form", oracle.FORMS)
@pytest.mark.parametrize("name", INPUTS)
def test_every_entry_of_D_to_its_own_relative_error(name, form, dtype):
    rng = np.random.default_rng(0)
    X, scale = INPUTS[name](rng, dtype)
    parameter = None if form == "euclidean" else well_conditioned(form, scale, rng, dtype)
    metric = None if form == "euclidean" else CLASSES[form](parameter)
    expected = oracle.sqdist(X, None, form, parameter)
    rows, columns = np.triu_indices(N, 1)
    for actual in (
        mc.sqdist(X, metric=metric),
        mc.sqdist(X, X.copy(), metric=metric),
        mc.dist(X, metric=metric).astype(np.longdouble) ** 2,
    ):
        error = np.abs(actual - expected)[rows, columns]
        assert (error <= RELATIVE[dtype] * expected[rows, columns]).all()
    listed = mc.sqdist(X, metric=metric, pairs=(rows, columns))
    error = np.abs(listed - expected[rows, columns])
    assert (error <= RELATIVE[dtype] * expected[rows, columns]).all()


@pytest.mark.parametrize("dtype", GRADIENT)
@pytest.mark.parametrize("form", oracle.FORMS)
@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("with_Y", [False, True])
def test_gradient_of_mlkr(name, form, dtype, with_Y):
    rng = np.random.default_rng(1)
    X, scale = INPUTS[name](rng, dtype)
    if form == "euclidean" and scale > 1:
        pytest.skip("distances so large that exp(-D) itself is beyond the dtype")
    parameter = None if form == "euclidean" else well_conditioned(form, scale, rng, dtype)
    metric = None if form == "euclidean" else CLASSES[form](parameter)
    y = rng.standard_normal(N).astype(dtype)
    order = rng.permutation(N)  # with Y: two sets without common points, both in every cluster
    one, other = (order[::2], order[1::2]) if with_Y else (order, None)
    loss = mc.losses.MLKR(y[one], y[other] if with_Y else None)
    points = (X[one], X[other] if with_Y else None)
    wrt = ("X",) + (("metric",) if metric is not None else ()) + (("Y",) if with_Y else ())
    _, gradient = mc.value_and_grad(loss, *points, metric=metric, wrt=wrt)
    D = oracle.sqdist(*points, form, parameter)
    G = oracle.mlkr_cotangent(D, y[one], y[other] if with_Y else None)
    expected = oracle.pullback(G, *points, form, parameter)
    for part in wrt:
        actual = getattr(gradient, part)
        error = np.linalg.norm((actual - expected[part]).astype(float))
        assert error <= GRADIENT[dtype] * np.linalg.norm(expected[part].astype(float)), part


@pytest.mark.parametrize("dtype", GRADIENT)
@pytest.mark.parametrize("offset", [1e4, 1e8])
def test_vjp_of_shifted_points(offset, dtype):
    rng = np.random.default_rng(2)
    X, scale = shifted(offset)(rng, dtype)
    A = well_conditioned("factor", scale, rng, dtype)
    G = rng.standard_normal((N, N)).astype(dtype)
    gradient = mc.vjp(X, metric=mc.Factor(A), cotangent=G, wrt=("metric", "X"))
    expected = oracle.pullback(G, X, None, "factor", A)
    centred = X - X.astype(np.float64).mean(axis=0)
    bound = np.abs(G).sum() * (centred**2).sum(axis=1).max() / scale
    assert np.abs(gradient.metric - expected["metric"]).max() <= 100 * np.finfo(dtype).eps * bound
    bound = np.abs(G).sum() * np.abs(centred).max() / scale**2
    assert np.abs(gradient.X - expected["X"]).max() <= 100 * np.finfo(dtype).eps * bound


@pytest.mark.parametrize("dtype", RELATIVE)
def test_jvp_of_shifted_points(dtype):
    rng = np.random.default_rng(3)
    X, scale = shifted(1e6)(rng, dtype)
    A = well_conditioned("factor", scale, rng, dtype)
    dA = (rng.standard_normal(A.shape) / scale).astype(dtype)
    dX = (scale * rng.standard_normal(X.shape)).astype(dtype)
    actual = mc.jvp(X, metric=mc.Factor(A), metric_tangent=dA, X_tangent=dX)
    expected = oracle.jvp(X, None, "factor", A, metric=dA, dX=dX)
    assert np.abs(actual - expected).max() <= RELATIVE[dtype] * np.abs(expected).max()


@pytest.mark.parametrize("dtype", RELATIVE)
def test_an_indefinite_metric_to_its_rounding_bound(dtype):
    rng = np.random.default_rng(4)
    X, _ = clusters(rng, dtype)
    M = rng.standard_normal((COLUMNS, COLUMNS)).astype(dtype)
    actual = mc.sqdist(X, metric=mc.Full(M))
    expected = oracle.sqdist(X, None, "full", M)
    allowed = RELATIVE[dtype] * oracle.magnitude(X, None, "full", M)
    assert (np.abs(actual - expected) <= allowed).all()


def test_fast_precision_still_has_no_negative_distance():
    rng = np.random.default_rng(5)
    X, _ = near_duplicates(rng, "float32")
    with mc.options(precision="fast"):
        assert np.isfinite(mc.dist(X)).all()
        assert np.isfinite(mc.dist(X + 100)).all()
