"""Reductions of the rows of D and their pullback, against all pairs in longdouble."""

import tracemalloc

import numpy as np
import pytest

import maha_core as mc
import oracle
from forms import problem
from tiles import EDGE, small

N, M, D, W = 2 * EDGE + 1, EDGE + 3, 3, 3
Sum, LogSumExp, SoftmaxMean = mc.reductions.Sum, mc.reductions.LogSumExp, mc.reductions.SoftmaxMean


def laplace_slope(D):
    root = np.sqrt(D)
    return np.where(D > 0, -np.exp(-root) / (2 * np.where(D > 0, root, 1)), 0)


# By name: what maha_core is given, its value and its derivative in longdouble.
EXPONENTS = {
    "default": (None, lambda D: -D, lambda D: -np.ones_like(D)),
    "gaussian": (
        mc.kernels.Gaussian(),
        lambda D: np.exp(-D / 2),
        lambda D: -np.exp(-D / 2) / 2,
    ),
    "laplace": (mc.kernels.Laplace(), lambda D: np.exp(-np.sqrt(D)), laplace_slope),
    "matern32": (
        mc.kernels.Matern32(),
        lambda D: (1 + np.sqrt(3 * D)) * np.exp(-np.sqrt(3 * D)),
        lambda D: -1.5 * np.exp(-np.sqrt(3 * D)),
    ),
    "matern52": (
        mc.kernels.Matern52(),
        lambda D: (1 + np.sqrt(5 * D) + 5 * D / 3) * np.exp(-np.sqrt(5 * D)),
        lambda D: -5 / np.longdouble(6) * (1 + np.sqrt(5 * D)) * np.exp(-np.sqrt(5 * D)),
    ),
    "rational": (
        mc.kernels.RationalQuadratic(2.0),
        lambda D: (1 + D / 4) ** -2,
        lambda D: -((1 + D / 4) ** -3) / 2,
    ),
    "function": (lambda D: 1 / (1 + D), lambda D: 1 / (1 + D), lambda D: -1 / (1 + D) ** 2),
    "of data": (
        lambda D, a, b: -D * (1 + (a - b) ** 2),
        lambda D, a, b: -D * (1 + (a - b) ** 2),
        lambda D, a, b: -(1 + (a - b) ** 2) * np.ones_like(D),
    ),
}
VALUES = ["numbers", "vectors", "pairs"]
CASES = [("Sum", e, v) for e in EXPONENTS if e != "default" for v in (None, "numbers")]
CASES += [("Sum", "gaussian", "vectors"), ("Sum", "of data", "pairs")]
CASES += [("LogSumExp", e, None) for e in EXPONENTS]
CASES += [("SoftmaxMean", e, "numbers") for e in EXPONENTS]
CASES += [("SoftmaxMean", e, v) for e in ("default", "matern52") for v in ("vectors", "pairs")]


COMPILED = [
    *(("Sum", "gaussian", "numbers"), ("Sum", "of data", "pairs"), ("Sum", "gaussian", "vectors")),
    *(("LogSumExp", "default", None), ("LogSumExp", "matern52", None)),
    *(("SoftmaxMean", "default", "numbers"), ("SoftmaxMean", "default", "pairs")),
]
"""What is tested where each expression is compiled, for seconds, by the CPU's own compiler."""


