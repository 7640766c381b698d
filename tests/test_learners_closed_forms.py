"""Closed forms beside their definitions: sums over pairs in longdouble, SciPy, scikit-learn."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
from scipy.linalg import eigh, sqrtm
from sklearn.covariance import OAS, LedoitWolf
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale

import maha_core as mc
from tuple_learners import points, rows_of_tuples

X, Y = points()
WIDE = np.longdouble


def laplacian_form(points, W):
    """``1/2 sum_ij W_ij d_ij d_ij^T``, pair by pair."""
    d = (points[:, None, :] - points[None, :, :]).astype(WIDE)
    return np.einsum("ij,ijk,ijl->kl", W.astype(WIDE), d, d).astype(float) / 2


def same_rows_up_to_sign(found, expected, rtol=1e-8):
    signs = np.sign(np.sum(found * expected, axis=1))[:, None]
    np.testing.assert_allclose(found * signs, expected, rtol=rtol, atol=rtol)


# ------------------------------------------------------------------------------------- Covariance


def test_covariance_is_the_inverse_of_the_covariance():
    learner = mc.learn.Covariance().fit(X)
    np.testing.assert_allclose(learner.location_, X.mean(axis=0), rtol=1e-12)
    product = learner.get_mahalanobis_matrix() @ np.cov(X, rowvar=False)
    np.testing.assert_allclose(product, np.eye(4), atol=1e-10)
    np.testing.assert_allclose(np.cov(learner.transform(X), rowvar=False), np.eye(4), atol=1e-10)


@pytest.mark.parametrize("kind", [LedoitWolf, OAS])
def test_covariance_by_an_estimator_of_scikit_learn(kind):
    given = kind()
    learner = mc.learn.Covariance(covariance=given).fit(X)
    expected = kind().fit(X)
    np.testing.assert_allclose(learner.get_mahalanobis_matrix(), expected.precision_, rtol=1e-8)
    np.testing.assert_array_equal(learner.location_, expected.location_)
    assert not hasattr(given, "covariance_")
    distances = learner.pair_distance(np.stack([X, np.broadcast_to(X.mean(0), X.shape)], axis=1))
    np.testing.assert_allclose(distances**2, expected.mahalanobis(X), rtol=1e-8)


def test_covariance_of_weights_counts_points_as_often():
    weights = np.arange(60) % 3
    found = mc.learn.Covariance().fit(X, sample_weight=weights)
    expected = mc.learn.Covariance().fit(np.repeat(X, weights, axis=0))
    np.testing.assert_allclose(found.components_, expected.components_, rtol=1e-9)
    np.testing.assert_allclose(found.location_, expected.location_, rtol=1e-12)


def test_covariance_of_singular_points_by_choice():
    flat = np.hstack([X, X[:, :1] - 2 * X[:, 1:2]])
    learner = mc.learn.Covariance().fit(flat)
    S, M = np.cov(flat, rowvar=False), learner.get_mahalanobis_matrix()
    np.testing.assert_allclose(S @ M @ S, S, atol=1e-9)
    np.testing.assert_allclose(M @ S @ M, M, atol=1e-9)
    with pytest.raises(ValueError, match=r"covariance of X is singular; write pseudo_inverse=True"):
        mc.learn.Covariance(pseudo_inverse=False).fit(flat)


# -------------------------------------------------------------------------------------------- RCA


def scatter_of_chunks(points, chunks):
    total = np.zeros((points.shape[1],) * 2)
    for chunk in np.unique(chunks[chunks >= 0]):
        inside = points[chunks == chunk]
        total += len(inside) * np.cov(inside, rowvar=False, bias=True)
    return total / np.sum(chunks >= 0)


def test_rca_whitens_what_is_within_chunks():
    chunks = np.random.default_rng(0).integers(-1, 12, 60)
    learner = mc.learn.RCA().fit(X, chunks)
    C = scatter_of_chunks(X, chunks)
    np.testing.assert_allclose(learner.get_mahalanobis_matrix() @ C, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(
        scatter_of_chunks(learner.transform(X), chunks), np.eye(4), atol=1e-9
    )


@pytest.mark.parametrize("k", [1, 2, 3])
def test_rca_in_fewer_dimensions_keeps_those_of_the_smallest_share(k):
    chunks = np.random.default_rng(1).integers(-1, 12, 60)
    learner = mc.learn.RCA(n_components=k).fit(X, chunks)
    A, C = learner.components_, scatter_of_chunks(X, chunks)
    np.testing.assert_allclose(A @ C @ A.T, np.eye(k), atol=1e-9)
    inside = X[chunks >= 0]
    T = np.cov(inside, rowvar=False, bias=True)
    largest = eigh(T, C, eigvals_only=True)[::-1][:k]
    assert np.trace(A @ T @ A.T) == pytest.approx(largest.sum(), rel=1e-9)


def test_rca_of_chunks_of_whole_floats_and_of_any_name():
    chunks = np.array([7.0, 7.0, 100.0, 100.0] * 15)
    found = mc.learn.RCA().fit(X, chunks).components_
    np.testing.assert_allclose(
        found, mc.learn.RCA().fit(X, (chunks == 7).astype(int)).components_, rtol=1e-9
    )


def test_rca_supervised_draws_chunks_of_a_class():
    learner = mc.learn.RCA_Supervised(n_chunks=15, chunk_size=3, random_state=4).fit(X, Y)
    order = np.argsort(Y, kind="stable")
    chunks = mc.learn.Constraints(Y[order]).chunks(15, 3, random_state=4)
    expected = mc.learn.RCA().fit(X[order], chunks)
    np.testing.assert_allclose(learner.components_, expected.components_, rtol=1e-9)


# ------------------------------------------------------------------------------------------- LFDA


def local_scatters(points, labels, k):
    """Sugiyama's weights, pair by pair."""
    n = len(points)
    D = ((points[:, None] - points) ** 2).sum(axis=2)
    within, between = np.zeros((n, n)), np.full((n, n), 1 / n)
    for c in np.unique(labels):
        rows = np.flatnonzero(labels == c)
        own = D[np.ix_(rows, rows)]
        scale = np.sqrt(np.sort(own, axis=1)[:, min(k, len(rows) - 1)])
        product = np.outer(scale, scale)
        A = np.where(product > 0, np.exp(-own / np.where(product > 0, product, 1)), 0)
        within[np.ix_(rows, rows)] = A / len(rows)
        between[np.ix_(rows, rows)] = A * (1 / n - 1 / len(rows))
    return laplacian_form(points, within), laplacian_form(points, between)


