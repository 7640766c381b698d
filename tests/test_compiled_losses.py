"""Losses, kernels and reductions by compiled passes: what they give without, and the same bits."""

import hashlib

import dask
import dask.array as da
import numpy as np
import pytest

import expressions
import maha_core as mc
import oracle
from closeness import assert_close
from forms import metric as metric_of
from maha_core.losses import Loss, PointData
from maha_core.reductions import SoftmaxMean, Sum
from user_losses import LogSum

pytest.importorskip("numba", reason="numba is not installed")
passes = pytest.importorskip("maha_numpy.compiled.passes", exc_type=ImportError)
from maha_numpy import kernels  # noqa: E402
from maha_numpy.compiled import whole_rows  # noqa: E402

DTYPES = ["float64", "float32"]
KERNELS = ("Gaussian", "Laplace", "Matern32", "Matern52", "RationalQuadratic")


def both(test):
    """Run a test in both dtypes, without other points and with."""
    test = pytest.mark.parametrize("with_Y", [False, True])(test)
    return pytest.mark.parametrize("dtype", DTYPES)(test)


@pytest.fixture
def always(monkeypatch):
    """Let passes be compiled for problems of any size."""
    monkeypatch.setattr(kernels, "FEWEST_COMPILED", 0)


@pytest.fixture
def runs(monkeypatch):
    """Count the passes that run."""
    seen = []

    def count(module):
        run = module.run

        def counted(*arguments):
            seen.append(module)
            return run(*arguments)

        monkeypatch.setattr(module, "run", counted)

    count(passes)
    count(whole_rows)
    return seen


def points(n, dtype, seed=1):
    """Return points of which some are there twice, and some of Y's among X's."""
    X = expressions.drawn(n, expressions.D, seed=seed)
    X[5] = X[11] = X[2]
    return X.astype(dtype)


def parameter(form, dtype):
    rng = np.random.default_rng(2)
    M = oracle.parameter(form, expressions.D, rng, dtype)
    if form == "full":
        M = (M @ M.T).astype(dtype)
    return np.abs(M) if form == "diagonal" else M


def problem(form, dtype, with_Y):
    """Return points, others or None, and the metric."""
    X, Y = points(expressions.N, dtype), points(expressions.M, dtype)
    return X, Y if with_Y else None, metric_of(form, parameter(form, dtype))


def taken(dtype):
    """Return what makes the arrays of losses: real numbers in a dtype, labels as they are."""
    return lambda values: values.astype(dtype) if values.dtype.kind == "f" else values


def wrt_of(metric, Y):
    there = {"metric": metric is not None, "X": True, "Y": Y is not None}
    return tuple(name for name, given in there.items() if given)


def flat(found):
    """Return all arrays of an answer."""
    if isinstance(found, tuple):
        return [part for inner in found for part in flat(inner)]
    return [] if found is None else [np.atleast_1d(found)]


def assert_agrees(call, runs):
    """Compare what a call gives by passes and by array API calls."""
    compiled = flat(call())
    assert runs
    with mc.options(compiled=False):
        plain = flat(call())
    for found, expected in zip(compiled, plain, strict=True):
        assert found.dtype == expected.dtype
        assert_close(found, expected, np.abs(expected).max() + 1, factor=2000)


@both
@pytest.mark.parametrize("form", oracle.FORMS)
@pytest.mark.parametrize("loss", expressions.LOSSES)
def test_losses_agree(always, runs, loss, form, dtype, with_Y):
    X, Y, metric = problem(form, dtype, with_Y)
    made, how = loss(taken(dtype), with_Y), {"metric": metric, "wrt": wrt_of(metric, Y)}
    assert_agrees(lambda: mc.value_and_grad(made, X, Y, **how), runs)


@both
@pytest.mark.parametrize("loss", expressions.LOSSES)
def test_losses_agree_where_rows_are_cut(always, runs, loss, dtype, with_Y):
    X, Y, metric = problem("factor", dtype, with_Y)
    made, how = loss(taken(dtype), with_Y), {"metric": metric, "wrt": wrt_of(metric, Y)}
    with mc.options(tile_bytes=200):
        assert_agrees(lambda: mc.value_and_grad(made, X, Y, **how), runs)
    assert whole_rows not in runs


