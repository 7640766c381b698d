"""Distances from the mean as scikit-learn's outlier detector."""

import numpy as np
import pytest

import maha_core as mc

sklearn = pytest.importorskip("sklearn")
covariance = pytest.importorskip("sklearn.covariance")
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

pytestmark = pytest.mark.numpy_only


@pytest.fixture
def points():
    rng = np.random.default_rng(0)
    return rng.standard_normal((300, 4)) @ rng.standard_normal((4, 4)) + 100


@parametrize_with_checks([mc.learn.MahalanobisOutliers(level=0.5)])
def test_it_is_an_estimator_of_scikit_learn(estimator, check):
    check(estimator)


@parametrize_with_checks([mc.learn.MahalanobisOutliers(contamination=0.1)])
def test_with_a_share_of_outliers_too(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", ["EmpiricalCovariance", "LedoitWolf", "MinCovDet"])
def test_distances_are_scikit_learns(points, name):
    options = {"random_state": 0} if name == "MinCovDet" else {}
    theirs = getattr(covariance, name)(**options).fit(points)
    ours = mc.learn.MahalanobisOutliers(covariance=getattr(covariance, name)(**options)).fit(points)
    expected = theirs.mahalanobis(points)
    np.testing.assert_allclose(ours.mahalanobis(points), expected, rtol=1e-8)
    np.testing.assert_array_equal(ours.score_samples(points), -ours.mahalanobis(points))


def test_the_default_is_the_sample_covariance(points):
    exact = points.astype(np.longdouble)
    W = (exact - exact.mean(axis=0)).astype(float)
    S = np.cov(points.T)
    expected = np.einsum("ni,ij,nj->n", W, np.linalg.inv(S), W)
    found = mc.learn.MahalanobisOutliers().fit(points)
    np.testing.assert_allclose(found.mahalanobis(points), expected, rtol=1e-9)
    np.testing.assert_allclose(found.covariance_, S, rtol=1e-12)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.975])
def test_the_share_of_normal_points_that_are_flagged(level):
    """Binomial: within five standard deviations of 1 - level."""
    n, d = 20_000, 5
    X = np.random.default_rng(1).standard_normal((n, d))
    labels = mc.learn.MahalanobisOutliers(level=level).fit_predict(X)
    share, expected = np.mean(labels == -1), 1 - level
    assert abs(share - expected) < 5 * np.sqrt(expected * level / n)


def test_a_given_share_of_outliers(points):
    found = mc.learn.MahalanobisOutliers(contamination=0.1).fit(points)
    assert np.sum(found.predict(points) == -1) == 30
    assert ((found.decision_function(points) < 0) == (found.predict(points) == -1)).all()


def test_outliers_do_not_hide_from_a_robust_covariance():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.standard_normal((160, 2)), rng.standard_normal((40, 2)) * 0.1 + 8])
    robust = covariance.MinCovDet(support_fraction=0.6, random_state=0)
    labels = mc.learn.MahalanobisOutliers(covariance=robust, level=0.999).fit_predict(X)
    assert (labels[160:] == -1).all()
    assert np.mean(labels[:160] == 1) > 0.97


BAD = {
    "a constant column": (lambda X: np.concatenate([X, 0 * X[:, :1] + 7.7], axis=1), {}, "column"),
    "collinear columns": (lambda X: np.concatenate([X, X[:, :1]], axis=1), {}, "column"),
    "too few points": (lambda X: X[:3], {}, "3 points in 4 dimensions"),
    "one point": (lambda X: X[:1], {}, "minimum of 2"),
    "NaN": (lambda X: np.where(X[3, 2] == X, np.nan, X), {}, "NaN"),
    "infinity": (lambda X: np.where(X[3, 2] == X, np.inf, X), {}, "infinity"),
    "one axis": (lambda X: X[:, 0], {}, "2D array"),
    "text": (lambda X: [["a", "b"]] * 9, {}, "convert"),
    "level of 0": (lambda X: X, {"level": 0.0}, "level"),
    "level of 1": (lambda X: X, {"level": 1.0}, "level"),
    "level NaN": (lambda X: X, {"level": np.nan}, "level"),
    "level as text": (lambda X: X, {"level": "high"}, "level"),
    "contamination of 0": (lambda X: X, {"contamination": 0.0}, "contamination"),
    "contamination of 0.6": (lambda X: X, {"contamination": 0.6}, "contamination"),
    "contamination as text": (lambda X: X, {"contamination": "auto"}, "contamination"),
    "no estimator": (lambda X: X, {"covariance": 3}, "covariance"),
    "a matrix for an estimator": (lambda X: X, {"covariance": np.eye(4)}, "covariance"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(points, case):
    change, options, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        mc.learn.MahalanobisOutliers(**options).fit(change(points))


def test_points_of_another_width(points):
    with pytest.raises(ValueError, match="features"):
        mc.learn.MahalanobisOutliers().fit(points).predict(points[:, :2])


def test_arrays_of_another_library(points):
    strict = pytest.importorskip("array_api_strict")
    foreign = strict.asarray(points)
    with pytest.raises(TypeError, match="NumPy"):
        mc.learn.MahalanobisOutliers().fit(foreign)
    with pytest.raises(TypeError, match="NumPy"):
        mc.learn.MahalanobisOutliers().fit(points).predict(foreign)