class Case:
    """A reduction of a problem, in maha_core and in longdouble."""

    def __init__(self, kind, exponent, values, p):
        self.kind, self.p = kind, p
        self.e, self.value, self.slope = EXPONENTS[exponent]
        n, m = p.shape
        self.with_data = exponent == "of data" or values == "pairs"
        self.a, self.b = p.random(n), None if p.Y is None else p.random(m)
        self.values = {
            None: lambda: None,
            "numbers": lambda: p.random(m),
            "vectors": lambda: p.random((m, W)),
            "pairs": lambda: lambda a, b: a > b,
        }[values]()
        self.of_data = exponent == "of data"

    def reduction(self, library):
        """Return the reduction for a library."""
        e, further = self.e, {}
        if self.with_data:
            further["data"] = library.array(self.a)
            further["data_Y"] = None if self.b is None else library.array(self.b)
            if not self.of_data and e is not None and not isinstance(e, mc.kernels.Kernel):
                e = lambda D, a, b: self.e(D)  # noqa: E731
        values = self.values
        if isinstance(values, np.ndarray):
            values = library.array(values)
        if self.kind == "Sum":
            return Sum(e, values, **further)
        if self.kind == "LogSumExp":
            return LogSumExp(e, **further)
        return SoftmaxMean(values, e, **further)

    def exact(self, self_pairs):
        """Return the reduction (n, w), and what makes a cotangent of D and of the values of one."""
        D = oracle.sqdist(*self.p.exact)
        a = oracle.exact(self.a)[:, None]
        b = (a if self.b is None else oracle.exact(self.b)[:, None]).T
        data = (a, b) if self.of_data else ()
        with np.errstate(under="ignore"):
            e, slope = self.value(D, *data), self.slope(D, *data)
        counted = np.ones(D.shape, dtype=bool)
        if self.p.Y is None and not self_pairs:
            np.fill_diagonal(counted, False)
        if self.values is None:
            v = np.ones((*D.shape, 1))
        elif callable(self.values):
            v = self.values(a, b)[:, :, None].astype(np.longdouble)
        else:
            v = np.broadcast_to(
                oracle.exact(self.values).reshape(1, D.shape[1], -1),
                (*D.shape, self.values.size // D.shape[1]),
            )
        return self._exact(e, slope, v, counted)

    @np.errstate(under="ignore")
    def _exact(self, e, slope, v, counted):
        if self.kind == "Sum":
            weights, inner = np.where(counted, e, 0), v
            found, scale = np.einsum("ij,ijw->iw", weights, v), np.where(counted, slope, 0)
        else:
            kept = np.where(counted, e, -np.inf)
            shift = kept.max(axis=1, keepdims=True)
            k = np.exp(kept - shift)
            weights = k / k.sum(axis=1, keepdims=True)
            scale = weights * slope
            if self.kind == "LogSumExp":
                found, inner = shift + np.log(k.sum(axis=1, keepdims=True)), v
            else:
                found = np.einsum("ij,ijw->iw", weights, v)
                inner = v - found[:, None, :]
        return (
            found,
            lambda g: scale * np.einsum("iw,ijw->ij", g, inner),
            lambda g: weights.T @ g,
        )

    def shaped(self, found):
        """Return what is (n, w) as maha_core gives it."""
        vectors = isinstance(self.values, np.ndarray) and self.values.ndim == 2
        return found if vectors else found[:, 0]


def close(library, found, expected, dtype, relative=None):
    allowed = relative or {"float64": 1e-11, "float32": 1e-5}[dtype]
    found = library.numpy(found)
    assert found.dtype == dtype
    assert found.shape == expected.shape
    assert np.abs(found - expected).max(initial=0) <= allowed * max(
        np.abs(expected).max(initial=0), 1e-3
    )


def drawn(form, m, dtype="float64"):
    """Return a problem whose metric is positive, with coincident points."""
    p = problem(form, N, m, D, dtype)
    if form == "full":
        p.parameter[...] = p.parameter @ p.parameter.T
    if form == "diagonal":
        p.parameter[...] = np.abs(p.parameter)
    p.X[3] = p.X[7]
    if m is not None:
        p.Y[:2] = p.X[:2]
    return p


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("m", "self_pairs"), [(None, True), (None, False), (M, True)])
@pytest.mark.parametrize(("kind", "exponent", "values"), CASES)
def test_values_and_pullbacks(library, kind, exponent, values, m, self_pairs, dtype):
    if library.name == "cupy" and (kind, exponent, values) not in COMPILED:
        pytest.skip("each expression is compiled")
    p = drawn("factor", m, dtype)
    case = Case(kind, exponent, values, p)
    exact, of_D, of_values = case.exact(self_pairs)
    arguments = {"metric": p.metric(library), "self_pairs": self_pairs}
    g = p.random(exact.shape)
    G = of_D(oracle.exact(g))
    slopes = oracle.pullback(G, *p.exact)
    with_values = isinstance(case.values, np.ndarray)
    wrt = (*p.wrt, "values") if with_values else p.wrt
    for tiling in (small(dtype), mc.options()):
        with tiling:
            reduction, points = case.reduction(library), p.points(library)
            found = mc.reduce(reduction, *points, **arguments)
            pulled = mc.reduce_vjp(
                reduction, *points, cotangent=library.array(case.shaped(g)), wrt=wrt, **arguments
            )
        close(library, found, case.shaped(exact), dtype)
        for name in p.wrt:
            relative = {"float64": 1e-10, "float32": 5e-5}[dtype]
            close(library, getattr(pulled, name), slopes[name], dtype, relative)
        if with_values:
            expected = of_values(oracle.exact(g))
            close(library, pulled.values, case.shaped(expected), dtype)


