"""Every parameter of an estimator is obeyed or refused, whatever the estimator was fitted with."""

import itertools
import re

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError

import maha_core as mc
from learners import LEARNERS, few_points, fitted, on_host, targets_of

X, Y = few_points()
GIVEN = np.array([[1.0, 0.5, 0.0, 0.0], [0.0, 0.0, 1.0, -0.5]])
COMMON = {
    "n_components": (None, 2, 3, 9),
    "init": ("random", "identity", "pca", GIVEN, GIVEN[:, :3]),
    "max_iter": (3, 1),
    "tol": (1e-5, 1e30, None),
    "random_state": (0, 1),
    "verbose": (0, 1),
    "callback": (None, print),
    "preprocessor": (None, X),
}
SEARCH = {
    "solver": ("lbfgs", "trust-ncg"),
    "n_init": (1, 2),
    "batch_size": (None, 7),
    "n_references": (None, 12),
    "learning_rate": (0.03, 0.3),
    "schedule": ("cosine", "constant"),
    "validation_fraction": (None, 0.25),
    "n_iter_no_change": (5, 1),
}
OWN = {
    "MLKR": {"alpha": (0.0, "auto")},
    "NCA": {"alpha": (0.0, 2.0)},
    "LMNN": {
        "n_neighbors": (2, 3),
        "regularization": (0.5, 0.9),
        "margin": (1.0, 4.0),
        "n_refreshes": (0, 1),
    },
}
BESIDE = ("init", "batch_size")
"""With which the parameters of the search meet: all of them together would take too long."""

PAIRS = [
    (name, *pair)
    for name in LEARNERS
    for pair in (
        *itertools.combinations(COMMON | OWN[name], 2),
        *((one, other) for one in BESIDE for other in SEARCH if one != other),
    )
]


def test_the_table_of_parameters_is_complete():
    for name, kind in LEARNERS.items():
        assert set(kind().get_params()) == {*COMMON, *SEARCH, *OWN[name], "warm_start"}


def outcome(learner, X=X):
    """Return what was learned, or the error."""
    try:
        fitted(learner, X, targets_of(learner, Y))
    except ValueError as error:
        return str(error)
    return learner.components_, learner.loss_, learner.n_iter_


