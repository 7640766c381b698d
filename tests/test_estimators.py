"""The estimators of maha_core.learn: what scikit-learn asks of any, and what ours promise."""

import pickle
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier, NeighborhoodComponentsAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.utils.estimator_checks import parametrize_with_checks

import maha_core as mc
from learners import fitted, on_host

NOT_COPIES = (
    "in a leave-one-out loss a copied point is a neighbour at distance 0, so that a weight of 2 "
    "is not two copies"
)
EXPECTED_FAILURES = {"check_sample_weight_equivalence_on_dense_data": NOT_COPIES}
LEARNERS = {"MLKR": mc.learn.MLKR, "NCA": mc.learn.NCA, "LMNN": mc.learn.LMNN}


@pytest.fixture(params=LEARNERS)
def learner(request):
    """An estimator that stops early, which is warned of; the tests here do not mind."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield LEARNERS[request.param](max_iter=5)


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return scale(X), y


@parametrize_with_checks(
    [kind(max_iter=20) for kind in LEARNERS.values()],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
)
@pytest.mark.filterwarnings("default")
def test_scikit_learn_checks(estimator, check):
    check(estimator)


# ------------------------------------------------------------------------------------ good company


def test_in_a_pipeline(learner, iris):
    scores = make_pipeline(StandardScaler(), learner, KNeighborsClassifier(3)).fit(*iris)
    assert scores.score(*iris) > 0.9


def test_in_a_grid_search(learner, iris):
    pipeline = make_pipeline(learner, KNeighborsClassifier(3))
    name = type(learner).__name__.lower()
    search = GridSearchCV(pipeline, {f"{name}__n_components": [1, 2]}, cv=2).fit(*iris)
    assert search.best_params_[f"{name}__n_components"] in (1, 2)
    assert search.best_score_ > 0.8


def test_clone_and_pickle(learner, iris):
    fitted = learner.fit(*iris)
    assert clone(fitted).get_params() == fitted.get_params()
    assert not hasattr(clone(fitted), "components_")
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(iris[0]), fitted.transform(iris[0]))
    np.testing.assert_array_equal(again.metric_.parameter, fitted.metric_.parameter)


def test_names_of_the_output(learner, iris):
    name = type(learner).__name__.lower()
    names = learner.set_params(n_components=2).fit(*iris).get_feature_names_out()
    assert names.tolist() == [f"{name}0", f"{name}1"]


def test_set_output(learner, iris):
    pandas = pytest.importorskip("pandas")
    frame = learner.set_output(transform="pandas").fit_transform(
        pandas.DataFrame(iris[0], columns=list("abcd")), iris[1]
    )
    assert frame.columns.tolist() == learner.get_feature_names_out().tolist()
    assert learner.feature_names_in_.tolist() == list("abcd")


def test_nothing_of_scikit_learn_is_loaded_before_it_is_needed():
    code = (
        "import sys, maha_core\n"
        "assert not {'sklearn', 'scipy'} & set(sys.modules)\n"
        "maha_core.learn\n"
        "assert 'sklearn' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'learned'"):
        mc.learned  # noqa: B018


# -------------------------------------------------------------------------------- learned distances


def test_every_way_to_the_learned_distance_agrees(learner, iris):
    X, y = iris
    learner.fit(X, y)
    Z = learner.transform(X)
    expected = np.linalg.norm(Z[:5] - Z[5:10], axis=1)
    pairs = np.stack([X[:5], X[5:10]], axis=1)
    np.testing.assert_allclose(learner.pair_distance(pairs), expected, rtol=1e-10)
    np.testing.assert_allclose(learner.pair_score(pairs), -expected, rtol=1e-10)
    np.testing.assert_allclose([learner.get_metric()(u, v) for u, v in pairs], expected, rtol=1e-10)
    M = learner.get_mahalanobis_matrix()
    difference = X[:5] - X[5:10]
    np.testing.assert_allclose(
        np.sqrt(np.sum((difference @ M) * difference, axis=1)), expected, rtol=1e-10
    )
    np.testing.assert_allclose(
        mc.dist(X, metric=learner.metric_)[range(5), range(5, 10)], expected, rtol=1e-10
    )


@pytest.mark.parametrize("shape", [(5, 4), (5, 3, 4), (5, 2, 3)])
def test_pairs_of_another_shape_are_refused(learner, iris, shape):
    learner.fit(*iris)
    with pytest.raises(ValueError, match=r"asks for \(n_pairs, 2, 4\)"):
        learner.pair_distance(np.zeros(shape))


@pytest.mark.parametrize("method", ["transform", "pair_distance"])
def test_what_was_not_fitted_says_so(learner, method):
    with pytest.raises(NotFittedError):
        getattr(learner, method)(np.zeros((3, 2, 4)))


def test_float32_stays_float32(learner, iris):
    X = iris[0].astype(np.float32)
    Z = learner.fit(X, iris[1]).transform(X)
    assert (Z.dtype, learner.components_.dtype) == (np.float32, np.float32)


@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "float32")])
@pytest.mark.parametrize("name", LEARNERS)
def test_points_of_another_dtype_come_later(name, dtypes, iris):
    X, y = iris[0].astype(dtypes[0]), iris[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        learner = LEARNERS[name](2, init="pca") if name != "LMNN" else mc.learn.LMNN(3, 2)
        learner.set_params(max_iter=3).fit(X, y)
    later = X.astype(dtypes[1])
    np.testing.assert_allclose(learner.transform(later), learner.transform(X), rtol=1e-4, atol=1e-4)
    pairs = np.stack([X[:5], X[60:65]], axis=1)
    np.testing.assert_allclose(
        learner.pair_distance(pairs.astype(dtypes[1])), learner.pair_distance(pairs), rtol=1e-4
    )
    if name == "MLKR":
        np.testing.assert_allclose(learner.predict(later), learner.predict(X), rtol=1e-3, atol=1e-3)


# --------------------------------------------------------------------------------- initializations


def rows_up_to_sign(A):
    largest = np.take_along_axis(A, np.argmax(np.abs(A), axis=1)[:, None], axis=1)
    return A * np.sign(largest)


def first_parameter(learner, X, y):
    """The parameter of the first evaluation, seen from outside: one step cannot go far."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return learner.set_params(max_iter=1, tol=1e30).fit(X, y).components_


