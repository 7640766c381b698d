"""Learners from tuples as classifiers: thresholds, predictions and scores, by brute force."""

import re

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.exceptions import NotFittedError
from sklearn.metrics import f1_score, fbeta_score, roc_auc_score

import maha_core as mc
from maha_core.learn.threshold import best_threshold
from tuple_learners import FROM_PAIRS, FROM_TUPLES, fit_arguments, made, points, rows_of_tuples

X, Y = points()
PAIRS, LABELS = rows_of_tuples(2)
STRATEGIES = [
    ("accuracy", None, 1.0),
    ("f_beta", None, 1.0),
    ("f_beta", None, 3.0),
    ("max_tpr", 0.8, 1.0),
    ("max_tnr", 0.7, 1.0),
    ("max_tpr", 1.0, 1.0),
    ("max_tnr", 0.0, 1.0),
]


def quality(labels, predicted, strategy, min_rate, beta):
    tpr = np.mean(predicted[labels == 1] == 1)
    tnr = np.mean(predicted[labels == -1] == -1)
    if strategy == "accuracy":
        return np.mean(labels == predicted)
    if strategy == "f_beta":
        return fbeta_score(labels, predicted, beta=beta, zero_division=0)
    kept, wanted = (tnr, tpr) if strategy == "max_tpr" else (tpr, tnr)
    return wanted if kept >= min_rate else -1


@pytest.mark.parametrize(("strategy", "min_rate", "beta"), STRATEGIES)
@pytest.mark.parametrize("ties", [False, True])
def test_no_threshold_is_better(strategy, min_rate, beta, ties):
    rng = np.random.default_rng(2)
    for _ in range(20):
        distances = rng.random(30) + 0.3 * (np.arange(30) % 2)
        labels = np.where(np.arange(30) % 2, -1, 1)
        if ties:
            distances = np.round(distances, 1)
        found = best_threshold(
            distances, labels == 1, strategy=strategy, min_rate=min_rate, beta=beta
        )
        tried = [-1.0, *np.unique(distances)]
        values = [
            quality(labels, np.where(distances <= t, 1, -1), strategy, min_rate, beta)
            for t in tried
        ]
        best = [t for t, value in zip(tried, values, strict=True) if value > max(values) - 1e-12]
        assert found == (best[-1] if strategy == "max_tnr" else best[0])


@pytest.fixture(params=FROM_PAIRS)
def learner(request):
    return made(FROM_PAIRS, request.param).fit(X[PAIRS], LABELS)


def test_predictions_follow_the_threshold(learner):
    distances = learner.pair_distance(X[PAIRS])
    np.testing.assert_array_equal(learner.decision_function(X[PAIRS]), -distances)
    for threshold in (0.0, float(np.median(distances)), np.inf, -1):
        predicted = learner.set_threshold(threshold).predict(X[PAIRS])
        np.testing.assert_array_equal(predicted, np.where(distances <= threshold, 1, -1))
    assert learner.classes_.tolist() == [-1, 1]


def test_fit_calibrates_by_its_own_pairs(learner):
    chosen = learner.threshold_
    assert learner.calibrate_threshold(X[PAIRS], LABELS).threshold_ == chosen
    accuracy = np.mean(learner.predict(X[PAIRS]) == LABELS)
    assert accuracy >= max(
        np.mean(np.where(learner.pair_distance(X[PAIRS]) <= t, 1, -1) == LABELS)
        for t in learner.pair_distance(X[PAIRS])
    )


def test_fit_calibrates_as_it_is_told(learner):
    told = {"strategy": "max_tnr", "min_rate": 0.9}
    learner.fit(X[PAIRS], LABELS, calibration_params=told)
    chosen = learner.threshold_
    assert learner.calibrate_threshold(X[PAIRS], LABELS, **told).threshold_ == chosen
    assert np.mean(learner.predict(X[PAIRS])[LABELS == 1] == 1) >= 0.9


def test_the_score_of_pairs_is_the_area_under_the_curve(learner):
    expected = roc_auc_score(LABELS, -learner.pair_distance(X[PAIRS]))
    assert learner.score(X[PAIRS], LABELS) == pytest.approx(expected)


