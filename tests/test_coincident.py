"""Coincident points: what is infinite between them counts as 0, what is finite stays."""

import array_api_compat
import numpy as np
import pytest

import maha_core as mc
import oracle
from forms import metric as metric_of
from maha_core.losses import Loss, Pairwise
from maha_core.reductions import Sum

N, D = 9, 3
FORMS = oracle.FORMS
WRT = {form: ("X",) if form == "euclidean" else ("metric", "X") for form in FORMS}


def points(kind, dtype="float64"):
    """Return points of which some coincide."""
    X = np.random.default_rng(0).standard_normal((N, D))
    if kind == "a pair":
        X[5] = X[1]
    elif kind == "at the centre":  # the guard's threshold is 0 there
        X[4:] = -X[:5]
        X[[0, 3, 8]] = 0
    elif kind == "all":
        X[:] = X[0]
    elif kind == "underflow":
        X[5] = X[1] = 0
        X[5, 0] = 1e-23
    return X.astype(dtype)


def parameter(form, dtype):
    rng = np.random.default_rng(1)
    M = oracle.parameter(form, D, rng, dtype)
    if form == "full":
        return (M @ M.T).astype(dtype)
    return np.abs(M) if form == "diagonal" else M


def root(D):
    """Return sqrt(D), and its derivative without any care."""
    xp = array_api_compat.array_namespace(D)
    with np.errstate(divide="ignore"):
        return xp.sqrt(D), 0.5 / xp.sqrt(D)


class Roots(Loss):
    """The same as a loss of one's own."""

    def reductions(self):
        return {"sum": Sum(np.sqrt)}

    def row_function(self, row):
        return row.sum


class ListedRoots(Loss):
    """The same of listed pairs."""

    def __init__(self, i, j):
        self.i, self.j = i, j

    def pairs(self, n):
        return self.i, self.j

    def pair_term(self, item, D):
        return np.sqrt(D)


def gradient(X, form, parameter, G):
    """Return dphi/dX and dphi/dparameter of ``sum_ij G_ij sqrt(D_ij)``, 0 where D_ij is."""
    D = oracle.sqdist(X, None, form, parameter)
    apart = np.finfo(X.dtype).tiny < D  # what underflows is 0
    slope = np.where(apart, np.where(apart, G, 0) / (2 * np.sqrt(np.where(apart, D, 1))), 0)
    slopes = (slope + slope.T)[:, :, None] * oracle.point_slope(X, None, form, parameter)
    own = None
    if form != "euclidean":
        J = oracle.jacobian(X, None, form, parameter)
        own = np.tensordot(slope, J, axes=2)
    return slopes.sum(axis=1), own


def check(library, found, expected, dtype):
    for actual, exact in zip((found.X, found.metric), expected, strict=True):
        if exact is None:
            assert actual is None
            continue
        allowed = {"float64": 1e-11, "float32": 2e-5}[dtype] * max(np.abs(exact).max(), 1e-3)
        assert np.abs(library.numpy(actual) - exact).max() <= allowed


KINDS = [(kind, "float64") for kind in ("a pair", "at the centre", "all")]
KINDS += [(kind, "float32") for kind in ("a pair", "at the centre", "underflow")]


@pytest.mark.parametrize("loss", [Pairwise(root), Pairwise(root, symmetric=True), Roots()])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("kind", "dtype"), KINDS)
def test_a_loss_with_a_root_has_a_gradient(library, kind, dtype, form, loss):
    X, own = points(kind, dtype), parameter(form, dtype)
    expected = gradient(X, form, own, np.ones((N, N)))
    for tile_bytes in (None, 160):
        with mc.options(tile_bytes=tile_bytes):
            metric = metric_of(form, *library.arrays(own))
            _, found = mc.value_and_grad(loss, library.array(X), metric=metric, wrt=WRT[form])
        check(library, found, expected, dtype)


@pytest.mark.parametrize(("kind", "dtype"), KINDS)
def test_a_loss_of_listed_pairs_with_a_root_has_a_gradient(library, kind, dtype):
    X, own = points(kind, dtype), parameter("factor", dtype)
    i, j = np.array([0, 1, 1, 5, 8]), np.array([2, 5, 7, 0, 3])
    G = np.zeros((N, N))
    G[i, j] = 1
    metric = metric_of("factor", *library.arrays(own))
    loss = ListedRoots(*library.arrays(i, j))
    _, found = mc.value_and_grad(loss, library.array(X), metric=metric, wrt=("metric", "X"))
    check(library, found, gradient(X, "factor", own, G), dtype)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("kind", "dtype"), KINDS)
def test_the_pullback_of_dist(library, kind, dtype, form):
    X, own = points(kind, dtype), parameter(form, dtype)
    G = np.random.default_rng(2).standard_normal((N, N)).astype(dtype)
    exact = gradient(X, form, own, G)
    G[oracle.sqdist(X, None, form, own) == 0] = np.inf
    given, cotangent = library.arrays(X, G)
    metric = metric_of(form, *library.arrays(own))
    found = mc.vjp(given, metric=metric, cotangent=cotangent, wrt=WRT[form], of="dist")
    check(library, found, exact, dtype)

    i, j = np.divmod(np.arange(N * N), N)
    listed = {"pairs": library.arrays(i, j), "cotangent": library.array(G[i, j])}
    found = mc.vjp(given, metric=metric, wrt=WRT[form], of="dist", **listed)
    check(library, found, exact, dtype)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["a pair", "at the centre", "all"])
