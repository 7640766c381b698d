"""What spares the guard a look at an entry hides none that has cancelled."""

import numpy as np
import pytest

import maha_core as mc
from maha_core.call import prepare
from maha_core.sweeps.geometry import Geometry
from maha_core.sweeps.laplacian import BothSides
from maha_numpy import candidates
from maha_numpy.compiled.presence import installed
from maha_numpy.tiles import FEW, STRETCH, cancelled, in_stretches


def points(kind, rng, n, d):
    X = rng.standard_normal((n, d))
    if kind == "close pairs":
        X[1::2] = X[::2] * (1 + 1e-3 * rng.random((n // 2, 1)))
    elif kind == "clusters":
        X += 1e3 * rng.integers(0, 4, size=(n, 1))
    elif kind == "a few far out":
        X[:3] *= 1e4
    elif kind == "scales":
        X *= 10.0 ** rng.uniform(-3, 3, size=(n, 1))
    return X


@pytest.mark.parametrize("cotangents", [False, True])
@pytest.mark.parametrize("with_Y", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("metric", ["euclidean", "factor", "shrinking", "covariance"])
@pytest.mark.parametrize("kind", ["normal", "close pairs", "clusters", "a few far out", "scales"])
@pytest.mark.parametrize("d", [1, 3, 16])
def test_no_entry_beyond_its_reach_has_cancelled(d, kind, metric, dtype, with_Y, cotangents):
    rng = np.random.default_rng(d)
    X = points(kind, rng, 120, d).astype(dtype)
    Y = points(kind, rng, 90, d).astype(dtype) if with_Y else None
    A = rng.standard_normal((d, d)).astype(dtype)
    A_shrinking = A * np.logspace(0, -4, d, dtype=dtype)
    S = (A @ A.T + np.eye(d)).astype(dtype)
    metrics = {
        "euclidean": None,
        "factor": mc.Factor(A),
        "shrinking": mc.Factor(A_shrinking),
        "covariance": mc.Covariance((S + S.T) / 2),
    }
    call = prepare(X, Y, metrics[metric])
    sides = BothSides(call.backend, call.problem) if cotangents else None
    geometry = Geometry(call.backend, call.problem, distances=True, laplacian=sides)
    rows, columns = geometry.rows(slice(10, 100)), geometry.columns
    assert rows.row_bound is not None
    D = rows.left @ columns.right.T
    found = cancelled(D, rows.threshold, columns.threshold, rows.row_bound).flagged
    flagged = np.zeros(D.shape, dtype=bool)
    if found is not None:
        flagged[found.i, found.j] = True
    np.testing.assert_array_equal(
        flagged, np.abs(D) < rows.threshold[:, None] + columns.threshold[None, :]
    )


def test_reach_leaves_little_to_look_at():
    X = np.random.default_rng(0).standard_normal((1000, 10)).astype(np.float32)
    call = prepare(X, None, None)
    geometry = Geometry(call.backend, call.problem, distances=True)
    rows = geometry.rows(slice(0, 1000))
    D = rows.left @ geometry.columns.right.T
    np.fill_diagonal(D, np.inf)
    by_reach = np.count_nonzero(rows.row_bound[:, None] > D)
    by_largest = np.count_nonzero(rows.threshold[:, None] + rows.threshold.max() > D)
    assert 0 < 4 * by_reach < by_largest


@pytest.mark.parametrize("metric", ["factor", "covariance"])
def test_columns_of_other_scales_do_not_make_the_guard_look_at_more(metric):
    scales = np.logspace(0, 6, 10)
    X = np.random.default_rng(0).standard_normal((200, 10)) * scales
    chosen = mc.Factor(np.diag(1 / scales)) if metric == "factor" else mc.Covariance.from_points(X)
    call = prepare(X, None, chosen)
    geometry = Geometry(call.backend, call.problem, distances=True)
    rows = geometry.rows(slice(0, 200))
    D = rows.left @ geometry.columns.right.T
    np.fill_diagonal(D, np.inf)
    assert np.mean(rows.threshold[:, None] + rows.threshold > D) < 0.01


@pytest.mark.parametrize("tile_bytes", [1, 8, 64])
def test_the_smallest_tiles(tile_bytes):
    X = np.random.default_rng(0).standard_normal((7, 3))
    expected = np.square(X[:, None] - X[None]).sum(axis=2)
    with mc.options(tile_bytes=tile_bytes):
        np.testing.assert_allclose(mc.sqdist(X), expected, rtol=1e-12)


def test_a_norm_of_Y_alone_that_overflows():
    D = mc.sqdist(np.array([[1e152]]), np.array([[1.345e154]]))
    np.testing.assert_allclose(D, [[(1.345e154 - 1e152) ** 2]], rtol=1e-12)


FINDERS = {"in stretches": in_stretches, "compiled": candidates.find if installed() else None}


@pytest.mark.parametrize("find", [name for name, one in FINDERS.items() if one])
@pytest.mark.parametrize("columns", [1, 63, 64, 65, 511, 512, 513, 1300])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_candidates_are_the_entries_below_their_bound(find, columns, dtype):
    rng = np.random.default_rng(columns)
    for rows, share in ((1, 0.0), (5, 0.001), (40, 0.01)):
        D = (1 + rng.random((rows, columns))).astype(dtype)
        D[rng.random(D.shape) < share] = 0.25
        D[rng.random(D.shape) < share] = np.nan
        bound = rng.uniform(0.2, 0.9, rows).astype(dtype)
        with np.errstate(invalid="ignore"):
            smallest, found = FINDERS[find](D, bound)
        expected = np.nonzero(~(bound[:, None] <= D))
        if found is None:
            assert expected[0].size * FEW > D.size or 2 * share * STRETCH > 1 or columns < STRETCH
            continue
        order = np.lexsort(found[::-1])
        assert [part[order].tolist() for part in found] == [part.tolist() for part in expected]
        assert np.array_equal(smallest, D.min(axis=1, keepdims=True), equal_nan=True)
