"""Kernels and their matrices: values, derivatives, bits, and bad input."""

import pickle
import re
import tracemalloc

import mpmath
import numpy as np
import pytest

import maha_core as mc
import oracle
from calls import DATA, D, M, N
from derivatives import assert_value_and_gradient
from forms import metric as metric_of
from forms import problem
from maha_core.expressions import derivative, evaluate, variable
from test_inputs import refuses
from tiles import EDGE, SIZES, small

KERNELS = {
    "Gaussian": mc.kernels.Gaussian(),
    "Laplace": mc.kernels.Laplace(),
    "Matern32": mc.kernels.Matern32(),
    "Matern52": mc.kernels.Matern52(),
    "RationalQuadratic": mc.kernels.RationalQuadratic(),
    "RationalQuadratic, 0.7": mc.kernels.RationalQuadratic(alpha=0.7),
    "RationalQuadratic, 1e5": mc.kernels.RationalQuadratic(alpha=1e5),
    "a function": mc.kernels.Kernel(lambda D: np.exp(-D) / (1 + D)),
}


def exactly(name, D, np):
    """Return a kernel by its formula; np is NumPy (longdouble, complex) or mpmath (50 digits)."""
    if name == "Gaussian":
        return np.exp(-D / 2)
    if name == "Laplace":
        return np.exp(-np.sqrt(D))
    if name == "Matern32":
        r = np.sqrt(3 * D)
        return (1 + r) * np.exp(-r)
    if name == "Matern52":
        r = np.sqrt(5 * D)
        return (1 + r + r * r / 3) * np.exp(-r)
    if name == "a function":
        return np.exp(-D) / (1 + D)
    alpha = KERNELS[name].alpha
    return (1 + D / (2 * alpha)) ** -alpha


every_kernel = pytest.mark.parametrize("name", KERNELS)
both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])

# ------------------------------------------------------------------------ k, k' and k'' of one pair

AT_0 = {  # k, k', k''; None: infinite, and taken as 0
    "Gaussian": (1, -1 / 2, 1 / 4),
    "Laplace": (1, None, None),
    "Matern32": (1, -3 / 2, None),
    "Matern52": (1, -5 / 6, 25 / 12),
    "RationalQuadratic": (1, -1 / 2, 1 / 2),
    "RationalQuadratic, 0.7": (1, -1 / 2, 1.7 / 2.8),
    "RationalQuadratic, 1e5": (1, -1 / 2, (1e5 + 1) / 4e5),
    "a function": (1, -2, 5),
}
RANGE = [10.0**p for p in range(-16, 5)] + [0.3, 0.9999, 2.7, 33.0, 250.0, 4567.8]


def three(name):
    first = derivative(KERNELS[name].expression, variable("D"))
    return [KERNELS[name].expression, first, derivative(first, variable("D"))]


@every_kernel
@both_dtypes
def test_at_0(name, dtype):
    found = evaluate(three(name), np, {"D": np.zeros((1, 1), dtype)})
    for values, expected in zip(found, AT_0[name], strict=True):
        assert values.dtype == dtype
        np.testing.assert_allclose(values, expected or 0, rtol=4 * np.finfo(dtype).eps)


def differentiated(name, at, order):
    """Return a derivative by differences in mpmath, whose step is small beside D."""
    step = at * mpmath.mpf(10) ** -18
    return mpmath.diff(lambda x: exactly(name, x, mpmath), at, order, h=step)


@every_kernel
def test_what_is_said_about_0_is_so(name):
    with mpmath.workdps(120):
        for order, limit in enumerate(AT_0[name]):
            near = differentiated(name, mpmath.mpf(10) ** -30, order)
            assert abs(near) > 1e9 if limit is None else abs(near - limit) < 1e-8


