"""within against brute-force distances."""

from itertools import pairwise

import numpy as np
import pytest

import maha_core as mc
import oracle
from closeness import assert_close
from forms import problem
from tiles import EDGE, SIZES, small

SIZES_OF_Y = [None, *SIZES]


@pytest.fixture(autouse=True)
def _in_memory(request):
    if "library" in request.fixturenames and request.getfixturevalue("library").lazy:
        pytest.skip("Dask arrays are refused")


def rows(library, found):
    """Return a list of (index, sqdist) of each row, as NumPy arrays."""
    indptr, index, sqdist = map(library.numpy, found)
    assert indptr[0] == 0
    assert indptr[-1] == len(index) == len(sqdist)
    parts = [slice(*ends) for ends in pairwise(indptr)]
    return [(index[part], sqdist[part]) for part in parts]


def between(D, share):
    """Return a radius that no distance is near: between two of them."""
    values = np.unique(D[np.isfinite(D) & (D >= 0)].astype(float))
    if len(values) < 2:
        return 1.0
    wide = np.diff(values)
    at = int(share * (len(values) - 1))
    first = at + int(np.argmax(wide[at : at + 5]))
    return float(np.sqrt((values[first] + values[first + 1]) / 2))


def brute_force(p):
    D = oracle.sqdist(*p.exact)
    if p.Y is None:
        np.fill_diagonal(D, np.inf)
    return D


@pytest.mark.parametrize("sort", [False, True])
@pytest.mark.parametrize("m", SIZES_OF_Y)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("form", oracle.FORMS)
def test_against_brute_force(library, form, dtype, m, sort):
    p = problem(form, 2 * EDGE + 3, m, 3, dtype)
    D = brute_force(p)
    radius = between(D, 0.3)
    magnitude = oracle.magnitude(*p.exact).max(initial=0)
    with small(dtype):
        found = mc.within(*p.points(library), radius=radius, metric=p.metric(library), sort=sort)
    assert library.numpy(found.sqdist).dtype == dtype
    assert library.numpy(found.index).dtype.kind == "i"
    assert len(library.numpy(found.indptr)) == len(p.X) + 1
    for row, (index, sqdist) in zip(D, rows(library, found), strict=True):
        expected = np.flatnonzero(row <= radius**2)
        order = np.argsort(row[expected], kind="stable") if sort else slice(None)
        np.testing.assert_array_equal(index, expected[order])
        assert_close(sqdist, row[index], magnitude)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("m", SIZES_OF_Y)
def test_every_shape(library, n, m):
    p = problem("euclidean", n, m, 2)
    with small():
        found = mc.within(*p.points(library), radius=1e3)
    partners = n - 1 if m is None else m
    assert [len(index) for index, _ in rows(library, found)] == [partners] * n


def test_the_radius_is_within(library):
    grid = np.array(np.meshgrid(np.arange(6.0), np.arange(6.0))).reshape(2, -1).T + 1000
    D = ((grid[:, None] - grid[None]) ** 2).sum(axis=2)
    np.fill_diagonal(D, np.inf)
    for square in (0, 1, 2, 25):
        with small():
            found = mc.within(library.array(grid), radius=square**0.5, sort=True)
        for row, (index, sqdist) in zip(D, rows(library, found), strict=True):
            limit = (square**0.5) ** 2  # as computed: the root of 2 squared is more than 2
            order = np.argsort(row, kind="stable")
            np.testing.assert_array_equal(index, order[row[order] <= limit])
            np.testing.assert_array_equal(sqdist, row[index])


def test_coincident_points_are_within_radius_0_but_not_a_point_itself(library):
    X = np.zeros((4, 2))
    X[3] = 1
    found = rows(library, mc.within(library.array(X), radius=0))
    assert [index.tolist() for index, _ in found] == [[1, 2], [0, 2], [0, 1], []]
    with_Y = rows(library, mc.within(*library.arrays(X, X), radius=0))
    assert [index.tolist() for index, _ in with_Y] == [[0, 1, 2]] * 3 + [[3]]


