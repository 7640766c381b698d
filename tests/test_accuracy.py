"""Every entry of D to its own relative error, where the plain matrix product loses every digit."""

import tracemalloc
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cancelling
import maha_core as mc
import oracle
from closeness import EPS
from forms import metric as metric_of

ORDINARY = {"float64": 1e-10, "float32": 1e-5}
RELATIVE = {"float64": 1e-9, "float32": 1e-5}
SIZES = (3, 16, 64, 256)
WIDE = 10**6
NEIGHBOURS = 4


class Exact(NamedTuple):
    """A problem, its distances, and the error that each may have."""

    X: np.ndarray
    form: str
    parameter: np.ndarray | None
    D: np.ndarray
    allowed: np.ndarray


def exact(X, form, parameter, relative):
    """Solve a problem in extended precision; what A or M cancels may cost some units of eps."""
    D = oracle.sqdist(X, None, form, parameter)
    lost = cancelling.cancellation(X, None, form, parameter)
    if form in ("euclidean", "covariance") or (form != "factor" and (0.01 * lost <= D).all()):
        return Exact(X, form, parameter, D, relative * D)
    if form == "factor":
        return Exact(X, form, parameter, D, relative * D + 20 * EPS[X.dtype.name] * lost)
    return Exact(X, form, parameter, D, relative * lost)


def results(library, problem):
    """Yield D ``(p,)`` for pairs i < j, by every way that a user has to it."""
    (X,), metric = library.arrays(problem.X), _metric(library, problem)
    i, j = np.triu_indices(len(problem.X), 1)
    yield "sqdist", (i, j), library.numpy(mc.sqdist(X, metric=metric))[i, j]
    if library.name == "jax":
        return  # the others would compile for seconds and meet no other formula
    yield (
        "with Y",
        (i, j),
        library.numpy(mc.sqdist(X, library.array(problem.X), metric=metric))[i, j],
    )
    listed = mc.sqdist(X, metric=metric, pairs=library.arrays(i, j))
    yield "pairs", (i, j), library.numpy(listed)
    if (problem.D >= 0).all():
        D = library.numpy(mc.dist(X, metric=metric)).astype(np.longdouble) ** 2
        yield "dist", (i, j), D[i, j]
    found = mc.nearest(X, metric=metric, k=min(NEIGHBOURS, len(problem.X) - 1))
    index = library.numpy(found.index)
    rows = np.broadcast_to(np.arange(len(index))[:, None], index.shape)
    yield "nearest", (rows, index), library.numpy(found.sqdist)


def _metric(library, problem):
    return metric_of(problem.form, *library.arrays(problem.parameter))


def check(library, problem):
    for way, pairs, actual in results(library, problem):
        error = np.abs(actual - problem.D[pairs])
        assert (error <= problem.allowed[pairs]).all(), way


@cache
def ordinary(form, columns, dtype, k):
    rng = np.random.default_rng([columns, 0 if k is None else k])
    X, _ = cancelling.ordinary(columns, n=12 if columns > 100 else 40)(rng, dtype)
    return exact(X, form, oracle.parameter(form, columns, rng, dtype, k), ORDINARY[dtype])


@pytest.mark.parametrize("dtype", ORDINARY)
@pytest.mark.parametrize("columns", SIZES)
@pytest.mark.parametrize("form", oracle.FORMS)
def test_ordinary_points(library, form, columns, dtype):
    check(library, ordinary(form, columns, dtype, columns))


@pytest.mark.parametrize("dtype", ORDINARY)
@pytest.mark.parametrize("columns", SIZES)
@pytest.mark.parametrize("k", [1, 2])
def test_ordinary_points_under_a_factor_of_low_rank(library, k, columns, dtype):
    check(library, ordinary("factor", columns, dtype, k))


@cache
def far(name, form, dtype):
    rng = np.random.default_rng(0)
    X, scale = cancelling.FAR[name](rng, dtype)
    parameter = cancelling.parameter(form, scale, cancelling.COLUMNS, rng, dtype)
    return exact(X, form, parameter, RELATIVE[dtype])


@pytest.mark.parametrize("dtype", RELATIVE)
@pytest.mark.parametrize("form", oracle.FORMS)
@pytest.mark.parametrize("name", cancelling.FAR)
def test_points_that_are_close_beside_their_extent(library, name, form, dtype):
    check(library, far(name, form, dtype))


TWO_POINTS = {
    "10000 against 10001": ("float32", [10000.0], [10001.0]),
    "1.000 against 1.001, 1000 columns": ("float32", [1.0] * 1000, [1.001] * 1000),
    "1.0 against 1.1, 1e6 columns": ("float32", np.full(WIDE, 1.0), np.full(WIDE, 1.1)),
    "1 against 1 + 1e-8": ("float64", [1.0], [1 + 1e-8]),
    "1 against 1 + 1e-8, 1e6 columns": ("float64", np.full(WIDE, 1.0), np.full(WIDE, 1 + 1e-8)),
    "3e7 + 1 here against there": ("float64", [3e7 + 1, 3e7], [3e7, 3e7 + 1]),
}


