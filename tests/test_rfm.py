"""Recursive feature machines beside the published algorithm on whole matrices, and its promises."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
from scipy.linalg import LinAlgWarning
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.estimator_checks import parametrize_with_checks

import maha_core as mc
from learners import on_host
from maha_core.learn import RFM, KernelRidge, RFMClassifier, gradient_outer_product, kernel_system
from maha_core.learn.recursive_feature_machine import root

NOT_COPIES = "the median of drawn distances, and a drawn validation, know no weights"
EXPECTED_FAILURES = {"check_sample_weight_equivalence_on_dense_data": NOT_COPIES}


@parametrize_with_checks(
    [
        RFM(n_iter=2),
        RFM("gaussian", n_iter=2, validation_fraction=0.3, random_state=0),
        RFMClassifier(n_iter=2),
        RFMClassifier(n_iter=1, validation_fraction=0.3, random_state=0, diagonal=True),
    ],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
)
@pytest.mark.filterwarnings("default")
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def low_rank(n=400, d=20, seed=0):
    """Points, and a cubic target of two of the columns."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    return X, X[:, 0] * X[:, 1] + 0.3 * X[:, 0] ** 3


def several(n=60, d=4, seed=1):
    X, y = low_rank(n, d, seed)
    return X, np.stack([y, 10 * np.cos(X[:, 2])], axis=1)


# --------------------------------------------------------------------------- the algorithm itself


def distances(X, Y, M):
    difference = X[:, None, :] - Y[None, :, :]
    return np.sqrt(np.maximum(np.einsum("ijk,kl,ijl->ij", difference, M, difference), 0))


def laplace(X, Y, M, bandwidth):
    return np.exp(-distances(X, Y, M) / bandwidth)


def published(X, Y, *, bandwidth, ridge, n_iter, diagonal=False, centering=False):
    """The algorithm of Radhakrishnan et al. with the Laplace kernel, from whole arrays."""
    M = np.eye(X.shape[1])
    for iteration in range(n_iter + 1):
        K = laplace(X, X, M, bandwidth)
        dual = np.linalg.solve(K + ridge * np.eye(len(X)), Y)
        if iteration == n_iter:
            return M, dual
        R = distances(X, X, M)
        np.fill_diagonal(R, np.inf)
        slopes = -K / (bandwidth * R)
        difference = X[:, None, :] - X[None, :, :]
        G = np.einsum("ij,jc,ijk->ick", slopes, dual, difference) @ M
        if centering:
            G = G - G.mean(axis=0)
        M = np.einsum("ick,icl->kl", G, G)
        M = (np.diag(np.diag(M)) if diagonal else M) / np.diag(M).max()
    raise AssertionError


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_four_iterations_as_published(dtype):
    X, y = low_rank()
    new, truth = low_rank(100, seed=5)
    M, dual = published(X, y[:, None], bandwidth=5.0, ridge=1e-3, n_iter=4)
    error = np.mean((laplace(new, X, M, 5.0) @ dual[:, 0] - truth) ** 2)
    model = RFM(bandwidth=5.0, alpha=1e-3, n_iter=4).fit(X.astype(dtype), y.astype(dtype))
    predicted = model.predict(new.astype(dtype))
    assert predicted.dtype == dtype
    found = model.get_mahalanobis_matrix() * 25
    close = 1e-9 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(found, M, rtol=0, atol=close)
    assert np.mean((predicted - truth) ** 2) == pytest.approx(error, rel=100 * close)


def published_by_products(X, y, *, bandwidth, ridge, n_iter):
    """The same with one output in the dtype of X, distances by products and NaN masked."""
    n, M = len(X), np.eye(X.shape[1], dtype=X.dtype)
    for _ in range(n_iter):
        XM = X @ M
        squares = np.sum(XM * X, axis=1)
        R = np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * XM @ X.T, 0))
        K = np.exp(-R / X.dtype.type(bandwidth))
        dual = np.linalg.solve(K + X.dtype.type(ridge) * np.eye(n, dtype=X.dtype), y)
        with np.errstate(divide="ignore"):
            slopes = np.where(R > 0, -K / (X.dtype.type(bandwidth) * R), 0) * dual[None, :]
        G = (slopes.sum(axis=1, keepdims=True) * X - slopes @ X) @ M
        M = G.T @ G
        M /= np.diag(M).max()
    return M


