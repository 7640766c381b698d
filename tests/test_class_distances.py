"""Distances to classes, and scores of what belongs to none."""

import numpy as np
import pytest

import maha_core as mc

pytest.importorskip("sklearn")
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.utils.estimator_checks import parametrize_with_checks

WAYS = ["tied", "own"]


def drawn():
    rng = np.random.default_rng(0)
    y = np.repeat([3, 1, 7], [30, 40, 50])
    spread = {3: [1.0, 2.0, 1.0], 1: [3.0, 1.0, 1.0], 7: [1.0, 1.0, 0.5]}
    X = np.stack([rng.standard_normal(3) * spread[label] + 2.0 * label for label in y])
    return X, y


def exact(X, y, points, covariance):
    """Return the squared distances, by inverses of covariances."""
    X, points = X.astype(np.longdouble), points.astype(np.longdouble)
    found, classes = [], np.unique(y)
    means = [X[y == c].mean(axis=0) for c in classes]
    residuals = np.concatenate([X[y == c] - mean for c, mean in zip(classes, means, strict=True)])
    for c, mean in zip(classes, means, strict=True):
        W = residuals if covariance == "tied" else X[y == c] - mean
        S = (W.T @ W) / (len(W) - 1)
        delta = points - mean
        found.append(
            (delta * np.linalg.solve(S.astype(float), delta.T.astype(float)).T).sum(axis=1)
        )
    return np.stack(found, axis=1).astype(float)


def background(X, points):
    delta = points - X.mean(axis=0)
    return (delta * np.linalg.solve(np.cov(X.T), delta.T).T).sum(axis=1)


@pytest.mark.numpy_only
@parametrize_with_checks([mc.learn.ClassDistances(ridge=1e-3)])
def test_it_is_an_estimator_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("covariance", WAYS)
def test_distances_and_scores(library, covariance):
    if library.name == "dask":
        pytest.skip("arrays in memory")
    X, y = drawn()
    points = np.random.default_rng(1).standard_normal((11, 3)) * 5
    found = mc.learn.ClassDistances(covariance=covariance).fit(*library.arrays(X, y))
    expected = exact(X, y, points, covariance)
    given = library.array(points)
    np.testing.assert_allclose(library.numpy(found.sqdist(given)), expected, rtol=1e-10)
    scores = library.numpy(found.score_samples(given))
    np.testing.assert_allclose(scores, -expected.min(axis=1), rtol=1e-10)
    relative = library.numpy(found.relative_score(given))
    worst = -(expected - background(X, points)[:, None]).min(axis=1)
    np.testing.assert_allclose(relative, worst, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(found.predict(given), np.unique(y)[expected.argmin(axis=1)])


@pytest.mark.numpy_only
def test_classes_are_those_of_linear_discriminant_analysis():
    X, y = drawn()
    points = np.random.default_rng(1).standard_normal((500, 3)) * 10
    lda = LinearDiscriminantAnalysis(solver="lsqr", priors=[1 / 3] * 3).fit(X, y)
    found = mc.learn.ClassDistances().fit(X, y).predict(points)
    assert np.mean(found == lda.predict(points)) > 0.99  # which weighs the classes' covariances


@pytest.mark.numpy_only
def test_a_ridge_serves_classes_of_few_points():
    X, y = drawn()
    few = np.concatenate([X[:2], X[30:]]), np.concatenate([y[:2], y[30:]])
    with pytest.raises(ValueError, match="ridge"):
        mc.learn.ClassDistances(covariance="own").fit(*few)
    found = mc.learn.ClassDistances(covariance="own", ridge=0.1).fit(*few)
    assert np.isfinite(found.sqdist(X)).all()


@pytest.mark.numpy_only
def test_names_of_classes_are_kept():
    X, y = drawn()
    names = np.array(["a", "b", "c"])[np.unique(y, return_inverse=True)[1]]
    assert set(mc.learn.ClassDistances().fit(X, names).predict(X)) == {"a", "b", "c"}


X, Y = drawn()
BAD = {
    "one class": (X, 0 * Y, {}, ValueError, "class"),
    "a class of one point": (X[:31], Y[:31], {"covariance": "own"}, ValueError, "one point"),
    "collinear": (np.concatenate([X, X[:, :1]], 1), Y, {}, ValueError, "column"),
    "constant": (np.concatenate([X, X[:, :1] * 0 + 7.7], 1), Y, {}, ValueError, "column"),
    "fewer labels": (X, Y[:5], {}, ValueError, "inconsistent"),
    "no labels": (X, None, {}, ValueError, "y"),
    "real labels": (X, Y + 0.5, {}, ValueError, "label type"),
    "NaN": (np.where(X[3, 2] == X, np.nan, X), Y, {}, ValueError, "NaN"),
    "infinity": (np.where(X[3, 2] == X, np.inf, X), Y, {}, ValueError, "infinity"),
    "one axis": (X[:, 0], Y, {}, ValueError, "2D array"),
    "one point": (X[:1], Y[:1], {}, ValueError, "minimum of 2"),
    "unknown covariance": (X, Y, {"covariance": "full"}, ValueError, "covariance"),
    "negative ridge": (X, Y, {"ridge": -1.0}, ValueError, "ridge"),
    "ridge NaN": (X, Y, {"ridge": np.nan}, ValueError, "ridge"),
    "ridge as text": (X, Y, {"ridge": "much"}, ValueError, "ridge"),
    "text": ([["a", "b"]] * 3, [0, 1, 1], {}, ValueError, "convert"),
}


@pytest.mark.numpy_only
@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    points, labels, options, error, message = BAD[case]
    with pytest.raises(error, match=message):
        mc.learn.ClassDistances(**options).fit(points, labels)


@pytest.mark.numpy_only
def test_dask_arrays_are_refused():
    da = pytest.importorskip("dask.array")
    with pytest.raises(TypeError, match="compute"):
        mc.learn.ClassDistances().fit(da.from_array(X), da.from_array(Y))


@pytest.mark.numpy_only
@pytest.mark.parametrize("method", ["sqdist", "score_samples", "relative_score", "predict"])
def test_points_of_another_width(method):
    with pytest.raises(ValueError, match="features"):
        getattr(mc.learn.ClassDistances().fit(X, Y), method)(X[:, :2])
