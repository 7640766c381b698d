"""SciPy's and scikit-learn's signatures: their results, their conversions, their errors."""

import numpy as np
import pytest

import maha_core as mc

distance = pytest.importorskip("scipy.spatial.distance")
pytestmark = pytest.mark.numpy_only

METRICS = {
    "euclidean": {},
    "euclidean, weighted": {"w": [0.5, 2.0, 0.0]},
    "sqeuclidean": {},
    "sqeuclidean, weighted": {"w": [1.0, 2.0, 3.0]},
    "seuclidean": {},
    "seuclidean, given": {"V": [0.5, 2.0, 1.0]},
    "mahalanobis": {},
    "mahalanobis, given": {"VI": [[2.0, 0.5, 0.0], [0.1, 1.0, 0.0], [0.0, 0.0, 3.0]]},
}


def name_of(case):
    return case.split(",")[0]


@pytest.fixture
def points():
    rng = np.random.default_rng(0)
    return rng.standard_normal((17, 3)), rng.standard_normal((9, 3))


def assert_close(found, expected):
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("case", METRICS)
def test_cdist_is_scipys(points, case):
    found = mc.compat.scipy.cdist(*points, name_of(case), **METRICS[case])
    assert_close(found, distance.cdist(*points, name_of(case), **METRICS[case]))


@pytest.mark.parametrize("case", METRICS)
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 5), (5, 3), (17, 16), (512, 2048)])
def test_pdist_is_scipys(points, case, rows, columns, monkeypatch):
    monkeypatch.setattr(mc.compat.scipy, "ROWS", rows)
    monkeypatch.setattr(mc.compat.scipy, "COLUMNS", columns)
    X = points[0]
    found = mc.compat.scipy.pdist(X, name_of(case), **METRICS[case])
    assert_close(found, distance.pdist(X, name_of(case), **METRICS[case]))


@pytest.mark.parametrize("n", [0, 1, 2])
def test_pdist_of_few_points(n):
    X = np.arange(3.0 * n).reshape(n, 3)
    assert_close(mc.compat.scipy.pdist(X), distance.pdist(X))


def test_two_points():
    u, v, V = [1.0, 2.0], [3.0, 5.0], [0.5, 4.0]
    VI = [[2.0, 0.3], [0.3, 1.0]]
    ours = mc.compat.scipy
    assert ours.mahalanobis(u, v, VI) == pytest.approx(distance.mahalanobis(u, v, VI), rel=1e-14)
    assert ours.sqeuclidean(u, v) == distance.sqeuclidean(u, v)
    weighted = distance.sqeuclidean(u, v, V)
    assert ours.sqeuclidean(u, v, V) == pytest.approx(weighted, rel=1e-14)
    assert ours.seuclidean(u, v, V) == pytest.approx(distance.seuclidean(u, v, V), rel=1e-14)


@pytest.mark.parametrize(
    "alias", ["euclid", "eu", "e", "sqe", "sqeuclid", "se", "s", "mahal", "mah", "Mahalanobis"]
)
def test_scipys_aliases(points, alias):
    assert_close(mc.compat.scipy.cdist(*points, alias), distance.cdist(*points, alias))


@pytest.mark.parametrize("name", ["sqeuclidean", "seuclidean", "mahalanobis"])
def test_functions_stand_for_their_names(points, name):
    expected = mc.compat.scipy.cdist(*points, name)
    for module in (distance, mc.compat.scipy):
        found = mc.compat.scipy.cdist(*points, getattr(module, name))
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "convert", [np.ndarray.tolist, np.float32, np.float16, np.longdouble, np.asfortranarray]
)
def test_arguments_are_converted(points, convert):
    given = tuple(map(convert, points))
    assert_close(mc.compat.scipy.cdist(*given), distance.cdist(*given))


def test_whole_numbers_truth_values_and_frames():
    pandas = pytest.importorskip("pandas")
    X = np.random.default_rng(0).integers(0, 2, (6, 3))
    for given in (X, X.astype(bool), pandas.DataFrame(X)):
        assert_close(mc.compat.scipy.cdist(given, given), distance.cdist(given, given))


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean"])
def test_points_that_are_not_finite_spoil_their_own_distances_alone(points, metric):
    XA, XB = points
    XA[3, 1], XA[5, 0], XB[2, 2], XB[4, 0] = np.nan, np.inf, -np.inf, np.inf
    with np.errstate(invalid="ignore"):
        expected = distance.cdist(XA, XB, metric), distance.pdist(XA, metric)
    assert_close(mc.compat.scipy.cdist(XA, XB, metric), expected[0])
    assert_close(mc.compat.scipy.pdist(XA, metric), expected[1])


def test_out(points):
    out = np.full((17, 9), np.nan)
    assert mc.compat.scipy.cdist(*points, out=out) is out
    assert_close(out, distance.cdist(*points))
    condensed = np.full(17 * 8, np.nan)
    assert mc.compat.scipy.pdist(points[0], out=condensed) is condensed
    assert_close(condensed, distance.pdist(points[0]))


def test_points_without_columns():
    found = mc.compat.scipy.cdist(np.zeros((2, 0)), np.zeros((3, 0)))
    np.testing.assert_array_equal(found, np.zeros((2, 3)))


