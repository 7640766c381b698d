"""nearest against a stable sort of brute-force distances."""

import numpy as np
import pytest

import libraries
import maha_core as mc
import oracle
from closeness import assert_close
from forms import problem
from tiles import EDGE, small


def brute_force(D, k, self_pairs):
    """Return the k smallest of each row and their indices; ties go to the lower index."""
    D = np.array(D)
    if not self_pairs:
        np.fill_diagonal(D, np.inf)
    index = np.argsort(D, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(D, index, axis=1), index


@pytest.mark.parametrize("k", [1, 3, EDGE - 1])
@pytest.mark.parametrize("m", [None, EDGE - 1, EDGE, 2 * EDGE + 1])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("form", oracle.FORMS)
def test_against_brute_force(library, form, m, k, dtype):
    p = problem(form, 2 * EDGE + 3, m, 3, dtype)
    with small(dtype):
        found = mc.nearest(*p.points(library), k=k, metric=p.metric(library))
    sqdist, index = brute_force(oracle.sqdist(*p.exact), k, m is not None)
    np.testing.assert_array_equal(library.numpy(found.index), index)
    assert library.numpy(found.index).dtype.kind == "i"
    assert library.numpy(found.sqdist).dtype == dtype
    assert_close(library.numpy(found.sqdist), sqdist, oracle.magnitude(*p.exact).max(initial=0))


def test_in_tiles_of_the_default_size(library):
    p = problem("factor", 1000, 700, 3)
    found = mc.nearest(*p.points(library), k=5, metric=p.metric(library))
    sqdist, index = brute_force(oracle.sqdist(*p.exact), 5, self_pairs=True)
    np.testing.assert_array_equal(library.numpy(found.index), index)
    assert_close(library.numpy(found.sqdist), sqdist)


def test_every_neighbour_there_is(library):
    p = problem("factor", 9, None, 3)
    found = mc.nearest(library.array(p.X), k=8, metric=p.metric(library))
    _, index = brute_force(oracle.sqdist(*p.exact), 8, self_pairs=False)
    np.testing.assert_array_equal(library.numpy(found.index), index)


@pytest.mark.parametrize("with_Y", [False, True])
def test_duplicates_go_to_the_lower_index(library, with_Y):
    rng = np.random.default_rng(0)
    distinct = rng.standard_normal((6, 3))
    Y = distinct[rng.permutation(np.repeat(np.arange(6), 7))]  # each seven times, in any order
    X = rng.standard_normal((20, 3)) if with_Y else Y
    D = ((X[:, None] - Y[None]) ** 2).sum(axis=2)  # bitwise equal for equal points
    _, expected = brute_force(D, 10, with_Y)
    for options in (small(), mc.options()):
        with options:
            found = mc.nearest(*library.arrays(X, Y if with_Y else None), k=10)
        np.testing.assert_array_equal(library.numpy(found.index), expected)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_many_duplicates_go_to_the_lower_index(library, dtype):
    rng = np.random.default_rng(1)
    distinct = rng.standard_normal((100, 5)).astype(dtype)
    group = rng.permutation(np.repeat(np.arange(100), 7))
    Y, X = distinct[group], rng.standard_normal((150, 5)).astype(dtype)
    found = library.numpy(mc.nearest(*library.arrays(X, Y), k=21).index)
    for row in found:  # three whole groups, each in ascending order
        for three in row.reshape(3, 7):
            np.testing.assert_array_equal(three, np.flatnonzero(group == group[three[0]]))


@pytest.mark.parametrize("shift", [0, 1000])
def test_equal_distances_on_a_grid_go_to_the_lower_index(library, shift):
    grid = np.array(np.meshgrid(np.arange(5.0), np.arange(5.0))).reshape(2, -1).T + shift
    D = ((grid[:, None] - grid[None]) ** 2).sum(axis=2)  # whole numbers: exact
    sqdist, index = brute_force(D, 8, self_pairs=False)
    with small():
        found = mc.nearest(library.array(grid), k=8)
    np.testing.assert_array_equal(library.numpy(found.index), index)
    np.testing.assert_array_equal(library.numpy(found.sqdist), sqdist)


def test_a_point_is_left_out_by_its_index_not_by_its_distance(library):
    X = np.zeros((4, 2))  # all the same: every distance is 0
    alone = mc.nearest(library.array(X), k=3)
    expected = [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]
    np.testing.assert_array_equal(library.numpy(alone.index), expected)
    np.testing.assert_array_equal(library.numpy(alone.sqdist), 0)


def test_with_Y_even_the_same_object_a_point_is_its_own_neighbour(library):
    X = library.array(np.random.default_rng(0).standard_normal((5, 2)))
    found = mc.nearest(X, X, k=1)
    np.testing.assert_array_equal(library.numpy(found.index)[:, 0], np.arange(5))
    np.testing.assert_array_equal(library.numpy(found.sqdist), 0)


def test_a_metric_with_negative_distances(library):
    p = problem("diagonal", 12, None, 2)
    p.parameter[:] = [-1.0, 0.5]
    found = mc.nearest(library.array(p.X), k=4, metric=p.metric(library))
    _, index = brute_force(oracle.sqdist(*p.exact), 4, self_pairs=False)
    np.testing.assert_array_equal(library.numpy(found.index), index)
    assert library.numpy(found.sqdist).min() < 0


@pytest.mark.parametrize("m", [None, 4])
def test_nobody_asks(library, m):
    X, Y = library.array(np.zeros((0, 2))), None if m is None else library.array(np.zeros((m, 2)))
    found = mc.nearest(X, Y, k=3)
    assert library.numpy(found.index).shape == (0, 3)
    assert library.numpy(found.sqdist).shape == (0, 3)


def test_near_duplicates_far_from_the_origin(library):
    rng = np.random.default_rng(1)
    X = (
        1e6
        + np.repeat(rng.standard_normal((15, 3)), 3, axis=0)
        + rng.standard_normal((45, 3)) * 1e-6
    )
    found = mc.nearest(library.array(X), k=2)
    _, index = brute_force(oracle.sqdist(X, None, "euclidean", None), 2, self_pairs=False)
    np.testing.assert_array_equal(library.numpy(found.index), index)


def test_a_point_is_no_neighbour_of_its_own_where_all_distances_overflow(library):
    X = np.full((6, 2), 1e200) * np.array([[1], [-1], [1], [-1], [0.5], [-0.5]])
    with np.errstate(all="ignore"), libraries.debug_nans(False):
        found = library.numpy(mc.nearest(library.array(X), k=5).index)
    for i, row in enumerate(found):
        assert sorted(row) == [j for j in range(6) if j != i]