@pytest.mark.parametrize("form", oracle.FORMS)
@pytest.mark.parametrize("kind", ["Sum", "LogSumExp", "SoftmaxMean"])
def test_in_every_metric(library, kind, form):
    p = drawn(form, None)
    case = Case(kind, "matern52", None if kind == "LogSumExp" else "vectors", p)
    exact, of_D, _ = case.exact(True)
    g = p.random(exact.shape)
    reduction, X, metric = case.reduction(library), library.array(p.X), p.metric(library)
    close(library, mc.reduce(reduction, X, metric=metric), case.shaped(exact), "float64")
    found = mc.reduce_vjp(
        reduction, X, metric=metric, cotangent=library.array(case.shaped(g)), wrt=p.wrt
    )
    slopes = oracle.pullback(of_D(oracle.exact(g)), *p.exact)
    for name in p.wrt:
        close(library, getattr(found, name), slopes[name], "float64", 1e-10)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("place", ["shifted", "clusters"])
@pytest.mark.parametrize("kind", ["Sum", "LogSumExp", "SoftmaxMean"])
def test_of_points_far_from_the_origin(library, kind, place, dtype):
    p = drawn("factor", None, dtype)
    if place == "shifted":
        p.X[...] = p.X + 1e4
    else:
        p.X[...] = p.X + (1e2 * p.random((5, D)))[np.arange(N) % 5]
    case = Case(kind, "gaussian", None if kind == "LogSumExp" else "numbers", p)
    exact, of_D, _ = case.exact(True)
    metric, X = p.metric(library), library.array(p.X)
    close(library, mc.reduce(case.reduction(library), X, metric=metric), case.shaped(exact), dtype)
    g = p.random(exact.shape)
    found = mc.reduce_vjp(
        case.reduction(library), X, metric=metric, cotangent=library.array(case.shaped(g))
    )
    slope = oracle.pullback(of_D(oracle.exact(g)), *p.exact)["metric"]
    close(library, found.metric, slope, dtype, {"float64": 1e-9, "float32": 2e-4}[dtype])


def test_the_pullback_of_the_values_is_the_adjoint(library):
    p = drawn("factor", M)
    b, g = p.random((M, W)), p.random((N, W))
    kernel, points, metric = mc.kernels.Laplace(), p.points(library), p.metric(library)
    reduction = Sum(kernel, library.array(b))
    found = mc.reduce_vjp(
        reduction, *points, metric=metric, cotangent=library.array(g), wrt="values"
    )
    one = np.vdot(library.numpy(found.values), b)
    other = np.vdot(g, library.numpy(mc.reduce(reduction, *points, metric=metric)))
    assert one == pytest.approx(other, rel=1e-12)
    assert found.X is None
    assert found.metric is None


def test_a_row_with_nothing_to_sum_has_no_nan(library):
    p = drawn("factor", None)
    labels = np.arange(N) % 5
    labels[4] = 99  # alone in its class
    own = LogSumExp(
        lambda D, a, b: np.where(a == b, -D, -np.inf), data=library.array(labels.astype(float))
    )
    X, metric = library.array(p.X), p.metric(library)
    found = library.numpy(mc.reduce(own, X, metric=metric, self_pairs=False))
    assert found[4] == -np.inf
    assert np.isfinite(np.delete(found, 4)).all()
    g = np.ones(N)
    pulled = mc.reduce_vjp(
        own, X, metric=metric, self_pairs=False, cotangent=library.array(g), wrt=("metric", "X")
    )
    assert np.isfinite(library.numpy(pulled.metric)).all()
    np.testing.assert_array_equal(library.numpy(pulled.X)[4], 0)


