"""Learners from points and from tuples in scikit-learn's company, and what all of them promise."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import maha_core as mc
from maha_core.learn.host import to_host
from tuple_learners import (
    ANY_ARRAY,
    FROM_POINTS,
    FROM_TUPLES,
    fit_arguments,
    made,
    points,
    rows_of_tuples,
    size_of,
)

X, Y = points()


@parametrize_with_checks([made(FROM_POINTS, name) for name in FROM_POINTS])
@pytest.mark.filterwarnings("default")
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture(params=FROM_POINTS)
def learner(request):
    return made(FROM_POINTS, request.param)


@pytest.fixture(params=FROM_TUPLES)
def name(request):
    """Name a learner from tuples."""
    return request.param


# ------------------------------------------------------------------------------------ from points


def test_in_a_pipeline_and_a_search(learner):
    pipeline = make_pipeline(StandardScaler(), learner, KNeighborsClassifier(1))
    search = GridSearchCV(pipeline, {"kneighborsclassifier__n_neighbors": [3, 5]}, cv=3)
    assert search.fit(X, Y).best_score_ > 0.5
    assert search.n_features_in_ == 4


def test_clone_and_pickle(learner):
    fitted = learner.fit(X, Y)
    assert clone(fitted).get_params() == fitted.get_params()
    assert not hasattr(clone(fitted), "components_")
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(X), fitted.transform(X))
    np.testing.assert_array_equal(again.metric_.parameter, fitted.metric_.parameter)


def test_a_seed_gives_the_same_bits(learner):
    first, second = (clone(learner).fit(X, Y).components_ for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_set_output_and_names(learner):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    found = learner.set_output(transform="pandas").fit(frame, Y).transform(frame)
    prefix = type(learner).__name__.lower()
    k = len(learner.components_)
    assert found.columns.tolist() == [f"{prefix}{i}" for i in range(k)]
    assert learner.feature_names_in_.tolist() == list("abcd")


def test_in_processes_of_joblib():
    pipeline = make_pipeline(made(FROM_POINTS, "GMML_Supervised"), KNeighborsClassifier(3))
    alone = cross_val_score(pipeline, X, Y, cv=2)
    np.testing.assert_array_equal(cross_val_score(pipeline, X, Y, cv=2, n_jobs=2), alone)


def test_every_way_to_the_learned_distance_agrees(learner):
    learner.fit(X, Y)
    M = learner.get_mahalanobis_matrix()
    difference = X[:5] - X[5:10]
    expected = np.sqrt(np.sum((difference @ M) * difference, axis=1))
    pairs = np.stack([X[:5], X[5:10]], axis=1)
    np.testing.assert_allclose(learner.pair_distance(pairs), expected, rtol=1e-7)
    np.testing.assert_allclose([learner.get_metric()(u, v) for u, v in pairs], expected, rtol=1e-7)
    squares = [learner.get_metric()(u, v, squared=True) for u, v in pairs]
    np.testing.assert_allclose(squares, expected**2, rtol=1e-7)
    Z = learner.transform(X)
    np.testing.assert_allclose(np.linalg.norm(Z[:5] - Z[5:10], axis=1), expected, rtol=1e-7)
    D = mc.sqdist(X, metric=learner.metric_, pairs=(np.arange(5), np.arange(5, 10)))
    np.testing.assert_allclose(np.sqrt(D), expected, rtol=1e-7)


def test_float32_stays_float32(learner):
    found = learner.fit(X.astype(np.float32), Y)
    assert (found.components_.dtype, found.transform(X[:3].astype(np.float32)).dtype) == (
        np.float32,
        np.float32,
    )


def test_a_change_of_names_changes_nothing(learner):
    """Classes of other names, which are in the same order, are the same classes."""
    named = np.array(["a", "b", "c"])[Y]
    found = clone(learner).fit(X, named).components_
    np.testing.assert_array_equal(found, clone(learner).fit(X, Y).components_)


def test_points_by_number(learner):
    by_number = clone(learner).set_params(preprocessor=X)
    rows = np.random.default_rng(0).permutation(60)[:50]
    found = by_number.fit(rows, Y[rows])
    expected = clone(learner).fit(X[rows], Y[rows])
    np.testing.assert_allclose(found.components_, expected.components_, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(found.transform(rows[:4]), found.transform(X[rows[:4]]))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", [mc.learn.NCA, mc.learn.LMNN, mc.learn.MLKR])
def test_points_by_number_for_learners_by_gradients(kind):
    rows = np.arange(50)
    target = Y[rows].astype(float) if kind is mc.learn.MLKR else Y[rows]
    found = kind(init="identity", max_iter=3, preprocessor=X).fit(rows, target)
    expected = kind(init="identity", max_iter=3).fit(X[rows], target)
    np.testing.assert_array_equal(found.components_, expected.components_)
    np.testing.assert_array_equal(found.transform(rows), expected.transform(X[rows]))
    pairs = np.array([[0, 1], [2, 40]])
    np.testing.assert_array_equal(found.pair_distance(pairs), expected.pair_distance(X[pairs]))


# ------------------------------------------------------------------------------------ from tuples


def test_tuples_by_number_and_by_name(name):
    size = size_of(name)
    index, y = rows_of_tuples(size)
    labels = () if y is None else (y,)
    formed = made(FROM_TUPLES, name).fit(X[index], *labels)
    by_number = made(FROM_TUPLES, name, preprocessor=X).fit(index, *labels)
    names = np.array([f"point {i}" for i in range(60)])

    def look_up(wanted):
        return X[[int(each.split()[1]) for each in wanted]]

    by_name = made(FROM_TUPLES, name, preprocessor=look_up).fit(names[index], *labels)
    for found in (by_number, by_name):
        np.testing.assert_allclose(found.components_, formed.components_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(
        by_name.decision_function(names[index]), formed.decision_function(X[index]), rtol=1e-5
    )
    np.testing.assert_array_equal(by_number.predict(index), formed.predict(X[index]))


def test_clone_and_pickle_from_tuples(name):
    given = fit_arguments(name)
    fitted = made(FROM_TUPLES, name).fit(*given)
    assert clone(fitted).get_params() == fitted.get_params()
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(given[0]), fitted.predict(given[0]))
    np.testing.assert_array_equal(clone(fitted).fit(*given).components_, fitted.components_)


def test_a_search_over_tuples(name):
    given = fit_arguments(name)
    parameter = {
        "GMML": {"t": [0.3, 0.7]},
        "ITML": {"gamma": [0.05, 0.1]},
        "MMC": {"diagonal": [True, False]},
        "SDML": {"sparsity_param": [0.01, 0.1]},
        "SCML": {"beta": [1e-5, 1e-3]},
        "LSML": {"prior": ["identity", "covariance"]},
    }[name]
    search = GridSearchCV(made(FROM_TUPLES, name), parameter, cv=2).fit(*given)
    assert search.best_score_ > 0.5


def test_a_learner_beats_the_euclidean_distance(name):
    """The last column is noise of the largest size, and the first tells classes apart."""
    learner = made(FROM_TUPLES, name).fit(*fit_arguments(name))
    M = learner.get_mahalanobis_matrix()
    assert M[0, 0] > 1.2 * M[3, 3] > 0


@pytest.mark.parametrize("method", ["predict", "decision_function", "transform"])
def test_what_was_not_fitted_says_so(name, method):
    with pytest.raises(NotFittedError, match="not fitted"):
        getattr(made(FROM_TUPLES, name), method)(fit_arguments(name)[0])


def test_any_array_is_learned_from_where_it_is(library, name):
    tuples, *labels = fit_arguments(name)
    given = library.arrays(tuples, *labels)
    learner = made(FROM_TUPLES, name)
    if name not in ANY_ARRAY and library.name not in ("numpy", "readonly"):
        with pytest.raises(TypeError, match=rf"{name} takes NumPy arrays, because"):
            learner.fit(*given)
        return
    expected = clone(learner).fit(tuples, *labels)
    learner.fit(*given)
    (components,) = to_host(learner.components_)
    np.testing.assert_allclose(components, expected.components_, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(learner.predict(given[0]), expected.predict(tuples))
    assert learner.score(*given) == pytest.approx(expected.score(tuples, *labels))
    distances = library.numpy(learner.pair_distance(given[0][:, :2, :]))
    np.testing.assert_allclose(distances, expected.pair_distance(tuples[:, :2, :]), rtol=1e-3)


ANY_POINTS = ("RCA_Supervised", "LFDA", "DMLMJ", "GMML_Supervised", "MMC_Supervised")


@pytest.mark.parametrize("name", [*ANY_POINTS, "LSML_Supervised"])
def test_any_points_are_learned_from_where_they_are(library, name):
    expected = made(FROM_POINTS, name).fit(X, Y)
    found = made(FROM_POINTS, name).fit(*library.arrays(X, Y))
    M = (
        library.numpy(found.get_mahalanobis_matrix())
        if not library.lazy
        else found.metric_.matrix()
    )
    np.testing.assert_allclose(
        np.asarray(M), expected.get_mahalanobis_matrix(), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize(
    "name", ["Covariance", "ITML_Supervised", "SDML_Supervised", "SCML_Supervised"]
)
def test_points_of_another_library_are_refused_where_numpy_is_needed(name):
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(TypeError, match=rf"{name} takes NumPy arrays, because"):
        made(FROM_POINTS, name).fit(strict.asarray(X), strict.asarray(Y))