@pytest.mark.may_warn  # of underflow
@every_kernel
@both_dtypes
def test_from_1e_minus_16_to_1e4(name, dtype):
    """Relative errors are a few units, times what the exponent amplifies those of its argument."""
    D = np.asarray([RANGE], dtype)
    with np.errstate(under="ignore"):
        found = evaluate(three(name), np, {"D": D})
    eps, tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).tiny)
    with mpmath.workdps(120):
        for j, x in enumerate(D[0].tolist()):
            exact = [differentiated(name, mpmath.mpf(x), order) for order in range(3)]
            amplified = 12 + 4 * abs(mpmath.log(abs(exact[0])))
            for values, expected in zip(found, exact, strict=True):
                error = abs(mpmath.mpf(float(values[0, j])) - expected)
                allowed = amplified * eps * abs(expected) + 4 * tiny
                assert error <= allowed, (x, values[0, j], expected)


@pytest.mark.may_warn
@every_kernel
@both_dtypes
def test_of_the_largest_numbers_is_no_nan(name, dtype):
    D = np.asarray([[np.finfo(dtype).max]])
    with np.errstate(all="ignore"):
        for values in evaluate(three(name), np, {"D": D}):
            assert np.isfinite(values).all()
            assert abs(values) <= 1e-25


# --------------------------------------------------------------------------- as functions of arrays


@every_kernel
@both_dtypes
@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (2, 3, 4), (0,), (0, 3)])
def test_of_arrays_of_any_shape(library, name, dtype, shape):
    values = (np.random.default_rng(0).random(shape) * 4).astype(dtype)
    K = library.numpy(KERNELS[name](library.array(values)))
    assert K.dtype == dtype
    assert K.shape == shape
    expected = exactly(name, values.astype(np.longdouble), np)
    np.testing.assert_allclose(K, expected.astype(float), rtol=32 * np.finfo(dtype).eps)


def test_of_whole_numbers(library):
    K = library.numpy(mc.kernels.Gaussian()(library.array([0, 2])))
    assert K.dtype == "float64"
    np.testing.assert_allclose(K, [1, np.exp(-1)])


def test_within_other_functions():
    inner = KERNELS["Matern52"]
    kernel = mc.kernels.Kernel(lambda D: 2 * inner(D / 4) + inner(D))
    D = np.linspace(0, 3, 7)
    np.testing.assert_allclose(kernel(D), 2 * inner(D / 4) + inner(D), rtol=1e-15)
    assert mc.kernels.Kernel(inner) == inner


@every_kernel
def test_equal_and_travelling(name):
    kernel = KERNELS[name]
    for other in (pickle.loads(pickle.dumps(kernel)), mc.kernels.Kernel(kernel)):
        assert other == kernel
        assert hash(other) == hash(kernel)
    assert repr(pickle.loads(pickle.dumps(kernel))) == repr(kernel)
    assert [kernel == other for other in KERNELS.values()].count(True) == 1
    assert kernel != name


def test_repr():
    assert repr(mc.kernels.Gaussian()) == "Gaussian()"
    assert repr(mc.kernels.Matern32()) == "Matern32()"
    assert repr(mc.kernels.RationalQuadratic(2)) == "RationalQuadratic(alpha=2.0)"
    assert repr(mc.kernels.Kernel(lambda D: np.exp(-D))) == "Kernel(exp(negative(D)))"


def test_repr_of_a_function_without_end():
    def f(D):
        for _ in range(2000):
            D = D * D + 1
        return D

    assert repr(mc.kernels.Kernel(f)) == "Kernel(<4002 parts>)"


# ---------------------------------------------------------------------------------------- matrices

RELATIVE = {"float64": 1e-11, "float32": 1e-5}


def assert_matrix(library, name, p):
    """Compare with brute force; D's own promise for Full and Covariance is relative to |D|."""
    K = library.numpy(mc.kernel_matrix(KERNELS[name], *p.points(library), metric=p.metric(library)))
    dtype = p.X.dtype.name
    assert K.dtype == dtype
    exact = exactly(name, oracle.sqdist(*p.exact), np)
    np.testing.assert_allclose(K, exact.astype(float), rtol=RELATIVE[dtype])
    if p.Y is None:
        np.testing.assert_array_equal(K, K.T)
        np.testing.assert_array_equal(np.diag(K), 1)