def test_of_no_points(library):
    p = problem("factor", 0, 4, D)
    b = library.array(np.ones((4, W)))
    found = mc.reduce(Sum(mc.kernels.Gaussian(), b), *p.points(library))
    assert library.numpy(found).shape == (0, W)
    p = problem("factor", 3, 0, D)
    np.testing.assert_array_equal(
        library.numpy(mc.reduce(Sum(mc.kernels.Gaussian()), *p.points(library))), np.zeros(3)
    )


def test_the_value_of_a_loss_is_that_beside_its_gradient(library):
    p = drawn("factor", None)
    y, labels = library.array(p.random(N)), library.array(np.arange(N) % 3)
    for loss in (
        mc.losses.MLKR(y),
        mc.losses.NCA(labels, log=True),
        mc.losses.Pairwise(mc.kernels.Gaussian(), symmetric=True),
        mc.losses.Triplet(*library.arrays(*(np.arange(3) + k for k in (0, 3, 6)))),
    ):
        X, metric = library.array(p.X), p.metric(library)
        for tiling in (small(), mc.options()):
            with tiling:
                expected, _ = mc.value_and_grad(loss, X, metric=metric)
                found = mc.value(loss, X, metric=metric)
            assert float(library.numpy(found)) == pytest.approx(float(library.numpy(expected)))


def test_memory_grows_with_n_and_not_with_its_square():
    n, c = 6000, 8
    rng = np.random.default_rng(0)
    X, b = rng.standard_normal((n, 4)), rng.standard_normal((n, c))
    reduction = Sum(mc.kernels.Gaussian(), b)
    mc.reduce(reduction, X[:100], Y=X)
    tracemalloc.start()
    mc.reduce(reduction, X)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (
        peak < 20 * 8 * n * (4 + c) + 12 * 2**22 * 2
    )  # a few tiles of 4 MiB in each of two threads


# ------------------------------------------------------------------------------------- bad input

X = np.random.default_rng(0).standard_normal((6, D))
B, Y, y = np.ones((6, 2)), X[:4] + 1, X[:, 0].copy()
GAUSSIAN = mc.kernels.Gaussian()
SUM, MEAN = Sum(GAUSSIAN, B), SoftmaxMean(y)


def spoiled(array, value=np.nan):
    found = np.array(array)
    found.flat[1] = value
    return found


def branches(D):
    return D if D > 1 else -D