@pytest.mark.parametrize("n_components", [1, 2, 3])
def test_pca_and_lda_are_scikit_learns(n_components):
    X, y = load_wine(return_X_y=True)
    X = scale(X)
    X[:, 0] = 1.0  # a constant feature, which neither minds
    from maha_core.learn.data import classification
    from maha_core.learn.initialization import initial

    data = classification(mc.learn.NCA(), X, y, None)
    pca = PCA(n_components).fit(X).components_
    np.testing.assert_allclose(
        rows_up_to_sign(initial(data, "pca", n_components, None)), rows_up_to_sign(pca), atol=1e-8
    )
    if n_components <= 2:
        lda = LinearDiscriminantAnalysis().fit(X, y).scalings_.T[:n_components]
        ours = initial(data, "lda", n_components, None)
        ratio = np.linalg.norm(lda) / np.linalg.norm(ours)  # versions of it scale by n or n - C
        assert ratio == pytest.approx(1, rel=0.02)
        np.testing.assert_allclose(rows_up_to_sign(ours) * ratio, rows_up_to_sign(lda), atol=1e-8)


def test_lda_of_any_array(library, iris):
    from maha_core.learn.data import classification
    from maha_core.learn.initialization import lda

    X, y = iris[0], 7 - 2 * iris[1]
    expected = lda(classification(mc.learn.NCA(), X, y, None))
    found = lda(classification(mc.learn.NCA(), *library.arrays(X, y), None))
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)