def test_what_an_indefinite_metric_makes_negative_is_within(library):
    X = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 1.0]])
    found = mc.within(library.array(X), radius=1, metric=mc.Diagonal(library.array([-1.0, 1.0])))
    index, sqdist = zip(*rows(library, found), strict=True)
    assert [part.tolist() for part in index] == [[1, 2], [0, 2], [0, 1]]
    assert [part.tolist() for part in sqdist] == [[-9, 1], [-9, -8], [1, -8]]


@pytest.mark.may_warn
@pytest.mark.parametrize("radius", [1e20, 1e200, 1e308])
def test_a_radius_whose_square_overflows_leaves_out_nothing_but_the_point_itself(library, radius):
    X = library.array(np.arange(4.0, dtype="float32")[:, None])
    found = mc.within(X, radius=radius)
    assert [index.tolist() for index, _ in rows(library, found)] == [
        [j for j in range(4) if j != i] for i in range(4)
    ]


def test_without_the_guard(library):
    p = problem("factor", 40, 30, 3)
    D = brute_force(p)
    radius = between(D, 0.4)
    with mc.options(precision="fast"):
        found = mc.within(*p.points(library), radius=radius, metric=p.metric(library))
    for row, (index, _) in zip(D, rows(library, found), strict=True):
        np.testing.assert_array_equal(index, np.flatnonzero(row <= radius**2))


BAD = {
    "no array": (TypeError, "X", lambda X: mc.within([[0.0]], radius=1)),
    "no points": (TypeError, "X", lambda X: mc.within(None, radius=1)),
    "one-dimensional": (ValueError, "X", lambda X: mc.within(X[0], radius=1)),
    "other columns": (ValueError, "Y", lambda X: mc.within(X, X[:, :1], radius=1)),
    "complex": (TypeError, "X", lambda X: mc.within(X * 1j, radius=1)),
    "half": (TypeError, "X", lambda X: mc.within(X.astype("float16"), radius=1)),
    "mixed": (TypeError, "Y", lambda X: mc.within(X, X.astype("float32"), radius=1)),
    "NaN": (ValueError, "X", lambda X: mc.within(X * np.nan, radius=1)),
    "infinite": (ValueError, "Y", lambda X: mc.within(X, X + np.inf, radius=1)),
    "no metric": (TypeError, "metric", lambda X: mc.within(X, radius=1, metric=np.eye(3))),
    "a metric of other columns": (
        ValueError,
        "metric",
        lambda X: mc.within(X, radius=1, metric=mc.Diagonal(np.ones(2))),
    ),
    "a list in order": (TypeError, "sort", lambda X: mc.within(X, radius=1, sort=1)),
    "no order": (TypeError, "sort", lambda X: mc.within(X, radius=1, sort=None)),
    "an order by name": (TypeError, "sort", lambda X: mc.within(X, radius=1, sort="index")),
    "radii": (TypeError, "radius", lambda X: mc.within(X, radius=np.ones(5))),
    "one radius in an array": (TypeError, "radius", lambda X: mc.within(X, radius=np.ones(1))),
    "no radius": (TypeError, "radius", lambda X: mc.within(X, radius=None)),
    "a truth value": (TypeError, "radius", lambda X: mc.within(X, radius=True)),
    "a negative radius": (ValueError, "radius", lambda X: mc.within(X, radius=-1e-300)),
    "NaN as radius": (ValueError, "radius", lambda X: mc.within(X, radius=float("nan"))),
    "an infinite radius": (ValueError, "radius", lambda X: mc.within(X, radius=np.inf)),
    "a radius that is text": (TypeError, "radius", lambda X: mc.within(X, radius="1")),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    kind, argument, call = BAD[name]
    with pytest.raises(kind, match=rf"(?<!\w){argument}\b") as raised:
        call(np.arange(15.0).reshape(5, 3))
    assert type(raised.value) is kind


def test_dask_arrays_are_refused():
    da = pytest.importorskip("dask.array")
    with pytest.raises(TypeError, match="within cannot be lazy.*nearest"):
        mc.within(da.zeros((4, 2), chunks=2), radius=1)


def test_no_numbers_to_check(library):
    X = np.arange(6.0)[:, None]
    with mc.options(check_finite=False):
        found = mc.within(library.array(X), radius=1)
    assert [len(index) for index, _ in rows(library, found)] == [1, 2, 2, 2, 2, 1]