REFUSED = [
    (TypeError, "e", lambda: Sum(None)),
    (TypeError, "e", lambda: Sum("gaussian")),
    (TypeError, "e", lambda: Sum(B)),
    (TypeError, "e", lambda: LogSumExp(2.0)),
    (TypeError, "e", lambda: SoftmaxMean(y, "gaussian")),
    (TypeError, "values", lambda: SoftmaxMean(None)),
    (ValueError, "data_Y", lambda: Sum(GAUSSIAN, data_Y=y)),
    (ValueError, "data_Y", lambda: LogSumExp(data_Y=y)),
    (ValueError, "data_Y", lambda: SoftmaxMean(y, data_Y=y)),
    (TypeError, "reduction", lambda: mc.reduce(GAUSSIAN, X)),
    (TypeError, "reduction", lambda: mc.reduce(Sum, X)),
    (TypeError, "reduction", lambda: mc.reduce(None, X)),
    (TypeError, "X", lambda: mc.reduce(SUM, X.tolist())),
    (ValueError, "X", lambda: mc.reduce(SUM, spoiled(X))),
    (ValueError, "X", lambda: mc.reduce(SUM, X[0])),
    (TypeError, "Y", lambda: mc.reduce(SUM, X, X.astype("float32"))),
    (ValueError, "Y", lambda: mc.reduce(SUM, X, X[:, :2])),
    (TypeError, "metric", lambda: mc.reduce(SUM, X, metric=np.eye(D))),
    (ValueError, "values", lambda: mc.reduce(SUM, X, Y)),
    (ValueError, "values", lambda: mc.reduce(Sum(GAUSSIAN, B[:5]), X)),
    (ValueError, "values", lambda: mc.reduce(Sum(GAUSSIAN, B[:, :, None]), X)),
    (ValueError, "values", lambda: mc.reduce(Sum(GAUSSIAN, spoiled(B)), X)),
    (TypeError, "values", lambda: mc.reduce(Sum(GAUSSIAN, B.astype("float32")), X)),
    (TypeError, "values", lambda: mc.reduce(Sum(GAUSSIAN, B.tolist()), X)),
    (TypeError, "values", lambda: mc.reduce(Sum(GAUSSIAN, lambda a, b: a), X)),
    (ValueError, "data", lambda: mc.reduce(Sum(lambda D, a, b: D, data=y[:3]), X)),
    (ValueError, "data_Y", lambda: mc.reduce(Sum(lambda D, a, b: D, data=y), X, Y)),
    (ValueError, "data_Y", lambda: mc.reduce(Sum(lambda D, a, b: D, data=y, data_Y=y), X)),
    (TypeError, "e cannot be derived", lambda: mc.reduce(Sum(branches), X)),
    (TypeError, "e cannot be derived", lambda: mc.reduce(Sum(lambda D: float(D)), X)),
    (TypeError, "e cannot be derived", lambda: mc.reduce(Sum(lambda D: 1.0), X)),
    (TypeError, "e cannot be derived", lambda: mc.reduce(Sum(lambda D, a, b: D), X)),
    (
        TypeError,
        "values cannot be derived",
        lambda: mc.reduce(Sum(GAUSSIAN, lambda a, b: bool(a), data=y), X),
    ),
    (TypeError, "cotangent", lambda: mc.reduce_vjp(MEAN, X)),
    (TypeError, "cotangent", lambda: mc.reduce_vjp(MEAN, X, cotangent=None)),
    (TypeError, "cotangent", lambda: mc.reduce_vjp(MEAN, X, cotangent=[1.0] * 6)),
    (ValueError, "cotangent", lambda: mc.reduce_vjp(MEAN, X, cotangent=B)),
    (ValueError, "cotangent", lambda: mc.reduce_vjp(SUM, X, cotangent=y)),
    (ValueError, "cotangent", lambda: mc.reduce_vjp(SUM, X, cotangent=B[:, :1])),
    (ValueError, "cotangent", lambda: mc.reduce_vjp(MEAN, X, cotangent=spoiled(y))),
    (TypeError, "cotangent", lambda: mc.reduce_vjp(MEAN, X, cotangent=y.astype("float32"))),
    (ValueError, "wrt", lambda: mc.reduce_vjp(MEAN, X, cotangent=y, wrt="Y")),
    (ValueError, "wrt", lambda: mc.reduce_vjp(MEAN, X, cotangent=y, wrt="metric")),
    (ValueError, "wrt", lambda: mc.reduce_vjp(MEAN, X, cotangent=y, wrt="value")),
    (ValueError, "wrt", lambda: mc.reduce_vjp(LogSumExp(), X, cotangent=y, wrt="values")),
    (TypeError, "wrt", lambda: mc.reduce_vjp(MEAN, X, cotangent=y, wrt=3)),
    (TypeError, "reduction", lambda: mc.reduce_vjp(GAUSSIAN, X, cotangent=y)),
    (TypeError, "loss", lambda: mc.value(MEAN, X)),
    (TypeError, "loss", lambda: mc.value(lambda D: D, X)),
    (ValueError, "y", lambda: mc.value(mc.losses.MLKR(y[:3]), X)),
    (ValueError, "X", lambda: mc.value(mc.losses.MLKR(y), spoiled(X))),
]


@pytest.mark.parametrize(("error", "name", "call"), REFUSED)
def test_bad_input_is_refused_by_name(error, name, call):
    with pytest.raises(error, match=rf"\b{name}\b"):
        call()
