"""Nearest points under a metric where UMAP and scanpy take those of another library."""

import numpy as np
import pytest

import maha_core as mc

pytest.importorskip("sklearn")
from sklearn.neighbors import KNeighborsTransformer

pytestmark = [pytest.mark.numpy_only, pytest.mark.filterwarnings("default")]
NEIGHBORS = 12


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.standard_normal((60, 4)) + shift for shift in (0.0, 6.0)]) * [
        1,
        5,
        0.2,
        1,
    ]


@pytest.fixture
def metric(X):
    return mc.Covariance.from_points(X)


def test_umap_takes_them_as_precomputed(X, metric):
    umap = pytest.importorskip("umap")
    found = mc.nearest(X, metric=metric, k=NEIGHBORS - 1)
    own = np.arange(len(X))[:, None]  # UMAP counts a point as its own nearest
    index = np.hstack([own, found.index])
    distances = np.hstack([np.zeros((len(X), 1)), np.sqrt(found.sqdist)])
    options = {"n_neighbors": NEIGHBORS, "init": "random", "random_state": 0, "n_epochs": 20}
    ours = umap.UMAP(precomputed_knn=(index, distances), **options).fit(X)
    whitened = umap.UMAP(**options).fit(metric.embed(X))
    np.testing.assert_allclose(ours.graph_.toarray(), whitened.graph_.toarray(), atol=1e-4)
    assert np.all(np.isfinite(ours.embedding_))


def test_scanpy_takes_them_from_a_transformer(X, metric):
    scanpy = pytest.importorskip("scanpy")
    options = {
        "metric": "mahalanobis",
        "metric_params": {"VI": metric.matrix()},
        "algorithm": "brute",
    }
    theirs = KNeighborsTransformer(n_neighbors=NEIGHBORS, **options)
    ours = mc.learn.MahalanobisNeighbors(metric, n_neighbors=NEIGHBORS)
    graphs = []
    for transformer in (ours, theirs):
        cells = scanpy.AnnData(X)
        scanpy.pp.neighbors(cells, n_neighbors=NEIGHBORS, use_rep="X", transformer=transformer)
        graphs.append((cells.obsp["distances"].toarray(), cells.obsp["connectivities"].toarray()))
    for found, expected in zip(*graphs, strict=True):
        assert np.count_nonzero(found)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