@pytest.mark.parametrize("embedding_type", ["weighted", "orthonormalized", "plain"])
@pytest.mark.parametrize(("n_components", "k"), [(None, None), (2, 1), (3, 50)])
def test_lfda_solves_the_local_eigenproblem(embedding_type, n_components, k):
    points, labels = load_wine(return_X_y=True)
    points = scale(points)[:, :6]
    learner = mc.learn.LFDA(n_components, k=k, embedding_type=embedding_type).fit(points, labels)
    within, between = local_scatters(points, labels, 5 if k is None else k)
    values, vectors = eigh(between, within)
    rows = vectors.T[::-1][:n_components]
    if embedding_type == "weighted":
        rows = rows * np.sqrt(np.maximum(values[::-1][:n_components, None], 0))
    if embedding_type == "orthonormalized":
        rows = np.linalg.qr(rows.T)[0].T
    same_rows_up_to_sign(learner.components_, rows, rtol=1e-7)


def test_lfda_of_a_class_of_one_and_of_equal_points():
    points = np.vstack([X, X[:6], X[:6], [[50.0, 0.0, 0.0, 0.0]]])
    labels = np.r_[Y, Y[:6], Y[:6], 3]
    learner = mc.learn.LFDA(2, k=1, embedding_type="plain").fit(points, labels)
    within, between = local_scatters(points, labels, 1)
    _, vectors = eigh(between, within)
    same_rows_up_to_sign(learner.components_, vectors.T[::-1][:2])