def test_float32_is_nearer_to_float64_than_whole_matrices_of_float32():
    X, y = low_rank()
    of = {"bandwidth": 5.0, "ridge": 1e-3, "n_iter": 4}
    exact, _ = published(X, y[:, None], **of)
    np.testing.assert_allclose(published_by_products(X, y, **of), exact, atol=1e-8)
    narrow = X.astype(np.float32), y.astype(np.float32)
    theirs = abs(published_by_products(*narrow, **of) - exact).max()
    model = RFM(bandwidth=5.0, alpha=1e-3, n_iter=4).fit(*narrow)
    ours = abs(model.get_mahalanobis_matrix() * 25 - exact).max()
    assert ours < theirs / 2


@pytest.mark.parametrize("changes", [{"diagonal": True}, {"centering": True}])
def test_variants_of_several_outputs(changes, monkeypatch):
    monkeypatch.setattr(gradient_outer_product, "BYTES", 7 * 4 * 2 * 8)  # seven points at a time
    X, Y = several()
    M, dual = published(X, Y, bandwidth=3.0, ridge=0.01, n_iter=2, **changes)
    model = RFM(bandwidth=3.0, alpha=0.01, n_iter=2, **changes).fit(X, Y)
    np.testing.assert_allclose(9 * model.get_mahalanobis_matrix(), M, atol=1e-10)
    np.testing.assert_allclose(model.dual_coef_, dual, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kernel", ["gaussian", "matern32", "matern52"])
def test_the_matrix_is_that_of_finite_differences(kernel):
    """One step from the Euclidean metric: gradients are differences of predictions."""
    X, Y = several()
    before = RFM(kernel, n_iter=0, bandwidth=2.0, alpha=0.1).fit(X, Y)
    after = RFM(kernel, n_iter=1, bandwidth=2.0, alpha=0.1).fit(X, Y)
    step = 1e-5
    moves = step * np.eye(4)
    G = np.stack(
        [(before.predict(X + e) - before.predict(X - e)) / (2 * step) for e in moves], axis=2
    )
    M = np.einsum("ick,icl->kl", G, G)
    np.testing.assert_allclose(
        4 * after.get_mahalanobis_matrix(), M / np.diag(M).max(), rtol=1e-6, atol=1e-7
    )


def test_weights_are_copies():
    X, Y = several()
    weight = np.where(np.arange(60) < 15, 2.0, 1.0)
    model = RFM(bandwidth=3.0, alpha=0.1, n_iter=2, centering=True)
    copies = clone(model).fit(np.concatenate([X, X[:15]]), np.concatenate([Y, Y[:15]]))
    model.fit(X, Y, weight)
    np.testing.assert_allclose(model.predict(X), copies.predict(X), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(
        model.get_mahalanobis_matrix(), copies.get_mahalanobis_matrix(), atol=1e-9
    )


def test_conjugate_gradients_lead_to_the_same(monkeypatch):
    X, Y = several(200)
    model = RFM(bandwidth=3.0, alpha=0.1, n_iter=2, tol=1e-11)
    expected = clone(model).fit(X, Y)
    monkeypatch.setattr(kernel_system, "DIRECT", 0)
    found = model.fit(X, Y)
    np.testing.assert_allclose(found.predict(X), expected.predict(X), rtol=1e-7, atol=1e-7)


def test_on_every_library(library):
    X, Y = several()
    model = RFM(n_iter=2, alpha=0.1, validation_fraction=0.2, random_state=0)
    expected = clone(model).fit(X, Y)
    given = library.arrays(X, Y, np.ones(60))
    found = clone(model).fit(*given)
    predicted = on_host(found.predict(given[0]))
    np.testing.assert_allclose(predicted, expected.predict(X), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(found.feature_importances_, expected.feature_importances_, atol=1e-9)
    assert found.best_iter_ == expected.best_iter_
    assert found.score(given[0], given[1]) == pytest.approx(expected.score(X, Y))


@pytest.mark.parametrize("classes", [2, 3])
def test_classes_on_every_library(library, classes):
    X, y = load_wine(return_X_y=True)
    X, y = scale(X)[::2], np.minimum(y, classes - 1)[::2]
    model = RFMClassifier(n_iter=1, bandwidth=4.0)
    expected = clone(model).fit(X, y)
    given = library.arrays(X, y)
    found = clone(model).fit(*given)
    np.testing.assert_array_equal(on_host(found.predict(given[0])), y)
    np.testing.assert_allclose(
        on_host(found.decision_function(given[0])), expected.decision_function(X), atol=1e-8
    )
    assert found.score(*given) == 1


# -------------------------------------------------------------------------- what is kept, and when


def test_what_does_not_matter_is_found():
    X, y = low_rank()
    model = RFM(random_state=0).fit(X, y)
    new, truth = low_rank(300, seed=7)
    assert model.feature_importances_[:2].sum() > 0.95
    assert model.feature_importances_.sum() == pytest.approx(1)
    ridge = RFM(n_iter=0, random_state=0).fit(X, y)
    assert model.score(new, truth) > 0.85 > 0.5 > ridge.score(new, truth)


def test_no_iteration_is_kernel_ridge():
    X, Y = several()
    metric = mc.Diagonal(np.full(4, 1 / 9))
    expected = KernelRidge("laplace", metric=metric, alpha=0.1).fit(X, Y)
    found = RFM(n_iter=0, bandwidth=3.0, alpha=0.1).fit(X, Y)
    np.testing.assert_allclose(found.dual_coef_, expected.dual_coef_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.predict(X), expected.predict(X), rtol=1e-9)


def test_bandwidths_of_the_median():
    X, y = low_rank(200, 5)
    apart = np.triu_indices(200, 1)
    euclidean = np.median(distances(X, X, np.eye(5))[apart])
    kept = RFM(n_iter=1).fit(X, y)
    assert kept.bandwidth_ == pytest.approx(euclidean)
    renewed = RFM(n_iter=1, renew_bandwidth=True).fit(X, y)
    M = renewed.get_mahalanobis_matrix() * renewed.bandwidth_**2
    assert renewed.bandwidth_ == pytest.approx(np.median(distances(X, X, M)[apart]))
    assert renewed.bandwidth_ < 0.8 * kept.bandwidth_


def test_the_best_iteration_is_kept_and_all_points_are_fitted():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 6))
    y = np.sin(X.sum(axis=1)) + rng.standard_normal(80)  # noise, which later iterations fit
    model = RFM(n_iter=8, alpha=1e-6, validation_fraction=0.3, n_iter_no_change=2, random_state=3)
    model.fit(X, y)
    scores = model.validation_scores_
    assert len(scores) == model.n_iter_ + 1
    assert model.best_iter_ == int(np.argmin(scores))
    assert model.n_iter_ == min(8, model.best_iter_ + 2)
    assert model.X_fit_.shape == (80, 6)
    K = mc.kernel_matrix(mc.kernels.Laplace(), X, metric=model.metric_)
    left = y - K @ model.dual_coef_ - 1e-6 * model.dual_coef_
    assert np.linalg.norm(left) < 1e-8 * np.linalg.norm(y)


def test_validation_scores_are_errors_of_the_points_left_out():
    X, y = low_rank(100, 4)
    model = RFM(n_iter=1, bandwidth=3.0, validation_fraction=0.25, random_state=5).fit(X, y)
    order = np.random.RandomState(5).permutation(100)
    out, rest = np.sort(order[:25]), np.sort(order[25:])
    alone = RFM(n_iter=0, bandwidth=3.0).fit(X[rest], y[rest])
    expected = np.mean((alone.predict(X[out]) - y[out]) ** 2)
    assert model.validation_scores_[0] == pytest.approx(expected)


# --------------------------------------------------------------------------------- good company


def test_in_a_pipeline_and_a_search():
    X, y = load_diabetes(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), RFM(n_iter=1, random_state=0))
    search = GridSearchCV(pipeline, {"rfm__alpha": [0.1, 1.0, 10.0]}, cv=2)
    assert search.fit(X[:200], y[:200]).best_score_ > 0.3
    X, y = load_wine(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), RFMClassifier(n_iter=2, random_state=0))
    assert cross_val_score(pipeline, X, np.array(["a", "b", "c"])[y], cv=3).mean() > 0.95