def test_lda_holds_no_array_of_points_by_classes():
    tracemalloc = pytest.importorskip("tracemalloc")
    from maha_core.learn.data import classification
    from maha_core.learn.initialization import lda

    data = classification(mc.learn.NCA(), *many_classes(), None)
    tracemalloc.start()
    lda(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4000 * 2000


def many_classes():
    """4000 points of 2000 classes."""
    return np.random.default_rng(0).standard_normal((4000, 3)), np.arange(4000) % 2000


def test_the_start_that_auto_chooses(iris):
    X, y = iris
    for n_components, init in [(1, "lda"), (2, "lda"), (3, "pca"), (4, "identity")]:
        results = [
            first_parameter(mc.learn.NCA(n_components, init=name), X, y) for name in ("auto", init)
        ]
        np.testing.assert_array_equal(*results)


def test_random_starts_are_the_random_states(iris):
    results = [
        first_parameter(mc.learn.NCA(2, init="random", random_state=seed), *iris)
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(results[0], results[1])
    assert not np.allclose(results[0], results[2])


def test_warm_start_goes_on(iris):
    X, y = iris
    whole, halves = mc.learn.NCA(2, max_iter=8), mc.learn.NCA(2, max_iter=4, warm_start=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        first = halves.fit(X, y).loss_
        second = halves.fit(X, y).loss_
        assert second < first
        assert halves.n_iter_ == 4
        whole.fit(X, y)
        with pytest.raises(ValueError, match="does not match the input dimensionality"):
            halves.fit(X[:, :3], y)


# ----------------------------------------------------------------------------- beside scikit-learn


@pytest.mark.parametrize("init", ["pca", "identity"])
def test_nca_walks_the_path_of_scikit_learns(init):
    X, y = load_wine(return_X_y=True)
    X = scale(X)
    paths = {}
    for kind in (mc.learn.NCA, NeighborhoodComponentsAnalysis):
        steps = paths[kind] = []
        learner = kind(
            3, init=init, max_iter=10, callback=lambda A, _, steps=steps: steps.append(A.copy())
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            learner.fit(X, y)
    ours, theirs = (
        [rows_up_to_sign(A.reshape(-1, X.shape[1])) for A in path] for path in paths.values()
    )
    assert len(ours) == len(theirs) == 10
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


# ------------------------------------------------------------------------------------------- MLKR


def test_mlkr_predicts_the_softmax_mean():
    X, y = load_diabetes(return_X_y=True)
    X = scale(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        learner = mc.learn.MLKR(2, max_iter=5).fit(X[:300], y[:300])
    Z, Z_train = learner.transform(X[300:]), learner.transform(X[:300])
    D = ((Z[:, None, :] - Z_train) ** 2).sum(axis=2)
    weights = np.exp(-D)
    expected = weights @ y[:300] / weights.sum(axis=1)
    np.testing.assert_allclose(learner.predict(X[300:]), expected, rtol=1e-9)
    residual = ((y[300:] - expected) ** 2).sum() / ((y[300:] - y[300:].mean()) ** 2).sum()
    assert learner.score(X[300:], y[300:]) == pytest.approx(1 - residual)


def test_mlkrs_penalty_holds_the_metric_back():
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X), scale(y)
    free, held = (mc.learn.MLKR(alpha=alpha, max_iter=500).fit(X, y) for alpha in (0.1, 20.0))
    assert np.linalg.norm(held.components_) < 0.5 * np.linalg.norm(free.components_)
    value, _ = mc.value_and_grad(mc.losses.MLKR(y), X, metric=held.metric_)
    assert held.loss_ == pytest.approx(float(value) + 20.0 * np.sum(held.components_**2))
    assert held.score(X[::2], y[::2]) < free.score(X[::2], y[::2])  # of points that both have seen


def test_ncas_penalty_pulls_as_hard_as_the_votes():
    X, y = load_iris(return_X_y=True)
    X, alpha = scale(X), 0.3
    free, held = (mc.learn.NCA(alpha=a, max_iter=500, tol=1e-10).fit(X, y) for a in (0.0, alpha))
    value, gradient = mc.value_and_grad(mc.losses.NCA(y), X, metric=held.metric_)
    A = held.components_
    np.testing.assert_allclose(gradient.metric, -2 * alpha * A, atol=1e-3 * np.abs(A).max())
    assert held.loss_ == pytest.approx(float(value) + alpha * np.sum(A**2))
    assert np.linalg.norm(A) < 0.5 * np.linalg.norm(free.components_)


def test_mlkr_predicts_in_blocks():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 2)), rng.random(60)
    learner = mc.learn.MLKR(max_iter=1000).fit(X, y)
    whole = learner.predict(X)
    with mc.options(tile_bytes=200):
        np.testing.assert_allclose(learner.predict(X), whole)


def test_mlkr_far_from_every_training_point_takes_the_nearest():
    X, y = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 2.0, 4.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        learner = mc.learn.MLKR(init=np.eye(1), max_iter=1).fit(X, y)
    assert learner.predict([[1e6]]) == pytest.approx(4.0)


# ------------------------------------------------------------------------------------------- LMNN


def test_lmnn_brings_the_loss_down_and_refreshes_its_targets(iris):
    X, y = iris
    start = mc.losses.LMNN(y, mc.target_neighbors(X, y, k=3))
    before, _ = mc.value_and_grad(start, X, metric=mc.Factor(np.eye(4)))
    once = mc.learn.LMNN(3, init="identity").fit(X, y)
    twice = mc.learn.LMNN(3, init="identity", n_refreshes=1).fit(X, y)
    assert once.loss_ < 0.7 * float(before)
    targets = mc.target_neighbors(X, y, k=3, metric=once.metric_)
    refreshed, _ = mc.value_and_grad(mc.losses.LMNN(y, targets), X, metric=once.metric_)
    assert twice.loss_ <= float(refreshed)
    assert twice.n_iter_ > once.n_iter_


# --------------------------------------------------------------------------------------- all arrays


@pytest.mark.parametrize("name", LEARNERS)
def test_any_array_is_learned_from_where_it_is(library, iris, name):
    X, y = iris[0][::3], iris[1][::3]
    learner = LEARNERS[name](n_components=2, init="pca", max_iter=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        expected = clone(learner).fit(X, y)
        y = y.astype(float) if name == "MLKR" else y
        weights = library.array(np.ones(len(y)))
        learner.fit(*library.arrays(X, y), sample_weight=weights)
    components = _computed(library, learner.components_)
    np.testing.assert_allclose(components, expected.components_, rtol=1e-6, atol=1e-8)
    Z = library.numpy(learner.transform(library.array(X)))
    np.testing.assert_allclose(Z, X @ components.T, rtol=1e-10, atol=1e-12)
    pairs = library.array(np.stack([X[:5], X[5:10]], axis=1))
    np.testing.assert_allclose(
        library.numpy(learner.pair_distance(pairs)), np.linalg.norm(Z[:5] - Z[5:10], axis=1)
    )
    if name == "MLKR":
        predicted = learner.predict(library.array(X))
        np.testing.assert_allclose(_computed(library, predicted), expected.predict(X), rtol=1e-6)
        score = learner.score(*library.arrays(X, y), sample_weight=weights)
        assert score == pytest.approx(expected.score(X, y), rel=1e-6)


def _computed(library, array):
    """Return an estimator's own array in NumPy: of X's library, and computed where X is lazy."""
    return np.asarray(array) if library.lazy else library.numpy(array)


@pytest.mark.parametrize("name", LEARNERS)
def test_targets_and_weights_follow_the_points(name, library, iris):
    """scikit-learn's rule for arrays: everything follows X."""
    if library.lazy:
        pytest.skip("beside Dask arrays those of the chunks' library are taken as they are")
    few = np.r_[0:20, 50:70]
    weight = np.linspace(0.5, 1.5, 40)
    X, y = iris[0][few], iris[1][few].astype(float if name == "MLKR" else int)
    learner = LEARNERS[name](init="identity", max_iter=3)
    expected = fitted(learner, *library.arrays(X, y, weight)).components_
    found = fitted(learner, library.array(X), y, weight).components_
    np.testing.assert_array_equal(library.numpy(found), library.numpy(expected))
    if name == "NCA" and library.name in ("torch", "jax", "strict"):
        back = fitted(learner, X, *library.arrays(y, weight)).components_
        assert type(back) is np.ndarray
        np.testing.assert_allclose(back, library.numpy(expected), rtol=1e-8)


@pytest.mark.parametrize("name", LEARNERS)
def test_points_of_another_library_that_are_not_finite(name):
    strict = pytest.importorskip("array_api_strict")
    X = strict.asarray(np.array([[np.nan, 1.0], [0.0, 1.0], [3.0, 2.0]]))
    with pytest.raises(ValueError, match="X contains NaN or infinity"):
        LEARNERS[name]().fit(X, strict.asarray(np.array([0, 1, 0])))


def test_the_learned_metric_is_a_callable_of_scikit_learn(iris):
    X, y = iris
    learner = fitted(mc.learn.NCA(2, max_iter=5), X, y)
    own, theirs = (KNeighborsClassifier(3).fit(Z, y) for Z in (learner.transform(X), X))
    for metric in (learner.metric_, learner.get_metric()):
        theirs.set_params(metric=metric).fit(X, y)
        np.testing.assert_allclose(
            theirs.kneighbors(X[:9])[0], own.kneighbors(learner.transform(X[:9]))[0], atol=1e-9
        )
    square = learner.get_metric(squared=True)
    assert square(X[0], X[70]) == pytest.approx(learner.metric_(X[0], X[70]) ** 2)
    assert square(X[0], X[70], squared=False) == pytest.approx(learner.metric_(X[0], X[70]))


def test_dask_input_is_read_once_per_evaluation(iris, monkeypatch):
    da = pytest.importorskip("dask.array")
    from maha_core.learn import streamed

    read, evaluations = [], []

    def chunk(block):
        read.append(len(block))
        return block

    def counted(*args, **kwargs):
        evaluations.append(1)
        return original(*args, **kwargs)

    original = streamed.evaluated
    monkeypatch.setattr(streamed, "evaluated", counted)
    X = da.from_array(iris[0], chunks=(50, 4)).map_blocks(chunk, meta=np.empty((0, 0)))
    y = da.from_array(iris[1].astype(float), chunks=50)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mc.learn.MLKR(2, init="identity", alpha=0.0, max_iter=3).fit(X, y)
    assert len(evaluations) > 3
    assert read == [50] * 3 * (1 + len(evaluations))  # once for the standard deviations


def test_points_of_another_library_after_fit_are_refused(learner, iris):
    strict = pytest.importorskip("array_api_strict")
    X, y = iris
    with pytest.raises(
        ValueError, match=r"must use the same namespace.* is numpy.ndarray of shape"
    ):
        learner.fit(X, y).transform(strict.asarray(X))
    y = strict.asarray(y.astype(float) if isinstance(learner, mc.learn.MLKR) else y)
    with pytest.raises(ValueError, match=r"components_ is array_api_strict.*, and X numpy.ndarray"):
        learner.fit(strict.asarray(X), y).transform(X)


# --------------------------------------------------------------------------------------- bad input


CLASSIFIERS = ["NCA", "LMNN"]


@pytest.mark.parametrize("name", LEARNERS)
def test_labels_of_the_wrong_length(name, iris):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        LEARNERS[name]().fit(iris[0], iris[1][:-1])


def test_lmnn_of_one_class_only(iris):
    with pytest.raises(ValueError, match="number of classes has to be greater than one"):
        mc.learn.LMNN().fit(iris[0], np.zeros(150, int))


def test_nca_of_one_class_keeps_its_start_as_scikit_learns(iris, library):
    X, y = library.arrays(iris[0], np.zeros(150, int))
    with pytest.warns(UserWarning, match="y has one class"):
        learner = mc.learn.NCA(2, init="pca").fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = NeighborhoodComponentsAnalysis(2, init="pca").fit(iris[0], np.zeros(150, int))
    np.testing.assert_allclose(
        np.abs(on_host(learner.components_)), np.abs(theirs.components_), rtol=1e-6, atol=1e-9
    )
    assert learner.loss_ == pytest.approx(-150)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_continuous_labels(name, iris):
    with pytest.raises(ValueError, match="Unknown label type"):
        LEARNERS[name]().fit(iris[0], np.linspace(0, 1, 150))


def test_a_class_with_few_members_has_fewer_target_neighbors(iris):
    X, y = iris
    few = np.r_[0:50, 50:53]
    with pytest.warns(UserWarning, match=r"n_neighbors=5 .* smallest class, which has 3"):
        learner = mc.learn.LMNN(5, max_iter=500).fit(X[few], y[few])
    assert learner.n_neighbors_ == 2


def test_points_alone_in_their_class_are_left_out_of_lmnn(iris, library):
    X, y = np.r_[iris[0], iris[0][:2] + 9], np.r_[iris[1] * 2, 1, 7]
    with pytest.warns(UserWarning, match="2 of 5 classes in y have only 1 member"):
        learner = fitted(mc.learn.LMNN(3, max_iter=30), *library.arrays(X, y))
    without = fitted(mc.learn.LMNN(3, max_iter=30), *library.arrays(iris[0], iris[1]))
    np.testing.assert_allclose(on_host(learner.components_), on_host(without.components_))
    np.testing.assert_array_equal(learner.classes_, [0, 1, 2, 4, 7])


def test_no_two_classes_have_target_neighbors(iris):
    X, y = iris
    with pytest.raises(ValueError, match="two classes of two members or more"):
        mc.learn.LMNN(3).fit(X[:51], y[:51])


@pytest.mark.parametrize("name", LEARNERS)
def test_constant_features(name, iris):
    X = np.hstack([iris[0], np.ones((150, 2))])
    for init in ("pca", "identity", "auto"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            learner = LEARNERS[name](n_components=2, init=init, max_iter=3).fit(X, iris[1])
        assert np.isfinite(learner.components_).all()


@pytest.mark.parametrize("name", LEARNERS)
def test_more_components_than_features(name, iris):
    with pytest.raises(ValueError, match="cannot be greater than the given data dimensionality"):
        LEARNERS[name](n_components=5).fit(*iris)


def test_more_discriminants_than_there_are(iris):
    with pytest.raises(ValueError, match=r"cannot be larger than min\(n_features, n_classes - 1\)"):
        mc.learn.NCA(n_components=3, init="lda").fit(*iris)


@pytest.mark.parametrize("name", LEARNERS)
def test_nan(name, iris):
    X = iris[0].copy()
    X[3, 1] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        LEARNERS[name]().fit(X, iris[1])


@pytest.mark.parametrize("name", LEARNERS)
def test_sparse_matrices(name, iris):
    scipy_sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match=r"Sparse data was passed.*dense"):
        LEARNERS[name]().fit(scipy_sparse.csr_matrix(iris[0]), iris[1])


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize(
    ("init", "message"),
    [
        (np.eye(3), "input dimensionality"),
        (np.ones((5, 4)), "cannot be greater than its input dimensionality"),
        (np.ones((3, 4)), "does not match the output dimensionality"),
        ("zero", "The 'init' parameter"),
    ],
)
def test_starts_that_do_not_fit(name, init, message, iris):
    with pytest.raises(ValueError, match=message):
        LEARNERS[name](n_components=2, init=init).fit(*iris)


@pytest.mark.parametrize("change", [{"max_iter": 0}, {"tol": -1.0}, {"n_components": 0}])
def test_parameters_out_of_range(learner, change, iris):
    with pytest.raises(ValueError, match=f"The '{next(iter(change))}' parameter"):
        learner.set_params(**change).fit(*iris)


# ------------------------------------------------------------------------- what the optimiser says


def test_too_few_iterations_are_warned_of(iris):
    with pytest.warns(ConvergenceWarning, match="NCA did not converge within max_iter=2"):
        mc.learn.NCA(max_iter=2).fit(*iris)


def test_data_on_a_scale_without_gradients_are_warned_of(iris):
    with pytest.warns(ConvergenceWarning, match=r"made no progress.*StandardScaler"):
        mc.learn.NCA(init="identity").fit(1e9 * iris[0], iris[1])


def test_an_interrupt_keeps_the_best(iris):
    losses = []

    def interrupt(A, iteration):
        value, _ = mc.value_and_grad(
            mc.losses.NCA(iris[1]), iris[0], metric=mc.Factor(A.reshape(2, 4))
        )
        losses.append(float(value))
        if iteration == 4:
            raise KeyboardInterrupt

    learner = mc.learn.NCA(2, callback=interrupt)
    with pytest.raises(KeyboardInterrupt) as raised:
        learner.fit(*iris)
    assert re.search(r"interrupted after \d+ evaluations", raised.value.__notes__[0])
    assert learner.loss_ == pytest.approx(min(losses))
    value, _ = mc.value_and_grad(mc.losses.NCA(iris[1]), iris[0], metric=learner.metric_)
    assert float(value) == pytest.approx(learner.loss_)


def test_an_interrupt_ends_refreshes_too(iris):
    seen = []

    def interrupt(A, iteration):
        seen.append(iteration)
        if iteration == 2:
            raise KeyboardInterrupt

    learner = mc.learn.LMNN(3, n_refreshes=3, init="pca", callback=interrupt)
    with pytest.raises(KeyboardInterrupt) as raised:
        learner.fit(*iris)
    assert (seen, learner.n_iter_, len(raised.value.__notes__)) == ([1, 2], 2, 1)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # what NumPy says of overflow
def test_a_loss_that_is_not_finite_is_warned_of(iris):
    X = np.float32(1e18) * iris[0].astype(np.float32)
    with pytest.warns(ConvergenceWarning, match=r"not finite.*StandardScaler"):
        learner = mc.learn.LMNN(init=1e3 * np.eye(4)).fit(X, iris[1])
    np.testing.assert_array_equal(learner.components_, 1e3 * np.eye(4, dtype=np.float32))


def test_the_callback_sees_every_iteration(learner, iris):
    seen = []
    learner.set_params(callback=lambda A, iteration: seen.append((A.shape, iteration)))
    learner.fit(*iris)
    assert seen == [((16,), k) for k in range(1, learner.n_iter_ + 1)]


def test_verbose_shows_loss_and_gradient(learner, iris, capsys):
    learner.set_params(verbose=1).fit(*iris)
    shown = capsys.readouterr()
    assert "loss=" in shown.err
    assert "gradient=" in shown.err


def test_verbose_without_tqdm_prints_lines(learner, iris, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    learner.set_params(verbose=1).fit(*iris)
    lines = capsys.readouterr().out.splitlines()
    assert "Iteration" in lines[0]
    assert len(lines) == learner.n_iter_ + 1


# ---------------------------------------------------------------------------------------- weights


@pytest.mark.parametrize("name", LEARNERS)
def test_a_point_of_weight_zero_is_a_neighbour_and_no_more(name, iris):
    rng = np.random.default_rng(0)
    order = rng.permutation(150)
    X, y = iris[0][order], iris[1][order]
    weight = rng.integers(0, 3, 150).astype(float)
    learner = LEARNERS[name](2, init="pca") if name != "LMNN" else mc.learn.LMNN(3, 2, init="pca")
    if name == "MLKR":
        learner.set_params(alpha=0.0)
    learner.set_params(max_iter=500).fit(X, y, sample_weight=weight)
    if name == "LMNN":
        loss = mc.losses.LMNN(y, mc.target_neighbors(X, y, k=3), sample_weight=weight)
    else:
        target = y.astype(float) if name == "MLKR" else y
        loss = getattr(mc.losses, name)(target, sample_weight=weight)
    value, _ = mc.value_and_grad(loss, X, metric=learner.metric_)
    assert learner.loss_ == pytest.approx(float(value))
