"""nearest and within by compiled passes over a float32 product, against brute force."""

import hashlib

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maha_core as mc
import oracle
from forms import CLASSES

pytest.importorskip("numba")

from maha_numpy import nearest as driver
from maha_numpy import screen

FORMS = ("euclidean", "full", "factor", "diagonal", "covariance")


@pytest.fixture(autouse=True)
def _always(monkeypatch):
    """Use compiled passes for any size and any k."""
    monkeypatch.setattr(screen, "SMALL", 0)
    monkeypatch.setattr(driver, "SHARE", 0)


@pytest.fixture
def screens(monkeypatch):
    """Count the screens that were usable."""
    made = []
    original = screen.Screen.__init__

    def counted(self, *args):
        original(self, *args)
        made.append(self.usable)

    monkeypatch.setattr(screen.Screen, "__init__", counted)
    return made


def ordinary(rng, n):
    return rng.standard_normal((n, 4))


def shifted(rng, n):
    return 1e3 + rng.standard_normal((n, 4))


def clustered(rng, n):
    return 100.0 * rng.integers(0, 9, (n, 1)) + 0.01 * rng.standard_normal((n, 4))


def duplicated(rng, n):
    return rng.standard_normal((7, 4))[rng.integers(0, 7, n)]


def lattice(rng, n):
    return rng.integers(0, 3, (n, 4)) / 2.0


def of_two_sizes(rng, n):
    return rng.standard_normal((n, 4)) * np.where(rng.random((n, 1)) < 0.2, 1e6, 1)


def tiny(rng, n):
    return 1e-12 * rng.standard_normal((n, 4))


def sorted_walk(rng, n):
    return np.cumsum(0.1 * rng.standard_normal((n, 4)), axis=0)


def one_point(rng, n):
    return np.ones((n, 4))


DATA = (ordinary, shifted, clustered, duplicated, lattice, of_two_sizes, tiny, sorted_walk)
DATA += (one_point,)


def case(make, form, dtype, n, m, seed=0):
    rng = np.random.default_rng([seed, n, 0 if m is None else m + 1])
    X = make(rng, n).astype(dtype)
    Y = None if m is None else make(rng, m).astype(dtype)
    return X, Y, oracle.parameter(form, 4, rng, dtype)


def metric(form, parameter):
    return None if form == "euclidean" else CLASSES[form](parameter)


def exactly(X, Y, form, parameter):
    D = oracle.sqdist(X, Y, form, parameter)
    if Y is None:
        np.fill_diagonal(D, np.inf)
    return D


def assert_nearest(found, D, k, tolerance):
    """Assert that rows are in order, their D right, and nothing nearer left out.

    Ties by exact differences go to the lower index; what these cannot tell from each other in the
    dtype of the points, may go either way.
    """
    assert found.index.shape == found.sqdist.shape == (len(D), k)
    assert (np.diff(found.sqdist, axis=1) >= 0).all()
    tied = np.diff(found.sqdist, axis=1) == 0
    assert (np.diff(found.index, axis=1)[tied] > 0).all()
    own = np.take_along_axis(D, found.index, axis=1)
    assert np.isfinite(own.astype(float)).all()
    assert (np.abs(found.sqdist - own) <= tolerance(own)).all()
    smallest = np.sort(D, axis=1)[:, :k]
    assert (np.abs(own - smallest) <= 2 * tolerance(smallest)).all()
    assert all(len(set(row)) == k for row in found.index)