def test_points_in_the_learned_metric():
    X, y = low_rank(150, 6)
    model = RFM("gaussian", n_iter=2, alpha=0.1).fit(X, y)
    Z = model.transform(X)
    K = np.exp(-((Z[:, None] - Z[None]) ** 2).sum(axis=-1) / 2)
    np.testing.assert_allclose(model.predict(X), K @ model.dual_coef_, rtol=1e-8, atol=1e-9)
    lengths = np.linalg.norm(model.components_, axis=1)
    assert (np.diff(lengths) <= 0).all()


# --------------------------------------------------------------------------- categorical columns


def with_categories(n=150, seed=0):
    """Two columns of numbers, and between them one of categories, on which the target depends."""
    rng = np.random.default_rng(seed)
    numbers, codes = rng.standard_normal((n, 2)), rng.integers(0, 4, n)
    X = np.column_stack([numbers[:, 0], codes, numbers[:, 1]])
    return X, np.sin(X[:, 0]) + np.array([0.0, 3.0, -2.0, 3.0])[codes]


def one_hot(X):
    return np.column_stack([X[:, 1:2] == np.arange(4), X[:, 0], X[:, 2]]).astype(X.dtype)


@pytest.mark.parametrize("given", [[1], [False, True, False], np.array([1]), [1, 1]])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_categorical_columns_are_blocks(given, dtype):
    X, y = with_categories()
    X, y = X.astype(dtype), y.astype(dtype)
    model = RFM(n_iter=2, bandwidth=2.0, alpha=0.1)
    expected = clone(model).fit(one_hot(X), y)
    found = clone(model).set_params(categorical_features=given).fit(X, y)
    assert found.predict(X).dtype == dtype
    np.testing.assert_array_equal(found.predict(X), expected.predict(one_hot(X)))
    np.testing.assert_array_equal(found.transform(X), expected.transform(one_hot(X)))
    block = expected.feature_importances_[:4].sum()
    importances = [expected.feature_importances_[4], block, expected.feature_importances_[5]]
    np.testing.assert_allclose(found.feature_importances_, importances)
    assert found.n_features_in_ == 3
    pairs = np.stack([X[:5], X[5:10]], axis=1)
    np.testing.assert_allclose(
        found.pair_distance(pairs),
        np.linalg.norm(found.transform(X[:5]) - found.transform(X[5:10]), axis=1),
    )


