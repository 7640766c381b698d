"""Graphs of neighbours under a metric, and the estimators of scikit-learn that take them."""

import numpy as np
import pytest

import maha_core as mc

pytest.importorskip("sklearn")
from sklearn.cluster import DBSCAN, HDBSCAN, SpectralClustering
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsTransformer,
    RadiusNeighborsTransformer,
)
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

pytestmark = pytest.mark.numpy_only
MODES = ["distance", "connectivity"]


@pytest.fixture
def points():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((90, 4)) * [1.0, 5.0, 0.2, 1.0]
    X[30:60, 0] += 8
    X[60:, 2] += 3
    return X, np.repeat([0, 1, 2], 30)


@pytest.fixture
def VI(points):
    return np.linalg.inv(np.cov(points[0].T))


def assert_same_graph(found, expected):
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found.indptr, expected.indptr)
    np.testing.assert_array_equal(found.toarray() != 0, expected.toarray() != 0)
    np.testing.assert_allclose(found.toarray(), expected.toarray(), rtol=1e-9, atol=1e-7)


@parametrize_with_checks([mc.learn.MahalanobisNeighbors(n_neighbors=2)])
def test_it_is_an_estimator_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("mode", MODES)
def test_the_graph_of_nearest_neighbours_is_scikit_learns(points, VI, mode):
    X, Y = points[0][:70], points[0][70:]
    options = {"algorithm": "brute", "metric": "mahalanobis", "metric_params": {"VI": VI}}
    theirs = KNeighborsTransformer(mode=mode, n_neighbors=6, **options).fit(X)
    ours = mc.learn.MahalanobisNeighbors(mc.Full(VI), n_neighbors=6, mode=mode).fit(X)
    assert_same_graph(ours.transform(Y), theirs.transform(Y))


@pytest.mark.parametrize("mode", MODES)
def test_the_graph_within_a_radius_is_scikit_learns(points, VI, mode):
    X, Y = points[0][:70], points[0][70:]
    options = {"algorithm": "brute", "metric": "mahalanobis", "metric_params": {"VI": VI}}
    theirs = RadiusNeighborsTransformer(mode=mode, radius=1.5, **options).fit(X)
    ours = mc.learn.MahalanobisNeighbors(mc.Full(VI), radius=1.5, mode=mode).fit(X)
    assert_same_graph(ours.transform(Y), theirs.transform(Y))


def test_rows_come_by_distance(points):
    graph = mc.learn.MahalanobisNeighbors(n_neighbors=7).fit_transform(points[0])
    rows = np.split(graph.data, graph.indptr[1:-1])
    assert all((np.diff(row) >= 0).all() for row in rows)
    assert (graph.diagonal() == 0).all()
    assert graph.nnz == 90 * 8


def test_classification_is_that_of_scikit_learns_own_metric(points, VI):
    X, y = points
    queries = X[::3] + 0.1
    options = {"algorithm": "brute", "metric": "mahalanobis", "metric_params": {"VI": VI}}
    theirs = KNeighborsClassifier(n_neighbors=5, **options).fit(X, y)
    ours = make_pipeline(
        mc.learn.MahalanobisNeighbors(mc.Full(VI), n_neighbors=5),
        KNeighborsClassifier(n_neighbors=5, metric="precomputed"),
    ).fit(X, y)
    np.testing.assert_array_equal(ours.predict(queries), theirs.predict(queries))


def test_a_metric_that_is_learned(points):
    X, y = points[0] / points[0].std(axis=0), points[1]
    learner = mc.learn.LFDA(n_components=2)
    model = make_pipeline(
        mc.learn.MahalanobisNeighbors(learner, n_neighbors=3),
        KNeighborsClassifier(n_neighbors=3, metric="precomputed"),
    ).fit(X, y)
    assert model.score(X, y) > 0.95
    assert not hasattr(learner, "metric_")  # it was cloned


def test_density_clusters(points, VI):
    X = points[0]
    found = make_pipeline(
        mc.learn.MahalanobisNeighbors(mc.Full(VI), radius=1.0),
        DBSCAN(eps=1.0, min_samples=4, metric="precomputed"),
    ).fit_predict(X)
    options = {"algorithm": "brute", "metric": "mahalanobis", "metric_params": {"VI": VI}}
    np.testing.assert_array_equal(found, DBSCAN(eps=1.0, min_samples=4, **options).fit_predict(X))


def test_hierarchical_density_clusters(points):
    X = points[0]
    graph = mc.learn.MahalanobisNeighbors(n_neighbors=89).fit_transform(X)
    dense = mc.dist(X, metric=mc.Covariance.from_points(X))
    sparse = HDBSCAN(min_cluster_size=10, metric="precomputed", copy=True).fit_predict(graph)
    expected = HDBSCAN(min_cluster_size=10, metric="precomputed", copy=True).fit_predict(dense)
    np.testing.assert_array_equal(sparse, expected)


def test_spectral_clusters(points):
    X, y = points
    found = make_pipeline(
        mc.learn.MahalanobisNeighbors(n_neighbors=15),
        SpectralClustering(
            n_clusters=3, affinity="precomputed_nearest_neighbors", n_neighbors=15, random_state=0
        ),
    ).fit_predict(X)
    agreement = max(np.mean(found[y == label] == found[y == label][0]) for label in range(3))
    assert agreement > 0.9


def test_float32_stays(points):
    graph = mc.learn.MahalanobisNeighbors().fit_transform(points[0].astype(np.float32))
    assert graph.dtype == np.float32


X = np.random.default_rng(0).standard_normal((8, 3))
BAD = {
    "no neighbours": ({"n_neighbors": 0}, X, ValueError, "n_neighbors"),
    "half a neighbour": ({"n_neighbors": 1.5}, X, ValueError, "n_neighbors"),
    "too many neighbours": ({"n_neighbors": 8}, X, ValueError, "n_samples_fit"),
    "negative radius": ({"radius": -1.0}, X, ValueError, "radius"),
    "radius NaN": ({"radius": np.nan}, X, ValueError, "radius"),
    "radius infinite": ({"radius": np.inf}, X, ValueError, "radius"),
    "radius as text": ({"radius": "1"}, X, ValueError, "radius"),
    "unknown mode": ({"mode": "graph"}, X, ValueError, "mode"),
    "name of a metric": ({"metric": "euclidean"}, X, ValueError, "metric"),
    "matrix for a metric": ({"metric": np.eye(3)}, X, ValueError, "metric"),
    "metric of other columns": ({"metric": mc.Full(np.eye(2))}, X, ValueError, "2 columns"),
    "learner without targets": ({"metric": mc.learn.NCA()}, X, ValueError, "y"),
    "constant column": ({}, X * [1, 1, 0], ValueError, "column"),
    "collinear columns": ({}, X[:, [0, 1, 1]], ValueError, "column"),
    "NaN": ({}, np.where(X[1, 1] == X, np.nan, X), ValueError, "NaN"),
    "infinity": ({}, np.where(X[1, 1] == X, np.inf, X), ValueError, "infinity"),
    "one axis": ({}, X[:, 0], ValueError, "2D array"),
    "no points": ({}, X[:0], ValueError, "minimum of 2"),
    "one point": ({}, X[:1], ValueError, "minimum of 2"),
    "text": ({}, [["a", "b"]], ValueError, "convert"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    options, points, error, message = BAD[case]
    with pytest.raises(error, match=message):
        mc.learn.MahalanobisNeighbors(**options).fit_transform(points)


def test_arrays_of_another_library():
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(TypeError, match="NumPy"):
        mc.learn.MahalanobisNeighbors().fit(strict.asarray(X))