def tolerance_of(X, Y, form, parameter):
    eps = np.finfo(X.dtype).eps
    scale = oracle.magnitude(X - X[:1], None if Y is None else Y - X[:1], form, parameter)
    indefinite = form in ("full", "diagonal", "factor", "covariance")

    def tolerance(D):
        near = 8e-6 if X.dtype == "float32" else 1e-12
        return near * np.abs(D) + (64 * eps * float(scale.max(initial=0)) if indefinite else 1e-300)

    return tolerance


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("make", DATA)
@pytest.mark.parametrize("m", [None, 150])
def test_nearest_on_all_kinds_of_points(screens, make, form, dtype, m):
    X, Y, parameter = case(make, form, dtype, 90, m)
    D = exactly(X, Y, form, parameter)
    partners = D.shape[1] - (Y is None)
    for k in (1, 2, 9, 40, partners - 3, partners):
        found = mc.nearest(X, Y, k=k, metric=metric(form, parameter))
        assert_nearest(found, D, k, tolerance_of(X, Y, form, parameter))
        with mc.options(compiled=False):
            plain = mc.nearest(X, Y, k=k, metric=metric(form, parameter))
        np.testing.assert_array_equal(found.sqdist, plain.sqdist)
        np.testing.assert_array_equal(found.index, plain.index)
    assert all(screens)
    assert len(screens) == 6


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("make", [duplicated, lattice, one_point])
def test_ties_go_to_the_lower_index(make, dtype):
    X, Y, _ = case(make, "euclidean", dtype, 60, 200)
    for others in (None, Y):
        D = exactly(X, others, "euclidean", None)
        expected = np.argsort(D, axis=1, kind="stable")
        for k in (1, 7, 30, 59):
            np.testing.assert_array_equal(mc.nearest(X, others, k=k).index, expected[:, :k])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("make", DATA)
@pytest.mark.parametrize("m", [None, 150])
def test_within_on_all_kinds_of_points(screens, make, form, dtype, m):
    X, Y, parameter = case(make, form, dtype, 90, m)
    D = exactly(X, Y, form, parameter)
    tolerance = tolerance_of(X, Y, form, parameter)
    finite = D[np.isfinite(D.astype(float))]
    for share in (0, 0.1, 0.9):
        radius = float(np.sqrt(max(0.0, np.quantile(finite.astype(float), share))))
        for sort in (False, True):
            found = mc.within(X, Y, radius=radius, metric=metric(form, parameter), sort=sort)
            with mc.options(compiled=False):
                plain = mc.within(X, Y, radius=radius, metric=metric(form, parameter), sort=sort)
            for ours, theirs in zip(found, plain, strict=True):
                np.testing.assert_array_equal(ours, theirs)
        mask = np.zeros(D.shape, dtype=bool)
        mask[np.repeat(np.arange(len(X)), np.diff(found.indptr)), found.index] = True
        unsure = np.abs(D - radius**2) <= tolerance(np.maximum(np.abs(D), radius**2))
        assert ((mask == (radius**2 >= D)) | unsure).all()
        assert (found.sqdist <= X.dtype.type(radius**2)).all()
    assert all(screens)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_shapes_around_block_sizes(data):
    edge = 2 ** data.draw(st.integers(2, 7))
    around = st.sampled_from([1, 2, edge - 1, edge, edge + 1, 2 * edge - 1, 2 * edge + 1, 3 * edge])
    n, m = data.draw(around), data.draw(around)
    make = data.draw(st.sampled_from([ordinary, lattice]))
    alone = data.draw(st.booleans()) and n > 1
    X, Y, _ = case(make, "euclidean", "float64", n, None if alone else m)
    D = exactly(X, Y, "euclidean", None)
    k = data.draw(st.integers(1, D.shape[1] - alone))
    radius = data.draw(st.sampled_from([0.5, 1.0, 1.5]))
    with mc.options(tile_bytes=edge * edge * 4, threads=data.draw(st.integers(1, 3))):
        found = mc.nearest(X, Y, k=k)
        close = mc.within(X, Y, radius=radius)
    np.testing.assert_array_equal(found.index, np.argsort(D, axis=1, kind="stable")[:, :k])
    i, j = np.nonzero(radius**2 >= D)
    np.testing.assert_array_equal(close.index, j)
    np.testing.assert_array_equal(np.diff(close.indptr), np.bincount(i, minlength=n))


def test_float32_flips_no_order_that_differences_decide():
    rng = np.random.default_rng(3)
    X, Y = ((1000 + rng.standard_normal((size, 16))).astype("float32") for size in (50, 3000))
    D = exactly(X, Y, "euclidean", None)
    found = mc.nearest(X, Y, k=50)
    own = np.take_along_axis(D, found.index, axis=1).astype(float)
    assert (np.diff(own, axis=1) >= -8e-6 * own[:, 1:]).all()