def test_names_and_strings_of_a_data_frame():
    pandas = pytest.importorskip("pandas")
    X, y = with_categories()
    frame = pandas.DataFrame(
        {"a": X[:, 0], "kind": np.array(["p", "q", "r", "s"])[X[:, 1].astype(int)], "b": X[:, 2]}
    )
    model = RFM(n_iter=1, bandwidth=2.0, alpha=0.1)
    expected = clone(model).set_params(categorical_features=[1]).fit(X, y)
    found = clone(model).set_params(categorical_features=["kind"]).fit(frame, y)
    np.testing.assert_allclose(found.predict(frame), expected.predict(X), rtol=1e-12)
    assert list(found.feature_names_in_) == ["a", "kind", "b"]
    new = frame[:3].assign(kind="unknown")
    assert np.isfinite(found.predict(new)).all()
    with pytest.raises(ValueError, match="feature names"):
        found.predict(frame.rename(columns={"a": "c"}))


def test_categories_of_a_classifier():
    X, y = with_categories()
    model = RFMClassifier(n_iter=1, categorical_features=[1], random_state=0).fit(X, y > 1)
    assert model.score(X, y > 1) > 0.95
    np.testing.assert_array_equal(clone(model).fit(X, y > 1).predict(X), model.predict(X))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([3], "has 3; X has columns 0 to 2"),
        ([-1], "has -1; X has columns 0 to 2"),
        ([0.5], "has 0.5; X has columns"),
        ([True, False], r"mask of shape \(2,\); X has 3 columns"),
        (["kind"], "has 'kind'; X is no DataFrame"),
    ],
)
def test_categorical_columns_that_are_not_there(given, message):
    X, y = with_categories()
    with pytest.raises(ValueError, match=message):
        RFM(categorical_features=given).fit(X, y)


def test_categories_of_other_libraries_are_refused():
    torch = pytest.importorskip("torch")
    X, y = (torch.asarray(each) for each in with_categories())
    with pytest.raises(TypeError, match="convert X to a NumPy array"):
        RFM(categorical_features=[1]).fit(X, y)


