"""Gradients of sums of kernels at given points, against differences in longdouble."""

import numpy as np
import pytest

import maha_core as mc
import oracle
from forms import problem
from tiles import EDGE, small

KERNELS = {
    "gaussian": (mc.kernels.Gaussian(), lambda D: -np.exp(-D / 2) / 2),
    "laplace": (
        mc.kernels.Laplace(),
        lambda D: -np.exp(-np.sqrt(D)) / (2 * np.sqrt(np.where(D > 0, D, 1))) * (D > 0),
    ),
    "matern32": (mc.kernels.Matern32(), lambda D: -1.5 * np.exp(-np.sqrt(3 * D))),
    "matern52": (
        mc.kernels.Matern52(),
        lambda D: -5 / np.longdouble(6) * (1 + np.sqrt(5 * D)) * np.exp(-np.sqrt(5 * D)),
    ),
    "rational": (mc.kernels.RationalQuadratic(2.0), lambda D: -0.5 * (1 + D / 4) ** -3),
}
N, M, D = 2 * EDGE + 1, 2 * EDGE + 4, 3


def exact(slope, X, Y, form, parameter, b):
    """Return ``2 sum_j k'(D_ij) b_jc Ms (x_i - y_j)`` entry by entry."""
    with np.errstate(under="ignore"):
        of_entry = slope(oracle.sqdist(X, Y, form, parameter))
    of_points = oracle.point_slope(X, Y, form, parameter)  # dD_ij / dx_i
    return np.einsum("ij,jc,ijd->icd", of_entry, b.astype(of_entry.dtype), of_points)


def check(library, found, expected, dtype):
    allowed = {"float64": 1e-11, "float32": 2e-5}[dtype] * np.abs(expected).max()
    assert library.numpy(found).dtype == dtype
    assert np.abs(library.numpy(found) - expected).max() <= allowed


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("tiling", ["small", "default"])
@pytest.mark.parametrize("name", KERNELS)
def test_it_is_the_sum_of_slopes(library, name, tiling, dtype):
    p = problem("factor", N, M, D, dtype)
    p.Y[:4] = p.X[:4]  # coincident points
    kernel, slope = KERNELS[name]
    b = p.random((M, 4))
    expected = exact(slope, *p.exact, b)
    with small(dtype) if tiling == "small" else mc.options():
        points = p.points(library)
        found = mc.kernel_gradient(
            kernel, *points, values=library.array(b), metric=p.metric(library)
        )
        one = mc.kernel_gradient(
            kernel, *points, values=library.array(b[:, 1]), metric=p.metric(library)
        )
    check(library, found, expected, dtype)
    check(library, one, expected[:, 1], dtype)


@pytest.mark.parametrize("form", oracle.FORMS)
def test_in_every_metric(library, form):
    p = problem(form, N, M, D)
    if form == "full":
        p.parameter[...] = p.parameter @ p.parameter.T
    if form == "diagonal":
        p.parameter[...] = np.abs(p.parameter)
    kernel, slope = KERNELS["matern52"]
    b = p.random((M, 2))
    found = mc.kernel_gradient(
        kernel, *p.points(library), values=library.array(b), metric=p.metric(library)
    )
    check(library, found, exact(slope, *p.exact, b), "float64")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", ["shifted", "clusters"])
def test_of_points_far_from_the_origin(library, kind, dtype):
    p = problem("factor", N, M, D, dtype)
    if kind == "shifted":
        p.X[...], p.Y[...] = p.X + 1e4, p.Y + 1e4
    else:
        centres = 1e2 * p.random((5, D))
        p.X[...], p.Y[...] = p.X + centres[np.arange(N) % 5], p.Y + centres[np.arange(M) % 5]
    kernel, slope = KERNELS["gaussian"]
    b = p.random((M, 3))
    found = mc.kernel_gradient(
        kernel, *p.points(library), values=library.array(b), metric=p.metric(library)
    )
    check(library, found, exact(slope, *p.exact, b), dtype)


def test_of_no_points_and_of_no_sum(library):
    p = problem("factor", 3, 2, D)
    X, Y = p.points(library)
    kernel, b = mc.kernels.Gaussian(), library.array(np.ones((2, 4)))
    assert library.numpy(mc.kernel_gradient(kernel, X[:0, :], Y, values=b)).shape == (0, 4, D)
    none = library.numpy(mc.kernel_gradient(kernel, X, Y[:0, :], values=b[:0, :]))
    np.testing.assert_array_equal(none, np.zeros((3, 4, D)))