@every_kernel
@both_dtypes
@pytest.mark.parametrize("form", oracle.FORMS)
@pytest.mark.parametrize("m", [None, EDGE + 3])
def test_matrix(library, name, dtype, form, m):
    p = problem(form, 2 * EDGE + 1, m, 3, dtype)
    for tiling in (small(dtype), mc.options()):
        with tiling:
            assert_matrix(library, name, psd(p))


def psd(p):
    """Return a problem whose metric makes no distance negative."""
    if p.parameter is None or p.form in ("factor", "covariance"):
        return p
    parameter = p.parameter @ p.parameter.T if p.form == "full" else abs(p.parameter)
    return type(p)(p.form, p.X, p.Y, parameter, p.rng)


@every_kernel
@both_dtypes
@pytest.mark.parametrize("m", [None, EDGE])
def test_coincident_points_far_from_the_origin(library, name, dtype, m):
    p = problem("factor", 2 * EDGE + 1, m, 3, dtype)
    X = p.X + np.asarray(1e4, dtype)
    X[3] = X[1]
    Y = None if m is None else X[:m].copy()
    for tiling in (small(dtype), mc.options()):
        with tiling:
            assert_matrix(library, name, type(p)(p.form, X, Y, p.parameter, p.rng))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("m", [None, 0, 1, EDGE + 1])
def test_sizes(library, n, m):
    with small():
        assert_matrix(library, "Matern52", problem("factor", n, m, 3))


@pytest.mark.numpy_only
@pytest.mark.parametrize("m", [None, 700])
def test_tiles_in_several_threads(library, m):
    p = problem("factor", 900, m, 4)
    with mc.options(threads=4):
        assert_matrix(library, "RationalQuadratic, 0.7", p)
        one, other = (mc.kernel_matrix(KERNELS["Gaussian"], p.X, p.Y) for _ in range(2))
    with mc.options(threads=1):
        np.testing.assert_array_equal(one, mc.kernel_matrix(KERNELS["Gaussian"], p.X, p.Y))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("tiling", [small, mc.options])
@pytest.mark.parametrize("m", [None, EDGE + 3])
def test_out(library, tiling, m):
    if not library.writable:
        pytest.skip("arrays cannot be written")
    p = problem("factor", 2 * EDGE + 1, m, 3)
    kernel, metric = KERNELS["Matern32"], p.metric(library)
    out = library.array(np.full(p.shape, np.nan))
    with tiling():
        assert mc.kernel_matrix(kernel, *p.points(library), metric=metric, out=out) is out
        expected = mc.kernel_matrix(kernel, *p.points(library), metric=metric)
    np.testing.assert_array_equal(library.numpy(out), library.numpy(expected))


def test_out_of_a_kernel_that_forgets_D():
    """What is computed may be in other memory than D."""
    out, X = np.full((4, 4), np.nan), np.arange(4.0)[:, None]
    kernel = mc.kernels.Kernel(lambda D: np.full_like(D, 0.5))
    assert mc.kernel_matrix(kernel, X, out=out) is out
    assert (out == 0.5).all()


@pytest.mark.numpy_only
@pytest.mark.parametrize("with_Y", [False, True])
def test_no_second_matrix_exists(library, with_Y):
    X = np.random.default_rng(0).standard_normal((1500, 4))
    out = np.empty((1500, 1500))  # 17 MiB
    with mc.options(threads=1, tile_bytes=2**18):
        mc.kernel_matrix(KERNELS["Matern52"], X, X + 1 if with_Y else None, out=out)
        tracemalloc.start()
        mc.kernel_matrix(KERNELS["Matern52"], X, X + 1 if with_Y else None, out=out)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 5 * 2**20


def test_a_kernel_that_is_infinite_at_0(library):
    X = np.arange(3.0)[:, None]
    K = library.numpy(mc.kernel_matrix(mc.kernels.Kernel(lambda D: 1 / D), library.array(X)))
    np.testing.assert_array_equal(K, [[np.inf, 1, 0.25], [1, np.inf, 1], [0.25, 1, np.inf]])