def test_the_pushforward_of_dist_is_the_adjoint_of_its_pullback(library, kind, form):
    rng = np.random.default_rng(3)
    X, own = points(kind), parameter(form, "float64")
    G, dX = rng.standard_normal((N, N)), rng.standard_normal((N, D))
    tangents = {"X_tangent": dX}
    if own is not None:
        tangents["metric_tangent"] = rng.standard_normal(own.shape)
    given = library.array(X)
    metric = metric_of(form, *library.arrays(own))
    moved = {name: library.array(tangent) for name, tangent in tangents.items()}
    pushed = library.numpy(mc.jvp(given, metric=metric, of="dist", **moved))
    pulled = mc.vjp(given, metric=metric, cotangent=library.array(G), wrt=WRT[form], of="dist")
    inner = np.vdot(library.numpy(pulled.X), dX)
    if own is not None:
        inner += np.vdot(library.numpy(pulled.metric), tangents["metric_tangent"])
    assert np.isfinite(pushed).all()
    np.testing.assert_allclose(np.vdot(G, pushed), inner, rtol=1e-12, atol=1e-12)

    i, j = np.divmod(np.arange(N * N), N)
    listed = mc.jvp(given, metric=metric, of="dist", pairs=library.arrays(i, j), **moved)
    np.testing.assert_allclose(library.numpy(listed), pushed.ravel(), rtol=1e-9, atol=1e-9)


@pytest.mark.may_warn
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("with_Y", [False, True])
def test_a_cotangent_that_is_not_finite_between_coincident_points_counts_as_0(library, with_Y, bad):
    X, own = points("a pair"), parameter("factor", "float64")
    Y = X[:6] if with_Y else None
    G = np.random.default_rng(4).standard_normal((N, 6 if with_Y else N))
    without = G.copy()
    G[5, 1], without[5, 1] = bad, 0
    metric = metric_of("factor", *library.arrays(own))

    def pulled(G):
        found = mc.vjp(
            *library.arrays(X, Y), metric=metric, cotangent=library.array(G), wrt=("metric", "X")
        )
        return library.numpy(found.metric), library.numpy(found.X)

    for actual, expected in zip(pulled(G), pulled(without), strict=True):
        np.testing.assert_array_equal(actual, expected)
    G[5, 2] = bad
    with pytest.raises(ValueError, match="cotangent"):
        pulled(G)


@pytest.mark.may_warn
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_same_of_listed_pairs(library, bad):
    X = points("a pair")
    i, j = np.array([0, 5, 1, 7]), np.array([3, 1, 1, 2])

    def pulled(g):
        given, g = library.arrays(X, np.array(g))
        return library.numpy(mc.vjp(given, cotangent=g, pairs=library.arrays(i, j)).X)

    np.testing.assert_array_equal(pulled([1.0, bad, bad, 2.0]), pulled([1.0, 0.0, 0.0, 2.0]))
    with pytest.raises(ValueError, match="cotangent"):
        pulled([1.0, 0.0, 0.0, bad])


def test_what_is_finite_stays_where_a_singular_metric_sees_no_distance(library):
    # D = 0 for points that differ in the last column, and dD/dM_33 = d_3^2 does not vanish
    X = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 2.0], [1.0, 0.0, 0.0]])
    M = np.diag([1.0, 1.0, 0.0])
    given, own = library.arrays(X, M)
    loss = Pairwise(lambda D: (D, 1 + 0 * D))
    _, found = mc.value_and_grad(loss, given, metric=mc.Full(own))
    expected = np.einsum("ijk,ijl->kl", *2 * [oracle.differences(X)])
    np.testing.assert_allclose(library.numpy(found.metric), expected, rtol=1e-14)
    _, found = mc.value_and_grad(Pairwise(root), given, metric=mc.Full(own))
    assert library.numpy(found.metric)[2, 2] == pytest.approx(4 * 2 * 0.5 / 1)


def test_dist_of_an_indefinite_metric_has_no_derivative(library):
    X, w, G = library.arrays(points("a pair"), np.array([1.0, -3.0, 1.0]), np.ones((N, N)))
    metric = mc.Diagonal(w)
    with pytest.raises(ValueError, match="negative squared distances"):
        library.numpy(mc.vjp(X, metric=metric, cotangent=G, of="dist").metric)
    with pytest.raises(ValueError, match="negative squared distances"):
        library.numpy(mc.jvp(X, metric=metric, X_tangent=X, of="dist"))


@pytest.mark.parametrize("of", ["D", None, "Dist", 2])
def test_what_is_differentiated_has_a_name(of):
    X = points("a pair")
    with pytest.raises(ValueError, match="of must be 'sqdist' or 'dist'"):
        mc.vjp(X, cotangent=np.ones((N, N)), of=of)
    with pytest.raises(ValueError, match="of must be 'sqdist' or 'dist'"):
        mc.jvp(X, X_tangent=X, of=of)