# ------------------------------------------------------------------------------- awkward points


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e6, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_targets_on_any_scale(scale, dtype):
    X, y = low_rank(80, 4)
    model = RFM(n_iter=2, alpha=0.1)
    expected = clone(model).fit(X, y)
    found = clone(model).fit(X.astype(dtype), (scale * y).astype(dtype))
    close = 1e-4 if dtype == np.float32 else 1e-9
    np.testing.assert_allclose(
        found.predict(X.astype(dtype)).astype(np.float64) / scale, expected.predict(X), atol=close
    )
    np.testing.assert_allclose(
        found.feature_importances_, expected.feature_importances_, atol=close
    )


@pytest.mark.parametrize("kernel", ["laplace", "gaussian"])
def test_equal_points_and_constant_columns(kernel):
    """A copy is like a weight; a constant column counts for nothing, however large it is."""
    X, y = low_rank(60, 3)
    model = RFM(kernel, n_iter=2, bandwidth=2.0, alpha=0.1)
    expected = clone(model).fit(X, y, np.full(60, 2.0))
    constant = np.column_stack([X, np.full(60, 1e3)])
    found = model.fit(np.concatenate([constant, constant]), np.concatenate([y, y]))
    np.testing.assert_allclose(found.predict(constant), expected.predict(X), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found.feature_importances_[3], 0, atol=1e-20)


def test_a_column_in_small_units_is_no_rounding():
    """M's entry of a column of 1e9 is 1e-18 of others: a root by eigenvalues would lose it."""
    X, y = low_rank(80, 3)
    units = np.array([1e7, 1.0, 1.0])
    model = RFM(n_iter=1, bandwidth=2.0, alpha=0.1, diagonal=True).fit(X, y)
    A = np.asarray(model.components_)
    M = (A.T @ A) / np.outer(units, units)
    B = root(M)
    Z, expected = (X * units) @ B.T, X @ A.T
    np.testing.assert_allclose(np.sum(Z**2, axis=1), np.sum(expected**2, axis=1), rtol=1e-6)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_targets_that_are_all_one_number(value):
    X, _ = low_rank(30, 3)
    model = RFM(alpha=1e-6, n_iter=2).fit(X, np.full(30, value))
    np.testing.assert_allclose(model.predict(X), value, atol=1e-4)


def test_points_that_are_all_one_point():
    model = RFM(alpha=0.5, n_iter=2).fit(np.ones((6, 3)), np.arange(6.0))
    np.testing.assert_allclose(model.predict(np.ones((2, 3))), 15 / 6.5)


def test_equal_points_without_a_ridge_are_warned_of():
    X, y = low_rank(30, 3)
    with pytest.warns(LinAlgWarning, match="RFM met a singular matrix"):
        model = RFM(alpha=0.0, n_iter=1).fit(np.concatenate([X, X]), np.concatenate([y, y]))
    np.testing.assert_allclose(model.predict(X), y, atol=1e-5)


# ------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("kernel", "cosine"),
        ("kernel", mc.kernels.Laplace),
        ("n_iter", -1),
        ("n_iter", 1.5),
        ("alpha", -0.1),
        ("bandwidth", "mean"),
        ("bandwidth", 0.0),
        ("bandwidth", np.inf),
        ("renew_bandwidth", "yes"),
        ("diagonal", 2),
        ("centering", None),
        ("categorical_features", "kind"),
        ("validation_fraction", 1.0),
        ("validation_fraction", 0.0),
        ("n_iter_no_change", 0),
        ("tol", 0.0),
        ("max_iter", 0),
        ("random_state", "seed"),
    ],
)
@pytest.mark.parametrize("kind", [RFM, RFMClassifier])
def test_bad_parameters(kind, parameter, value):
    X, y = low_rank(20, 3)
    with pytest.raises(InvalidParameterError, match=f"'{parameter}' parameter") as raised:
        kind(**{parameter: value}).fit(X, y > 0)
    assert type(raised.value) is InvalidParameterError


def test_a_validation_that_leaves_nothing():
    X, y = low_rank(3, 3)
    with pytest.raises(ValueError, match="validation_fraction=0.9 of 3 points leaves none"):
        RFM(validation_fraction=0.9).fit(X, y)


def test_one_class_is_refused():
    X, _ = low_rank(20, 3)
    with pytest.raises(ValueError, match="number of classes"):
        RFMClassifier().fit(X, np.ones(20, dtype=int))