def test_lazy_until_computed():
    da = pytest.importorskip("dask.array")
    X = np.random.default_rng(0).standard_normal((23, 3))
    lazy = da.from_array(X, chunks=(10, 3))
    for name, kernel in KERNELS.items():
        K = mc.kernel_matrix(kernel, lazy)
        assert K.chunks == ((10, 10, 3), (10, 10, 3))
        assert K.name == mc.kernel_matrix(pickle.loads(pickle.dumps(kernel)), lazy).name
        values = K.compute()
        np.testing.assert_array_equal(values, values.T)
        expected = exactly(name, oracle.sqdist(X, None, "euclidean", None), np)
        np.testing.assert_allclose(values, expected.astype(float), rtol=1e-12)
    names = {mc.kernel_matrix(kernel, lazy).name for kernel in KERNELS.values()}
    assert len(names) == len(KERNELS)


def test_lazy_squared_distances_are_checked_when_computed():
    da = pytest.importorskip("dask.array")
    lazy = KERNELS["Gaussian"](da.from_array(np.array([1.0, -1.0])))
    with pytest.raises(ValueError, match="negative"):
        lazy.compute()


# ----------------------------------------------------------------------------------- as a loss of D


@every_kernel
@pytest.mark.parametrize("m", [None, EDGE + 3])
def test_a_kernel_as_a_loss(library, name, m):
    p = problem("factor", 2 * EDGE + 1, m, 3)

    def phi(D):
        if m is None:  # self-pairs have no part
            return exactly(name, D + np.eye(len(D)), np).sum() - len(D) * exactly(name, 1.0, np)
        return exactly(name, D, np).sum()

    with small():
        assert_value_and_gradient(library, mc.losses.Pairwise(KERNELS[name]), phi, p)


def test_gradient_with_coincident_points(library):
    """The slope of Matern52 at 0 is finite: equal points have none, and the others are right."""
    p = problem("factor", 7, None, 3)
    p.X[1] = p.X[0]
    other = np.ones((7, 7)) - np.eye(7)

    def phi(D):
        apart = np.where(np.abs(D) > 0, D, 1)
        return (np.where(np.abs(D) > 0, exactly("Matern52", apart, np), 1) * other).sum()

    assert_value_and_gradient(library, mc.losses.Pairwise(KERNELS["Matern52"]), phi, p)


# ------------------------------------------------------------------------------------------ errors

X, Y, GAUSSIAN = DATA["X"], DATA["Y"], KERNELS["Gaussian"]
matrix = mc.kernel_matrix


@pytest.mark.parametrize(
    ("kernel", "advice"),
    [
        (None, "Gaussian()"),
        ("Gaussian", "Gaussian()"),
        (1.0, "Gaussian()"),
        (mc.kernels.Gaussian, "Gaussian()"),
        (mc.kernels.RationalQuadratic, "RationalQuadratic()"),
        (lambda D: np.exp(-D), "Kernel(f)"),
        (np.exp, "Kernel(f)"),
        (mc.losses.Pairwise(np.exp), "Gaussian()"),
    ],
)
def test_a_kernel_that_is_none(kernel, advice):
    with refuses(TypeError, "kernel"):
        matrix(kernel, X)
    with pytest.raises(TypeError, match=re.escape(advice)):
        matrix(kernel, X)