def assert_equal(found, expected):
    assert type(found) is type(expected), (found, expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def changes(name, *parameters):
    """Return pairs of settings of some parameters, before and after: from the first, and to it."""
    table = COMMON | SEARCH | OWN[name]
    settings = [
        dict(zip(parameters, values, strict=True))
        for values in itertools.product(*(table[each] for each in parameters))
    ]
    return [pair for other in settings[1:] for pair in ((settings[0], other), (other, settings[0]))]


def first(name):
    table = COMMON | SEARCH | OWN[name]
    return LEARNERS[name](**{parameter: values[0] for parameter, values in table.items()})


@pytest.mark.cases(30)
@pytest.mark.parametrize(("name", "one", "other"), PAIRS)
def test_a_second_fit_is_that_of_a_new_estimator(name, one, other, capsys):
    fresh = {}
    for before, after in changes(name, one, other):
        learner = first(name).set_params(**before)
        outcome(learner)
        found = outcome(learner.set_params(**after))
        if str(after) not in fresh:
            fresh[str(after)] = outcome(clone(learner))
        assert_equal(found, fresh[str(after)])


def rows_asked_for(learner):
    if not isinstance(learner.init, str):
        return len(learner.init)
    return X.shape[1] if learner.n_components is None else learner.n_components


@pytest.mark.cases(30)
@pytest.mark.parametrize(("name", "one", "other"), PAIRS)
def test_a_warm_start_goes_on_or_is_refused(name, one, other, capsys):
    for before, after in changes(name, one, other):
        learner = first(name).set_params(warm_start=True, **before)
        if isinstance(outcome(learner), str):
            continue
        old = learner.components_
        k = rows_asked_for(learner.set_params(**after))
        malformed = outcome(clone(learner))
        if isinstance(malformed, str):  # n_components and init disagree with each other, or with X
            assert outcome(learner) == malformed
        elif k != len(old):
            message = outcome(learner)
            assert f"asks for {k} component(s)" in message
            assert f"components_ of shape {old.shape}" in message
        else:
            expected = clone(learner).set_params(init=old, warm_start=False)
            assert_equal(outcome(learner), outcome(expected))


@pytest.mark.parametrize("name", LEARNERS)
def test_a_warm_start_from_points_of_other_columns(name):
    learner = first(name).set_params(warm_start=True)
    outcome(learner)
    assert "does not match the input dimensionality" in outcome(learner, X[:, :3])


@pytest.mark.parametrize("name", LEARNERS)
def test_the_first_fit_of_a_warm_start_is_an_ordinary_one(name):
    assert_equal(outcome(first(name).set_params(warm_start=True)), outcome(first(name)))


# --------------------------------------------------------------------------------- what is no value

INTEGERS = ("n_components", "max_iter", "n_neighbors", "n_refreshes")
REALS = ("tol", "alpha", "regularization", "margin")
NO_INTEGERS = (np.nan, np.inf, 1.5, 2.0, "2", -1, [2])
NO_REALS = (np.nan, np.inf, -np.inf, "1", -1.0, 1j, [1.0])


@pytest.mark.parametrize("name", LEARNERS)
def test_numbers_out_of_range_are_refused(name):
    for parameter in COMMON | OWN[name]:
        bad = {**dict.fromkeys(INTEGERS, NO_INTEGERS), **dict.fromkeys(REALS, NO_REALS)}
        for value in bad.get(parameter, ()):
            learner = first(name).set_params(**{parameter: value})
            with pytest.raises(InvalidParameterError, match=rf"The '{parameter}' parameter of"):
                learner.fit(X, targets_of(learner, Y))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", LEARNERS)
def test_a_start_that_is_not_finite_is_refused(name, bad):
    learner = first(name).set_params(init=np.array([[1.0, 0, 0, bad]]))
    with pytest.raises(ValueError, match="Input init contains"):
        learner.fit(X, targets_of(learner, Y))


# ---------------------------------------------------------------------------------------- weights

NEGATIVE = "Negative values in data passed to `sample_weight`; one is -0.5"
BAD_WEIGHTS = {
    "one negative": (np.r_[-0.5, np.ones(23)], re.escape(NEGATIVE)),
    "all zero": (np.zeros(24), "must contain at least one non-zero number"),
    "NaN": (np.r_[np.nan, np.ones(23)], r"sample_weight.* contains NaN"),
    "infinity": (np.r_[np.inf, np.ones(23)], r"sample_weight.* contains (NaN or )?infinity"),
    "too few": (np.ones(23), r"\(23,\)"),
    "two-dimensional": (np.ones((24, 1)), "1D array|has shape"),
}


@pytest.mark.parametrize("kind", BAD_WEIGHTS)
@pytest.mark.parametrize("name", LEARNERS)
def test_bad_weights_are_refused(library, name, kind):
    weights, message = BAD_WEIGHTS[kind]
    learner = first(name)
    with pytest.raises(ValueError, match=message) as raised:
        learner.fit(*library.arrays(X, targets_of(learner, Y)), library.array(weights))
    assert type(raised.value) is ValueError
    assert not hasattr(learner, "components_")


@pytest.mark.parametrize("name", LEARNERS)
def test_weights_of_zero_among_others_are_taken(library, name):
    learner = first(name)
    weights = np.r_[0.0, np.ones(23)]
    fitted(learner, *library.arrays(X, targets_of(learner, Y)), library.array(weights))
    assert np.isfinite(on_host(learner.components_)).all()


# ------------------------------------------------------------------------------- distance of points


@pytest.mark.parametrize("shape", [(), (3,), (5,), (1, 4), (5, 4), (4, 1)])
@pytest.mark.parametrize("argument", ["u", "v"])
def test_the_distance_takes_two_points(argument, shape):
    distance = fitted(mc.learn.NCA(2, max_iter=2), X, Y).get_metric()
    points = {"u": X[0], "v": X[1], argument: np.ones(shape)}
    with pytest.raises(
        ValueError, match=rf"{argument} has shape {re.escape(str(shape))}; .*\(4,\)"
    ):
        distance(**points)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool", "float32", "float64"])
def test_the_distance_of_points_of_any_dtype(dtype):
    learner = fitted(mc.learn.NCA(2, max_iter=2), X, Y)
    u, v = np.array([0, 1, 0, 1]).astype(dtype), np.array([1, 0, 1, 1]).astype(dtype)
    A = learner.components_
    expected = np.sqrt(((A @ (u.astype(float) - v.astype(float))) ** 2).sum())
    assert learner.get_metric()(u, v) == pytest.approx(expected, rel=1e-12)


def test_the_pair_distance_of_small_integers(library):
    learner = first("NCA")
    fitted(learner, *library.arrays(X, Y))
    pairs = np.array([[[0, 1, 0, 250], [1, 0, 1, 1]]], dtype=np.uint8)
    A = on_host(learner.components_)
    expected = np.linalg.norm(A @ (pairs[0, 0].astype(float) - pairs[0, 1].astype(float)))
    found = library.numpy(learner.pair_distance(library.array(pairs, dtype=np.uint8)))
    np.testing.assert_allclose(found, [expected], rtol=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_pairs_that_are_not_finite_are_refused(library, bad):
    learner = first("NCA")
    fitted(learner, *library.arrays(X, Y))
    pairs = np.zeros((3, 2, 4))
    pairs[1, 1, 2] = bad
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        library.numpy(learner.pair_distance(library.array(pairs)))