# ------------------------------------------------------------------------------------------ DMLMJ


def near_differences(points, labels, k):
    """Differences to the k nearest points of the own class, and of others."""
    D = ((points[:, None] - points) ** 2).sum(axis=2)
    np.fill_diagonal(D, np.inf)
    own, others = [], []
    for i in range(len(points)):
        same = np.where(labels == labels[i], D[i], np.inf)
        other = np.where(labels == labels[i], np.inf, D[i])
        own.append(points[i] - points[np.argsort(same)[:k]])
        others.append(points[i] - points[np.argsort(other)[:k]])
    return np.concatenate(own), np.concatenate(others)


@pytest.mark.parametrize("n_components", [None, 2])
def test_dmlmj_takes_the_largest_divergences(n_components):
    learner = mc.learn.DMLMJ(n_components, n_neighbors=4, alpha=0.01).fit(X, Y)
    P, N = (d.T @ d / len(d) for d in near_differences(X, Y, 4))
    P, N = (0.99 * S + 0.01 * np.trace(S) / 4 * np.eye(4) for S in (P, N))
    values, vectors = np.linalg.eig(np.linalg.solve(P, N))
    order = np.argsort(-(values + 1 / values))[:n_components]
    rows = vectors.T[order]
    rows = rows / np.sqrt(np.einsum("kd,de,ke->k", rows, P, rows))[:, None]
    same_rows_up_to_sign(learner.components_, rows)


# ------------------------------------------------------------------------------------------- GMML


def scatters_of_pairs(pairs, y):
    difference = pairs[:, 0] - pairs[:, 1]
    return [difference[y == sign].T @ difference[y == sign] for sign in (1, -1)]


@pytest.mark.parametrize("prior", ["identity", "covariance", np.diag([1.0, 2.0, 3.0, 4.0])])
def test_gmml_solves_its_equation(prior):
    """At t = 1/2 the mean is the one positive definite M with M S M = Q."""
    index, y = rows_of_tuples(2)
    learner = mc.learn.GMML(regularization=0.5, prior=prior).fit(X[index], y)
    M0 = {
        "identity": np.eye(4),
        "covariance": np.linalg.inv(np.cov(X[np.unique(index)], rowvar=False)),
    }.get(prior if isinstance(prior, str) else None, prior)
    S, Q = scatters_of_pairs(X[index], y)
    S, Q = S + 0.5 * np.linalg.inv(M0), Q + 0.5 * M0
    M = learner.get_mahalanobis_matrix()
    np.testing.assert_allclose(M @ S @ M, Q, rtol=1e-8, atol=1e-8 * np.abs(Q).max())
    assert np.linalg.eigvalsh(M).min() > 0


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_gmml_walks_the_geodesic(t):
    index, y = rows_of_tuples(2)
    learner = mc.learn.GMML(t, regularization=0.0).fit(X[index], y)
    S, Q = scatters_of_pairs(X[index], y)
    root = sqrtm(np.linalg.inv(S))
    middle = np.linalg.solve(root, np.linalg.solve(root, Q).T).T
    values, vectors = np.linalg.eigh((middle + middle.T) / 2)
    expected = root @ (vectors * values**t) @ vectors.T @ root
    np.testing.assert_allclose(learner.get_mahalanobis_matrix(), expected, rtol=1e-7, atol=1e-9)


def test_gmml_supervised_learns_from_drawn_pairs():
    learner = mc.learn.GMML_Supervised(n_constraints=30, random_state=2).fit(X, Y)
    order = np.argsort(Y, kind="stable")
    a, b, c, d = mc.learn.Constraints(Y[order]).positive_negative_pairs(30, random_state=2)
    pairs = X[order][np.r_[np.c_[a, b], np.c_[c, d]]]
    expected = mc.learn.GMML().fit(pairs, np.repeat([1, -1], 30))
    np.testing.assert_allclose(learner.components_, expected.components_, rtol=1e-8, atol=1e-10)