X = np.eye(3)
BAD = {
    "one axis": (lambda f: f([1.0, 2.0, 3.0], X), ValueError, "XA"),
    "three axes": (lambda f: f(X, np.ones((2, 2, 3))), ValueError, "XB"),
    "columns": (lambda f: f(X, np.ones((2, 2))), ValueError, "XA and XB"),
    "complex": (lambda f: f(X * 1j, X), ValueError, "XA"),
    "text": (lambda f: f(X, [["a", "b", "c"]]), ValueError, "XB"),
    "unknown metric": (lambda f: f(X, X, "cityblock"), ValueError, "metric"),
    "no metric": (lambda f: f(X, X, 3), ValueError, "metric"),
    "a function": (lambda f: f(X, X, max), ValueError, "metric"),
    "V of another metric": (lambda f: f(X, X, "euclidean", V=[1, 1, 1]), TypeError, "V"),
    "unknown argument": (lambda f: f(X, X, "mahalanobis", p=2), TypeError, "p"),
    "short w": (lambda f: f(X, X, w=[1, 2]), ValueError, "w"),
    "negative w": (lambda f: f(X, X, w=[1, -1, 1]), ValueError, "w"),
    "matrix V": (lambda f: f(X, X, "seuclidean", V=X), ValueError, "V"),
    "zero V": (lambda f: f(X, X, "seuclidean", V=[1, 0, 1]), ValueError, r"V\[1\]"),
    "negative V": (lambda f: f(X, X, "seuclidean", V=[1, 1, -1]), ValueError, r"V\[2\]"),
    "NaN in V": (lambda f: f(X, X, "seuclidean", V=[np.nan, 1, 1]), ValueError, r"V\[0\]"),
    "constant column": (lambda f: f(X * [1, 1, 0], X * [1, 1, 0], "se"), ValueError, r"V\[2\]"),
    "small VI": (lambda f: f(X, X, "mahalanobis", VI=np.eye(2)), ValueError, "VI"),
    "NaN in VI": (lambda f: f(X, X, "mahalanobis", VI=np.full((3, 3), np.nan)), ValueError, "M"),
    "negative VI": (lambda f: f(X, X + 1, "mahalanobis", VI=-X), ValueError, "negative"),
    "too few points": (lambda f: f(X[:1], X[1:2], "mahalanobis"), ValueError, "observations"),
    "points on a line": (
        lambda f: f(np.outer(np.arange(9.0), [1, 2, 3]), X[:0], "mahalanobis"),
        ValueError,
        "column",
    ),
    "shape of out": (lambda f: f(X, X, out=np.zeros((2, 3))), ValueError, "[Oo]ut"),
    "dtype of out": (lambda f: f(X, X, out=np.zeros((3, 3), "float32")), ValueError, "out"),
    "order of out": (lambda f: f(X, X[:2], out=np.zeros((2, 3)).T), ValueError, "out"),
    "list out": (lambda f: f(X, X, out=[0] * 9), TypeError, "out"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    call, error, message = BAD[case]
    with pytest.raises(error, match=message):
        call(mc.compat.scipy.cdist)


@pytest.mark.parametrize("with_Y", [False, True])
@pytest.mark.parametrize("working_memory", [None, 1e-3, 1e-9])
def test_chunks_are_scikit_learns(points, with_Y, working_memory):
    pairwise = pytest.importorskip("sklearn.metrics")
    given = points if with_Y else points[:1]
    options = {"metric": "sqeuclidean", "working_memory": working_memory}
    found = list(mc.compat.sklearn.pairwise_distances_chunked(*given, **options))
    if working_memory != 1e-9:  # which scikit-learn warns of
        expected = list(pairwise.pairwise_distances_chunked(*given, **options))
        assert [len(chunk) for chunk in found] == [len(chunk) for chunk in expected]
    else:
        assert {len(chunk) for chunk in found} == {1}
    assert_close(np.concatenate(found), distance.cdist(*given[:1], given[-1], "sqeuclidean"))


def test_chunks_are_reduced(points):
    def three_nearest(D, start):
        return np.argsort(D, axis=1)[:, :3], [start + row for row in range(len(D))]

    chunked = mc.compat.sklearn.pairwise_distances_chunked
    found = list(chunked(points[0], reduce_func=three_nearest, working_memory=1e-3))
    assert len(found) > 1
    index = np.concatenate([part for part, _ in found])
    expected = np.argsort(distance.cdist(points[0], points[0]), axis=1)[:, :3]
    np.testing.assert_array_equal(index, expected)
    assert [row for _, rows in found for row in rows] == list(range(17))
    assert list(chunked(points[0], reduce_func=lambda D, start: None)) == [None]


@pytest.mark.parametrize(
    ("reduce_func", "error"),
    [
        (lambda D, start: D[:1], ValueError),
        (lambda D, start: (D, D[:1]), ValueError),
        (lambda D, start: 1, TypeError),
        (lambda D, start: "text", TypeError),
        (lambda D, start: (D, None), TypeError),
    ],
)
def test_reductions_of_another_number_of_rows(points, reduce_func, error):
    with pytest.raises(error, match="reduce_func"):
        list(mc.compat.sklearn.pairwise_distances_chunked(points[0], reduce_func=reduce_func))