# ------------------------------------------------------------------------------------- bad input

X, Y = np.random.default_rng(0).standard_normal((2, 6, D))
B, GAUSSIAN = np.ones((6, 2)), mc.kernels.Gaussian()


def bad(array, value=np.nan):
    spoiled = np.array(array)
    spoiled.flat[1] = value
    return spoiled


REFUSED = [
    (TypeError, "kernel", lambda: mc.kernel_gradient(lambda D: D, X, Y, values=B)),
    (TypeError, "kernel", lambda: mc.kernel_gradient(mc.kernels.Gaussian, X, Y, values=B)),
    (TypeError, "kernel", lambda: mc.kernel_gradient("gaussian", X, Y, values=B)),
    (TypeError, "kernel", lambda: mc.kernel_gradient(None, X, Y, values=B)),
    (TypeError, "X", lambda: mc.kernel_gradient(GAUSSIAN, X.tolist(), Y, values=B)),
    (TypeError, "X", lambda: mc.kernel_gradient(GAUSSIAN, X.astype(complex), Y, values=B)),
    (ValueError, "X", lambda: mc.kernel_gradient(GAUSSIAN, X[0], Y, values=B)),
    (ValueError, "X", lambda: mc.kernel_gradient(GAUSSIAN, bad(X), Y, values=B)),
    (ValueError, "Y", lambda: mc.kernel_gradient(GAUSSIAN, X, None, values=B)),
    (ValueError, "Y", lambda: mc.kernel_gradient(GAUSSIAN, X, Y[:, :2], values=B)),
    (ValueError, "Y", lambda: mc.kernel_gradient(GAUSSIAN, X, bad(Y, np.inf), values=B)),
    (TypeError, "Y", lambda: mc.kernel_gradient(GAUSSIAN, X, Y.astype("float32"), values=B)),
    (TypeError, "Y", lambda: mc.kernel_gradient(GAUSSIAN, X, Y.tolist(), values=B)),
    (TypeError, "values", lambda: mc.kernel_gradient(GAUSSIAN, X, Y)),
    (TypeError, "values", lambda: mc.kernel_gradient(GAUSSIAN, X, Y, values=None)),
    (TypeError, "values", lambda: mc.kernel_gradient(GAUSSIAN, X, Y, values=B.tolist())),
    (TypeError, "values", lambda: mc.kernel_gradient(GAUSSIAN, X, Y, values=B.astype("float32"))),
    (ValueError, "values", lambda: mc.kernel_gradient(GAUSSIAN, X, Y, values=B[:5])),
    (ValueError, "values", lambda: mc.kernel_gradient(GAUSSIAN, X, Y, values=B[:, :, None])),
    (ValueError, "values", lambda: mc.kernel_gradient(GAUSSIAN, X, Y, values=bad(B))),
    (TypeError, "metric", lambda: mc.kernel_gradient(GAUSSIAN, X, Y, values=B, metric=np.eye(D))),
    (
        ValueError,
        "metric",
        lambda: mc.kernel_gradient(GAUSSIAN, X, Y, values=B, metric=mc.Factor(np.eye(2))),
    ),
]


@pytest.mark.parametrize(("error", "name", "call"), REFUSED)
def test_bad_input_is_refused_by_name(error, name, call):
    with pytest.raises(error, match=name):
        call()


@pytest.mark.parametrize("kernel", ["laplace", "gaussian"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_under_a_metric_of_nearly_low_rank(library, dtype, kernel):
    """As recursive feature machines make them: points are close beside how far out they are."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, 30)).astype(dtype)
    X[1::7] = X[::7][: len(X[1::7])] + np.asarray(1e-3, dtype) * X[1::7]  # close pairs
    Q = np.linalg.qr(rng.standard_normal((30, 30)))[0]
    A = (np.geomspace(1, 1e-4, 30)[:, None] * Q).astype(dtype)
    b = rng.standard_normal((N, 1)).astype(dtype)
    form, slope = KERNELS[kernel]
    found = mc.kernel_gradient(
        form,
        library.array(X),
        library.array(X),
        values=library.array(b),
        metric=mc.Factor(library.array(A)),
    )
    expected = exact(slope, X, X, "factor", A, b.astype(np.float64))
    check(library, found, expected, dtype)