@pytest.mark.parametrize("form", ["euclidean", "diagonal"])
@pytest.mark.parametrize("name", TWO_POINTS)
def test_two_points(library, name, form):
    dtype, *points = TWO_POINTS[name]
    X = np.array(points, dtype)
    w = None if form == "euclidean" else np.linspace(0.5, 2, X.shape[1]).astype(dtype)
    delta = oracle.exact(X[0]) - oracle.exact(X[1])
    D = (delta * delta * (1 if w is None else oracle.exact(w))).sum() * (1 - np.eye(2))
    check(library, Exact(X, form, w, D, RELATIVE[dtype] * D))


@pytest.mark.parametrize("with_Y", [False, True])
def test_a_million_columns_take_no_more_than_some_copies_of_the_points(with_Y):
    X = np.random.default_rng(0).standard_normal((6, WIDE)).astype("float32")
    Y = X + 1 if with_Y else None
    tracemalloc.start()
    try:
        mc.sqdist(X, Y, metric=mc.Diagonal(X[0]))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 * X.nbytes


@pytest.mark.parametrize("dtype", RELATIVE)
@pytest.mark.parametrize("form", oracle.FORMS)
@pytest.mark.parametrize("name", ["shifted by 1e0", "shifted by 1e8", "clusters", "heavy tails"])
def test_a_point_and_its_duplicate_are_exactly_0_apart(library, name, form, dtype):
    rng = np.random.default_rng(1)
    X, scale = cancelling.repeated(cancelling.FAR[name])(rng, dtype)
    parameter = cancelling.parameter(form, scale, cancelling.COLUMNS, rng, dtype)
    metric = metric_of(form, *library.arrays(parameter))
    same = (X[:, None, :] == X[None, :, :]).all(axis=2)
    for Y in (None, X):
        D = library.numpy(mc.sqdist(*library.arrays(X, Y), metric=metric))
        assert (D[same] == 0).all()
        assert (D[~same] > 0).all()


@pytest.mark.parametrize("dtype", RELATIVE)
@pytest.mark.parametrize("name", ["clusters", "shifted by 1e4", "near-duplicates"])
def test_an_indefinite_metric_to_the_size_of_its_terms(library, name, dtype):
    rng = np.random.default_rng(4)
    X, _ = cancelling.FAR[name](rng, dtype)
    for form in ("full", "diagonal"):
        check(library, exact(X, form, oracle.parameter(form, 5, rng, dtype), RELATIVE[dtype]))


def near_collinear(rng, dtype):
    """An A whose rows are alike, so that it takes what is across them nearly to zero."""
    row = rng.standard_normal(cancelling.COLUMNS)
    A = row + 1e-4 * rng.standard_normal((cancelling.COLUMNS, cancelling.COLUMNS))
    return A.astype(dtype)


def shrinking(rng, dtype):
    """An A that shrinks one direction, not one of the columns, 1e6 times."""
    root, _ = np.linalg.qr(rng.standard_normal((cancelling.COLUMNS, cancelling.COLUMNS)))
    return ((root * np.array([1e-6, 1, 1, 1, 1])) @ root.T).astype(dtype)


@pytest.mark.parametrize("dtype", RELATIVE)
@pytest.mark.parametrize("factor", [near_collinear, shrinking])
@pytest.mark.parametrize("name", ["clusters", "clusters in a row", "heavy tails", "shifted by 1e2"])
def test_a_factor_that_cancels_to_the_rounding_of_its_own_product(library, name, factor, dtype):
    rng = np.random.default_rng(5)
    X, _ = cancelling.FAR[name](rng, dtype)
    check(library, exact(X, "factor", factor(rng, dtype), RELATIVE[dtype]))


@pytest.mark.parametrize(
    ("dtype", "size"),
    [("float32", s) for s in (1e-14, 1e12, 1e18)] + [("float64", s) for s in (1e-145, 1e150)],
)
def test_points_whose_squares_the_dtype_just_holds(library, dtype, size):
    rng = np.random.default_rng(6)
    X = (size * rng.standard_normal((60, 3))).astype(dtype)
    X[30:] = X[:30] * (1 + np.array(1e-3, dtype))
    check(library, exact(X, "euclidean", None, RELATIVE[dtype]))