BAD_CALLS = {
    "swapped": (TypeError, "kernel", lambda: matrix(X, GAUSSIAN)),
    "a list": (TypeError, "X", lambda: matrix(GAUSSIAN, X.tolist())),
    "no X": (TypeError, "X", lambda: matrix(GAUSSIAN, None)),
    "complex": (TypeError, "X", lambda: matrix(GAUSSIAN, X * 1j)),
    "one axis": (ValueError, "X", lambda: matrix(GAUSSIAN, X[0])),
    "no columns": (ValueError, "X", lambda: matrix(GAUSSIAN, X[:, :0])),
    "NaN": (ValueError, "X", lambda: matrix(GAUSSIAN, X * np.nan)),
    "infinite Y": (ValueError, "Y", lambda: matrix(GAUSSIAN, X, Y + np.inf)),
    "columns of Y": (ValueError, "Y", lambda: matrix(GAUSSIAN, X, Y[:, :2])),
    "dtype of Y": (TypeError, "Y", lambda: matrix(GAUSSIAN, X, Y.astype("float32"))),
    "no metric": (TypeError, "metric", lambda: matrix(GAUSSIAN, X, metric=DATA["A"])),
    "a metric's width": (
        ValueError,
        "metric",
        lambda: matrix(GAUSSIAN, X, metric=mc.Diagonal(np.ones(D + 1))),
    ),
    "out of a wrong shape": (
        ValueError,
        "out",
        lambda: matrix(GAUSSIAN, X, Y, out=np.zeros((N, M + 1))),
    ),
    "out of a wrong dtype": (
        ValueError,
        "out",
        lambda: matrix(GAUSSIAN, X, out=np.zeros((N, N), "float32")),
    ),
    "out as a list": (TypeError, "out", lambda: matrix(GAUSSIAN, X, out=[[0.0] * N] * N)),
    "out overlaps": (ValueError, "out", lambda: matrix(GAUSSIAN, SQUARE, out=SQUARE)),
    "no function": (TypeError, "f", lambda: mc.kernels.Kernel(1.0)),
    "a branch": (TypeError, "f", lambda: mc.kernels.Kernel(lambda D: D if D > 1 else 0)),
    "two results": (TypeError, "f", lambda: mc.kernels.Kernel(lambda D: (D, 1))),
    "two arguments": (TypeError, "f", lambda: mc.kernels.Kernel(lambda D, a: D * a)),
    "a number": (TypeError, "f", lambda: mc.kernels.Kernel(lambda D: 1.0)),
    "no operation": (TypeError, "f", lambda: mc.kernels.Kernel(np.sin)),
    "an array caught": (TypeError, "f", lambda: mc.kernels.Kernel(lambda D: D * X)),
    "D as a list": (TypeError, "D", lambda: GAUSSIAN([1.0])),
    "D as a number": (TypeError, "D", lambda: GAUSSIAN(1.0)),
    "D complex": (TypeError, "D", lambda: GAUSSIAN(np.ones(2) * 1j)),
    "D with NaN": (ValueError, "D", lambda: GAUSSIAN(np.array([np.nan]))),
    "D infinite": (ValueError, "D", lambda: GAUSSIAN(np.array([np.inf]))),
    "D negative": (ValueError, "D", lambda: GAUSSIAN(np.array([1.0, -1e-9]))),
}
SQUARE = np.eye(N)


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_input(name):
    error, argument, call = BAD_CALLS[name]
    with refuses(error, argument):
        call()


@pytest.mark.parametrize("alpha", [0, -1.0, np.inf, np.nan, 1e-10, 1e10])
def test_an_alpha_out_of_range(alpha):
    with refuses(ValueError, "alpha"):
        mc.kernels.RationalQuadratic(alpha)


@pytest.mark.parametrize("alpha", [None, "1", True, 1j, np.ones(2)])
def test_an_alpha_that_is_no_number(alpha):
    with refuses(TypeError, "alpha"):
        mc.kernels.RationalQuadratic(alpha=alpha)


@pytest.mark.parametrize("n", [2, 2 * EDGE + 1])
@every_kernel
def test_a_metric_that_makes_distances_negative(library, name, n):
    X = library.array(np.eye(n))
    metric = metric_of("diagonal", library.array(np.where(np.arange(n) % 2, -2.0, 1.0)))
    with small(), pytest.raises(ValueError, match="negative"):
        library.numpy(mc.kernel_matrix(KERNELS[name], X, metric=metric))
    with small(), mc.options(precision="fast"):
        K = library.numpy(mc.kernel_matrix(KERNELS[name], X, metric=metric))
    assert np.isfinite(K).all()
    assert K[0, 1] == 1  # D there is -1, and clipped


def test_a_matrix_that_cannot_fit(library):
    X = library.array(np.zeros((20_000_000, 1)))
    with pytest.raises(MemoryError, match=r"\d.*[KMGTP]i?B"):
        mc.kernel_matrix(GAUSSIAN, X)