IN_ONE_PASS = {
    "MLKR": lambda y, l: mc.losses.MLKR(y),
    "weighted MLKR": lambda y, l: mc.losses.MLKR(y, sample_weight=np.abs(y)),
    "NCA": lambda y, l: mc.losses.NCA(l),
    "log-likelihood": lambda y, l: LogSum(y),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", IN_ONE_PASS)
def test_softmax_losses_take_one_pass_of_whole_rows(runs, name, dtype):
    X, y, labels = inputs(dtype)
    loss = IN_ONE_PASS[name](y, labels)
    assert_agrees(lambda: mc.value_and_grad(loss, X, wrt="X"), runs)
    assert set(runs) == {whole_rows}


class SquaredMean(Loss):
    """The squares of a row's mean beside the sum of its kernel."""

    def __init__(self, mean, b):
        self.mean, self.b = mean, b

    def point_data(self):
        return (PointData("b", self.b),)

    def reductions(self):
        return {"mean": self.mean, "sum": Sum(lambda D: np.exp(-0.3 * D))}

    def row_function(self, row):
        return (row.mean - row.b) ** 2 + row.sum


class Scaled(SoftmaxMean):
    """A multiple of a softmax mean, with an attribute that no expression shows."""

    scale = 1.0

    def mean(self, pieces):
        return self.scale * super().mean(pieces)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sum_beside_a_softmax_is_in_the_same_pass(runs, dtype):
    X, y, _ = inputs(dtype)
    loss = SquaredMean(SoftmaxMean(lambda a, b: a * b, data="b"), y)
    assert_agrees(lambda: mc.value_and_grad(loss, X, wrt="X"), runs)
    assert set(runs) == {whole_rows}


@pytest.mark.parametrize("dtype", DTYPES)
def test_other_points_are_in_the_same_pass(runs, dtype):
    X, y, _ = inputs(dtype)
    loss = mc.losses.MLKR(y, y[::-1].copy())
    assert_agrees(lambda: mc.value_and_grad(loss, X, X[::-1] + 1, wrt="X"), runs)
    assert set(runs) == {whole_rows}


def test_reductions_of_a_user_are_called(runs):
    X, y, _ = inputs("float64")
    for scale in (1.0, 3.0):
        mean = Scaled(lambda a, b: a * b, data="b")
        mean.scale = scale
        loss = SquaredMean(mean, y)
        assert_agrees(lambda loss=loss: mc.value(loss, X), runs)
        found, _ = mc.value_and_grad(loss, X, wrt="X")
        assert found == pytest.approx(mc.value(loss, X), rel=1e-12)
    assert whole_rows not in runs


def test_labels_that_no_pass_has_are_compared_by_numpy():
    X, _, labels = inputs("float64")
    losses = [mc.losses.NCA(labels.astype(dtype)) for dtype in ("int64", "uint64")]
    known, found = (flat(mc.value_and_grad(loss, X, wrt="X")) for loss in losses)
    for ours, expected in zip(found, known, strict=True):
        assert_close(ours, expected, np.abs(expected).max() + 1, factor=2000)


@pytest.mark.parametrize("dtype", DTYPES)
def test_targets_that_are_vectors_take_products(always, runs, dtype):
    X, y, _ = inputs(dtype)
    loss = mc.losses.MLKR(np.stack([y, y**2], axis=1))
    assert_agrees(lambda: mc.value_and_grad(loss, X, wrt="X"), runs)
    assert whole_rows not in runs


@both
@pytest.mark.parametrize("loss", expressions.LOSSES)
def test_hessian_products_agree(always, runs, loss, dtype, with_Y):
    X, Y, metric = problem("factor", dtype, with_Y)
    made, how = loss(taken(dtype), with_Y), {"metric": metric, "wrt": wrt_of(metric, Y)}
    along = {
        "metric_tangent": np.ones_like(metric.parameter),
        "X_tangent": expressions.drawn(*X.shape, seed=3).astype(dtype),
    }
    assert_agrees(lambda: mc.hvp(made, X, Y, **how, **along), runs)


@both
@pytest.mark.parametrize("self_pairs", [True, False])
@pytest.mark.parametrize("reduction", expressions.REDUCTIONS)
def test_reductions_agree(always, runs, reduction, self_pairs, dtype, with_Y):
    X, Y, metric = problem("covariance", dtype, with_Y)
    made = reduction(taken(dtype), with_Y)
    how = {"metric": metric, "self_pairs": self_pairs}
    assert_agrees(lambda: mc.reduce(made, X, Y, **how), runs)
    g = expressions.drawn(*mc.reduce(made, X, Y, **how).shape, seed=4).astype(dtype)
    how |= {"cotangent": g, "wrt": wrt_of(metric, Y)}
    assert_agrees(lambda: mc.reduce_vjp(made, X, Y, **how), runs)


@both
@pytest.mark.parametrize("name", KERNELS)
def test_kernels_agree(always, runs, name, dtype, with_Y):
    X, Y, metric = problem("diagonal", dtype, with_Y)
    kernel = getattr(mc.kernels, name)()
    K = mc.KernelOperator(kernel, X, Y, metric=metric)
    C = expressions.drawn(K.shape[0], 3, seed=5).astype(dtype)
    B = expressions.drawn(K.shape[1], 3, seed=6).astype(dtype)
    assert_agrees(lambda: K @ B, runs)
    assert_agrees(lambda: K.T @ C, runs)
    if with_Y:
        assert_agrees(lambda: mc.kernel_gradient(kernel, X, Y, values=B, metric=metric), runs)


@pytest.mark.may_warn
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("loss", [expressions.mlkr, expressions.log_nca, expressions.pairwise])
def test_what_is_not_finite_stays_where_it_is(always, loss, value):
    X = points(expressions.N, "float64")
    X[7, 0] = value
    made, found = loss(lambda values: values, False), []
    for compiled in (True, False):
        with mc.options(check_finite=False, compiled=compiled):
            found.append(flat(mc.value_and_grad(made, X, wrt="X")))
    for ours, expected in zip(*found, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-9)


# ------------------------------------------------------------------------------------ the same bits

LARGE = 600
CALLS = {
    "MLKR": lambda X, y, l: mc.value_and_grad(mc.losses.MLKR(y), X, wrt="X"),
    "NCA": lambda X, y, l: mc.value_and_grad(mc.losses.NCA(l), X, wrt="X"),
    "Pairwise": lambda X, y, l: mc.value_and_grad(
        mc.losses.Pairwise(expressions.mismatch, data=y), X, wrt="X"
    ),
    "reduce": lambda X, y, l: mc.reduce(
        mc.reductions.SoftmaxMean(y, mc.kernels.Laplace()), X, self_pairs=False
    ),
}


def inputs(dtype):
    draw = np.random.default_rng(0).standard_normal
    return draw((LARGE, 12)).astype(dtype), draw(LARGE).astype(dtype), np.arange(LARGE) % 7


def digest(found):
    digest = hashlib.sha256()
    for part in flat(found):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CALLS)
def test_one_hash_for_every_run_and_every_number_of_threads(runs, name, dtype):
    given, seen = inputs(dtype), set()
    for run in range(20):
        with mc.options(threads=1 + run % 3):
            seen.add(digest(CALLS[name](*given)))
    assert len(seen) == 1
    assert runs


def lazily(name, dtype):
    X, y, labels = inputs(dtype)
    chunked = da.from_array(X, chunks=(400, -1))
    return CALLS[name](chunked, da.from_array(y, chunks=400), da.from_array(labels, chunks=400))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CALLS)
def test_one_hash_inside_tasks_of_dask(runs, name, dtype):
    found, seen = lazily(name, dtype), set()
    for workers in (1, 2, 3, 2, 1, 3):
        answers = dask.compute(*flat(found), scheduler="threads", num_workers=workers)
        seen.add(digest(tuple(answers)))
    assert len(seen) == 1
    assert runs