@pytest.mark.parametrize("form", ["full", "diagonal", "factor"])
@pytest.mark.parametrize("size", [1e-22, 1e24])
def test_points_whose_squares_the_dtype_does_not_hold_but_D_does(library, form, size):
    rng = np.random.default_rng(7)
    centres = np.repeat(100 * rng.standard_normal((20, 3)), 3, axis=0)
    X = (size * (centres + rng.standard_normal((60, 3)))).astype("float32")
    weight = 1 / size if form == "factor" else np.clip(size**-2, 1e-37, 1e37)
    parameter = (weight * (np.ones(3) if form == "diagonal" else np.eye(3))).astype("float32")
    check(library, exact(X, form, parameter, RELATIVE["float32"]))


@pytest.mark.may_warn
def test_an_entry_that_the_dtype_holds_beside_others_that_it_does_not(library):
    X = (1e19 * np.random.default_rng(0).standard_normal((40, 3))).astype("float32")
    with np.errstate(over="ignore"):  # of the others
        D = library.numpy(mc.sqdist(library.array(X)))
    expected = oracle.sqdist(X, None, "euclidean", None)
    largest = float(np.finfo("float32").max)
    held = expected < 0.99 * largest
    assert 0.1 < held.mean() < 0.9
    assert (np.abs(D - expected)[held] <= RELATIVE["float32"] * expected[held]).all()
    assert np.isinf(D[expected > 1.01 * largest]).all()


def test_fast_precision_still_has_no_negative_distance(library):
    X, _ = cancelling.near_duplicates(np.random.default_rng(8), "float32")
    with mc.options(precision="fast"):
        for points in (X, X + 100):
            assert np.isfinite(library.numpy(mc.dist(library.array(points)))).all()


@st.composite
def problems(draw):
    """Points of mixed scales and offsets, and a metric that may cancel and shrink them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype, form = (
        draw(st.sampled_from(list(RELATIVE))),
        draw(st.sampled_from(oracle.PARAMETRIC[:3])),
    )
    n, columns = draw(st.integers(2, 20)), draw(st.integers(1, 12))
    exponents = st.lists(st.integers(-6, 6), min_size=columns, max_size=columns)
    X = rng.standard_normal((n, columns)) * 10.0 ** np.array(draw(exponents))
    X += (
        rng.integers(-2, 3, (n, 1))
        * 10.0 ** draw(st.integers(-3, 7))
        * rng.standard_normal(columns)
    )
    parameter = oracle.parameter(form, columns, rng, "float64")
    parameter = (parameter * 10.0 ** np.array(draw(exponents))).astype(dtype)
    return exact(X.astype(dtype), form, parameter, RELATIVE[dtype])


@settings(max_examples=80, deadline=None, derandomize=True, print_blob=True)
@given(problem=problems())
@pytest.mark.parametrize("backend", ["numpy", "generic"])
def test_no_points_and_metric_are_found_that_break_the_promise(backend, problem):
    with mc.use_backend(backend):
        D = mc.sqdist(problem.X, metric=metric_of(problem.form, problem.parameter))
    assert (np.abs(D - problem.D) <= problem.allowed).all()


@pytest.mark.parametrize("library", ["strict"], indirect=True)
def test_without_indexing_by_computed_positions_an_error_but_no_wrong_number(library):
    ordinary = library.array(np.random.default_rng(9).standard_normal((20, 3)))
    close = library.xp.concat([ordinary, ordinary * (1 + 1e-12)])
    expected = oracle.sqdist(library.numpy(ordinary), None, "euclidean", None)
    with library.xp.ArrayAPIStrictFlags(data_dependent_shapes=False, boolean_indexing=False):
        D = library.numpy(mc.sqdist(ordinary))
        assert (np.abs(D - expected) <= ORDINARY["float64"] * expected).all()
        with pytest.raises(RuntimeError, match="data-dependent shapes"):
            mc.sqdist(close)
        with mc.options(precision="fast"):
            assert library.numpy(mc.sqdist(close)).shape == (40, 40)


@pytest.mark.parametrize("dtype", RELATIVE)
@pytest.mark.parametrize("form", ["full", "diagonal"])
@pytest.mark.parametrize("name", ["shifted by 1e4", "clusters", "near-duplicates"])
def test_a_slice_of_the_jacobian_is_made_of_differences(library, name, form, dtype):
    rng = np.random.default_rng(0)
    X, scale = cancelling.FAR[name](rng, dtype)
    parameter = cancelling.parameter(form, scale, cancelling.COLUMNS, rng, dtype)
    delta = oracle.differences(X)
    x, metric = library.array(X), metric_of(form, library.array(parameter))
    index, expected = ((1,), delta[..., 1] ** 2)
    if form == "full":
        index, expected = (1, 0), delta[..., 1] * delta[..., 0]
    found = library.numpy(mc.jacobian_slice(x, metric=metric, index=index))
    assert (np.abs(found - expected) <= 4 * EPS[dtype] * np.abs(expected)).all()