def test_a_perfect_distance_is_calibrated_to_the_end():
    pairs = np.array([[[0.0], [1.0]], [[0.0], [2.0]], [[0.0], [5.0]], [[0.0], [7.0]]])
    learner = mc.learn.GMML().fit(pairs, [1, 1, -1, -1])
    np.testing.assert_array_equal(learner.predict(pairs), [1, 1, -1, -1])
    assert learner.score(pairs, [1, 1, -1, -1]) == 1
    assert learner.score(pairs, [-1, -1, 1, 1]) == 0
    assert f1_score([1, 1, -1, -1], learner.predict(pairs)) == 1


@pytest.mark.parametrize(("name", "second"), [("SCML", (0, 2)), ("LSML", (2, 3))])
def test_comparisons_are_by_the_difference_of_two_distances(name, second):
    (tuples,) = fit_arguments(name)
    learner = made(FROM_TUPLES, name).fit(tuples)
    M = learner.get_mahalanobis_matrix()

    def distance(a, b):
        d = tuples[:, a] - tuples[:, b]
        return np.sqrt(np.sum((d @ M) * d, axis=1))

    expected = distance(*second) - distance(0, 1)
    np.testing.assert_allclose(learner.decision_function(tuples), expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_array_equal(learner.predict(tuples), np.where(expected > 0, 1, -1))
    assert learner.score(tuples) == pytest.approx(np.mean(expected > 0))
    same = np.repeat(tuples[:, :1], tuples.shape[1], axis=1)
    assert (learner.predict(same) == -1).all()


# --------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"strategy": "best"}, r"strategy is 'best'; choose one of accuracy, f_beta"),
        ({"strategy": "max_tpr"}, r"min_rate is None; strategy='max_tpr' needs the least rate"),
        ({"strategy": "max_tnr", "min_rate": 1.5}, r"min_rate is 1.5"),
        ({"strategy": "max_tnr", "min_rate": np.nan}, r"min_rate is nan"),
        ({"strategy": "max_tpr", "min_rate": "half"}, r"min_rate is 'half'"),
        ({"strategy": "f_beta", "beta": -1.0}, r"beta is -1.0; strategy='f_beta' needs"),
        ({"strategy": "f_beta", "beta": None}, r"beta is None"),
    ],
)
def test_calibrations_that_make_no_sense(learner, told, message):
    with pytest.raises(ValueError, match=message):
        learner.calibrate_threshold(X[PAIRS], LABELS, **told)
    with pytest.raises(ValueError, match=message):
        learner.fit(X[PAIRS], LABELS, calibration_params=told)


def test_calibrations_of_unknown_names(learner):
    with pytest.raises(ValueError, match=r"calibration_params holds rate; it takes strategy"):
        learner.fit(X[PAIRS], LABELS, calibration_params={"rate": 0.5})


@pytest.mark.parametrize("threshold", [None, "1", np.nan, [1.0], True])
def test_thresholds_that_are_none(learner, threshold):
    with pytest.raises(ValueError, match=r"threshold is .*; it is a distance, a real number"):
        learner.set_threshold(threshold)


def test_without_a_threshold_there_is_no_prediction(learner):
    del learner.threshold_
    with pytest.raises(NotFittedError, match="has no threshold_ yet; call calibrate_threshold"):
        learner.predict(X[PAIRS])


@pytest.mark.parametrize("method", ["set_threshold", "calibrate_threshold"])
def test_before_fit(method):
    given = (1.0,) if method == "set_threshold" else (X[PAIRS], LABELS)
    with pytest.raises(NotFittedError, match="not fitted"):
        getattr(mc.learn.ITML(), method)(*given)


@pytest.mark.parametrize("kind", [1, -1])
@pytest.mark.parametrize("method", ["calibrate_threshold", "score"])
def test_pairs_of_one_kind(learner, method, kind):
    with pytest.raises(ValueError, match=re.escape(f"y has no {-kind:+d}")):
        getattr(learner, method)(X[PAIRS[kind == LABELS]], LABELS[kind == LABELS])