def digest(*arrays):
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("make", [ordinary, lattice, clustered])
def test_one_hash_for_any_threads_and_tiles(make, dtype):
    X, Y, _ = case(make, "euclidean", dtype, 700, 900)
    seen = set()
    for run in range(21):
        tile = (None, 2**14, 2**17)[run // 3 % 3]
        with mc.options(threads=1 + run % 3, tile_bytes=tile):
            seen.add(digest(*mc.nearest(X, Y, k=12), *mc.within(X, radius=0.5)))
    assert len(seen) == 1


@pytest.mark.parametrize("m", [None, 500])
def test_inside_dask_tasks(screens, m):
    X, Y, _ = case(ordinary, "euclidean", "float64", 400, m)
    lazy = [None if points is None else da.from_array(points, (150, -1)) for points in (X, Y)]
    found = mc.nearest(*lazy, k=6)
    here = mc.nearest(X, Y, k=6)
    made = len(screens)
    np.testing.assert_array_equal(found.index.compute(), here.index)
    assert len(screens) > made
    with mc.options(compiled=False):
        left_out = mc.nearest(*lazy, k=6)
    made = len(screens)
    np.testing.assert_array_equal(left_out.index.compute(), here.index)
    assert len(screens) == made


@pytest.mark.may_warn
@pytest.mark.parametrize("scale", [1e-35, 1e-25, 1e25, 1e37])
def test_float32_at_the_ends_of_its_range(scale):
    X, Y, _ = case(ordinary, "euclidean", "float32", 60, 80)
    X, Y = X * np.float32(scale), Y * np.float32(scale)
    for others in (None, Y):
        found = mc.nearest(X, others, k=5)
        close = mc.within(X, others, radius=scale)
        with mc.options(compiled=False):
            plain, also = mc.nearest(X, others, k=5), mc.within(X, others, radius=scale)
        for ours, theirs in zip(close, also, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(found.sqdist, plain.sqdist)
        there = np.isfinite(found.sqdist)  # all beyond are equally far away
        np.testing.assert_array_equal(found.index[there], plain.index[there])
        if others is None and there.all():
            assert (found.index != np.arange(60)[:, None]).all()


@pytest.mark.parametrize("scale", [1e-290, 1e-100, 1e-30, 1e30, 1e100, 1e150])
@pytest.mark.may_warn
def test_float64_beyond_the_range_of_float32(scale):
    X, Y, _ = case(ordinary, "euclidean", "float64", 60, 80)
    expected = mc.nearest(X, Y, k=5).index
    factor = 2.0 ** np.round(np.log2(scale))
    found = mc.nearest(X * factor, Y * factor, k=5)
    if scale > 1e-150:  # else D itself is 0
        np.testing.assert_array_equal(found.index, expected)


@pytest.mark.may_warn
def test_what_is_not_finite_goes_the_other_way(screens):
    X, Y, _ = case(ordinary, "euclidean", "float64", 20, 30)
    X[3, 1] = np.nan
    with mc.options(check_finite=False):
        mc.nearest(X, Y, k=3)
    assert len(screens) == 1


def test_options_leave_it_out(screens):
    X, _, _ = case(ordinary, "euclidean", "float64", 20, None)
    with mc.options(compiled=False):
        mc.nearest(X, k=3)
        mc.within(X, radius=1)
    assert not screens


@pytest.mark.parametrize("order", ["F", "strided", "read-only"])
def test_any_layout(order):
    X, _, _ = case(ordinary, "euclidean", "float32", 70, None)
    layouts = {"F": np.asfortranarray(X), "strided": np.repeat(X, 2, axis=0)[::2]}
    given = layouts.get(order, X.copy())
    given.flags.writeable = order != "read-only"
    before = given.copy()
    np.testing.assert_array_equal(mc.nearest(given, k=5).index, mc.nearest(X, k=5).index)
    np.testing.assert_array_equal(given, before)
