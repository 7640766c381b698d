"""Bad input of learners from tuples and from points: exact classes, and the argument's name."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
from numpy.linalg import LinAlgError
from sklearn.utils._param_validation import InvalidParameterError

import maha_core as mc
from tuple_learners import (
    FROM_PAIRS,
    FROM_POINTS,
    FROM_TUPLES,
    fit_arguments,
    made,
    points,
    rows_of_tuples,
    size_of,
)

X, Y = points()
NAMES = {2: "pairs", 3: "triplets", 4: "quadruplets"}


def refused(call, kind, message):
    """Call, which must raise exactly this class."""
    with pytest.raises(kind, match=message) as raised:
        call()
    assert type(raised.value) is kind


@pytest.fixture(params=FROM_TUPLES)
def name(request):
    return request.param


def refused_by_fit(name, tuples, kind, message, *, y=None, **parameters):
    given = fit_arguments(name)
    labels = () if len(given) == 1 else (given[1] if y is None else y,)
    learner = made(FROM_TUPLES, name, **parameters)
    refused(lambda: learner.fit(tuples, *labels), kind, message)
    assert not hasattr(learner, "components_")


# ----------------------------------------------------------------------------------------- tuples


@pytest.mark.parametrize(
    "shape", [(10, 5, 4), (10, 1, 4), (10, 4), (10,), (10, 2, 2, 4), (10, 3, 0)]
)
def test_tuples_of_the_wrong_shape(name, shape):
    size = size_of(name)
    message = rf"asks for \(n_{NAMES[size]}, {size}, n_features\)|0 feature|Expected"
    refused_by_fit(name, np.ones(shape), ValueError, message)


def test_tuples_of_another_size_after_fit(name):
    given = fit_arguments(name)
    learner = made(FROM_TUPLES, name).fit(*given)
    size = size_of(name)
    for bad in (np.ones((5, size, 3)), np.ones((5, size + 1, 4)), np.ones((5, 4))):
        message = rf"{NAMES[size]} has shape .* asks for \(n_{NAMES[size]}, {size}, 4\)"
        refused(lambda bad=bad: learner.predict(bad), ValueError, message)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_tuples_that_are_not_finite(name, bad):
    tuples = fit_arguments(name)[0].copy()
    tuples[3, 1, 2] = bad
    refused_by_fit(name, tuples, ValueError, rf"Input {NAMES[size_of(name)]} contains")


def test_tuples_of_strings(name):
    tuples = fit_arguments(name)[0].astype(str)
    tuples[0, 0, 0] = "x"
    refused_by_fit(name, tuples, ValueError, "could not convert string to float")


def test_no_tuples(name):
    empty = fit_arguments(name)[0][:0]
    refused_by_fit(name, empty, ValueError, r"empty; a minimum of 1 tuple|inconsistent", y=[])


def test_tuples_of_complex_numbers(name):
    tuples = fit_arguments(name)[0] + 1j
    refused_by_fit(name, tuples, ValueError, "Complex data not supported")


# --------------------------------------------------------------------------------- labels of pairs

BAD_LABELS = {
    "0 and 1": (np.arange(40) % 2, r"y holds 0; the labels of pairs are \+1, for alike, and -1"),
    "1 and 2": (1 + np.arange(40) % 2, r"y holds 2"),
    "real": (np.linspace(-1, 1, 40), r"y holds -0.9"),
    "NaN": (np.r_[np.nan, np.ones(39)], r"y holds nan"),
    "strings": (np.array(["+1", "-1"] * 20), r"y has the dtype <U2"),
    "booleans": (np.arange(40) % 2 == 0, r"y has the dtype bool"),
    "too few": (np.ones(39), r"inconsistent numbers of samples: \[40, 39\]"),
    "two columns": (np.ones((40, 1)), r"y has shape \(40, 1\); it holds one label a pair"),
    "all alike": (np.ones(40), r"y has no -1: .* add pairs that are not alike"),
    "none alike": (-np.ones(40), r"y has no \+1: .* add pairs that are alike"),
}


@pytest.mark.parametrize("kind", BAD_LABELS)
@pytest.mark.parametrize("name", FROM_PAIRS)
def test_labels_of_pairs(name, kind):
    y, message = BAD_LABELS[kind]
    refused_by_fit(name, fit_arguments(name)[0], ValueError, message, y=y)


# ------------------------------------------------------------------------------------ preprocessor


def test_row_numbers_outside_the_preprocessor(name):
    index = rows_of_tuples(size_of(name))[0]
    argument = NAMES[size_of(name)]
    for wrong in (60, -1):
        bad = index.copy()
        bad[5, 1] = wrong
        message = rf"{argument} holds the row number {wrong}; the preprocessor has the rows 0 to 59"
        refused_by_fit(name, bad, ValueError, message, preprocessor=X)


def test_row_numbers_that_are_none(name):
    index = rows_of_tuples(size_of(name))[0]
    argument = NAMES[size_of(name)]
    for bad in (index + 0.5, index.astype(str)):
        message = rf"{argument} has the dtype .* row numbers: integers"
        refused_by_fit(name, bad, TypeError, message, preprocessor=X)


def test_preprocessors_that_return_something_else(name):
    index = rows_of_tuples(size_of(name))[0]
    message = r"preprocessor returned 3 points for \d+ indicators"
    refused_by_fit(name, index, ValueError, message, preprocessor=lambda wanted: X[:3])
    message = "Input preprocessor contains NaN|Expected 2D array"
    for bad in (lambda wanted: X[wanted] * np.nan, lambda wanted: X[wanted][:, 0]):
        refused_by_fit(name, index, ValueError, message, preprocessor=bad)


def test_indices_without_a_preprocessor(name):
    index = rows_of_tuples(size_of(name))[0]
    message = "or .* row numbers beside a preprocessor"
    refused_by_fit(name, index, ValueError, message)


def test_row_numbers_of_another_size(name):
    index = rows_of_tuples(size_of(name))[0]
    refused_by_fit(name, index[:, :-1], ValueError, "has shape", preprocessor=X)


@pytest.mark.parametrize("learner", FROM_POINTS)
def test_points_by_numbers_outside_the_preprocessor(learner):
    learner = made(FROM_POINTS, learner, preprocessor=X)
    refused(lambda: learner.fit(np.arange(1, 61), Y), ValueError, "X holds the row number 60")
    fitted = learner.fit(np.arange(60), Y)
    refused(lambda: fitted.transform([-1]), ValueError, "X holds the row number -1")


# --------------------------------------------------------------------------------- priors and inits

WITH_PRIOR = {
    name: "init" if name.startswith("MMC") else "prior"
    for name in ("GMML", "ITML", "SDML", "LSML", "MMC")
}


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (np.eye(3), ValueError, r"{} has shape \(3, 3\); for points of 4 columns it is \(4, 4\)"),
        (np.ones((4, 2)), ValueError, r"{} has shape \(4, 2\)"),
        (np.diag([1.0, 1, 1, -1]), ValueError, r"{} is not positive definite: .* is -1"),
        (np.diag([1.0, 1, 1, 0]), LinAlgError, r"{} is not positive definite"),
        (np.eye(4) + np.eye(4, k=1), ValueError, r"{} is not symmetric"),
        (np.full((4, 4), np.nan), ValueError, r"Input {} contains NaN"),
        ("unit", InvalidParameterError, r"The '{}' parameter"),
        (3.0, InvalidParameterError, r"The '{}' parameter"),
    ],
)
@pytest.mark.parametrize("name", WITH_PRIOR)
def test_priors_that_are_none(name, value, kind, message):
    argument = WITH_PRIOR[name]
    refused_by_fit(
        name, fit_arguments(name)[0], kind, message.format(argument), **{argument: value}
    )


@pytest.mark.parametrize("name", WITH_PRIOR)
def test_a_prior_of_a_singular_covariance(name):
    tuples = fit_arguments(name)[0].copy()
    tuples[..., 3] = tuples[..., 0] - tuples[..., 1]
    argument = WITH_PRIOR[name]
    message = rf"{argument}='covariance' needs points whose covariance is not singular"
    refused_by_fit(name, tuples, LinAlgError, message, **{argument: "covariance"})


# ------------------------------------------------------------------------- what has no minimum

SAME = np.zeros((40, 2, 4))


@pytest.mark.filterwarnings("ignore:20 pair")  # ITML's word on the pairs that it leaves out
@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("GMML", {"regularization": 0}, r"scatter of the pairs that are alike is singular"),
        ("MMC", {}, r"pairs that are alike do not differ in all directions"),
        ("ITML", {}, r"all pairs are of equal points"),
    ],
)
def test_pairs_without_any_difference(name, given, message):
    refused_by_fit(name, SAME, ValueError, message, **given)


def test_pairs_apart_of_equal_points_only():
    pairs, y = fit_arguments("MMC")
    pairs = np.where((y == 1)[:, None, None], pairs, pairs[:, :1])
    refused_by_fit("MMC", pairs, ValueError, "all pairs with the label -1 are of equal points")


def test_pairs_alike_of_a_plane():
    pairs, _ = fit_arguments("MMC")
    pairs = pairs.copy()
    pairs[:, 1, 2] = pairs[:, 0, 2]
    for diagonal in (True, False):
        message = "span fewer than 4 dimensions"
        refused_by_fit("MMC", pairs, ValueError, message, diagonal=diagonal)


def test_a_balance_without_a_minimum():
    message = r"SDML: the prior's inverse plus balance_param=100 .* smaller balance_param"
    refused_by_fit("SDML", fit_arguments("SDML")[0], ValueError, message, balance_param=100)


def test_triplets_of_equal_points():
    message = r"points of each triplet are equal"
    refused_by_fit("SCML", np.ones((5, 3, 4)), ValueError, message)
    message = r"no direction of the basis has a weight above 0"
    refused_by_fit("SCML", np.ones((5, 3, 4)), ValueError, message, basis=np.eye(4))


@pytest.mark.parametrize(
    ("basis", "message"),
    [
        (np.eye(3), r"basis has shape \(3, 3\); for points of 4 columns it is \(n_basis, 4\)"),
        (np.full((2, 4), np.inf), r"Input basis contains infinity"),
        (np.ones(4), r"Expected 2D array"),
    ],
)
def test_bases_that_do_not_fit(basis, message):
    refused_by_fit("SCML", fit_arguments("SCML")[0], ValueError, message, basis=basis)


def test_a_basis_of_another_number():
    tuples = fit_arguments("SCML")[0]
    message = "basis has 4 rows, and n_basis=7"
    refused_by_fit("SCML", tuples, ValueError, message, basis=np.eye(4), n_basis=7)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ([3.0, 1.0], r"bounds is \[3.0, 1.0\]; it holds two numbers"),
        ([-1.0, 1.0], r"bounds is \[-1.0, 1.0\]"),
        ([1.0], r"bounds is \[1.0\]"),
        ([[1.0, 2.0]], r"bounds is \[\[1.0, 2.0\]\]"),
        ([1.0, np.nan], r"Input bounds contains NaN"),
    ],
)
def test_bounds_that_are_none(bounds, message):
    learner = made(FROM_PAIRS, "ITML")
    refused(lambda: learner.fit(*fit_arguments("ITML"), bounds=bounds), ValueError, message)
    learner = made(FROM_POINTS, "ITML_Supervised")
    refused(lambda: learner.fit(X, Y, bounds=bounds), ValueError, message)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(39), r"weights has shape \(39,\); it holds one weight a tuple: \(40,\)"),
        (-np.ones(40), r"weights are not negative and not all 0; one is -1"),
        (np.zeros(40), r"weights are not negative and not all 0; one is 0"),
        (np.full(40, np.nan), r"Input weights contains NaN"),
        (np.ones((40, 1)), r"weights has shape \(40, 1\)"),
    ],
)
def test_weights_of_quadruplets(weights, message):
    (tuples,) = fit_arguments("LSML")
    refused(lambda: mc.learn.LSML().fit(tuples, weights=weights), ValueError, message)


# --------------------------------------------------------------------------- parameters and points

OUT_OF_RANGE = {
    "GMML": {"t": (-0.1, 1.1, "half"), "regularization": (-1.0, np.nan)},
    "ITML": {"gamma": (0, -1.0, np.nan, "1"), "max_iter": (0, 1.5), "tol": (-1.0,)},
    "MMC": {"diagonal": (2, "yes"), "diagonal_c": (0.0, -1), "max_iter": (0,), "tol": (-1,)},
    "SDML": {"balance_param": (-1.0, None), "sparsity_param": (0.0, -1, np.inf)},
    "SCML": {
        "beta": (-1.0,),
        "gamma": (0.0,),
        "batch_size": (0, 2.5),
        "n_basis": (0,),
        "output_iter": (0,),
        "basis": ("lda", "unit"),
    },
    "LSML": {"max_iter": (0, None), "tol": (-1.0, "0")},
}
CASES = [
    (name, argument, value)
    for name, table in OUT_OF_RANGE.items()
    for argument, values in table.items()
    for value in values
]


@pytest.mark.parametrize(("name", "argument", "value"), CASES)
def test_parameters_out_of_range(name, argument, value):
    message = rf"The '{argument}' parameter of {name}"
    tuples = fit_arguments(name)[0]
    refused_by_fit(name, tuples, InvalidParameterError, message, **{argument: value})


FROM_LABELS = [name for name in FROM_POINTS if name != "Covariance"]


@pytest.mark.parametrize("name", FROM_LABELS)
def test_points_and_labels(name):
    learner = made(FROM_POINTS, name)
    refused(lambda: learner.fit(X, Y[:-1]), ValueError, "inconsistent numbers of samples")
    refused(lambda: learner.fit(X, np.zeros(60, int)), ValueError, "classes has to be greater")
    refused(lambda: learner.fit(X, np.linspace(0, 1, 60)), ValueError, "Unknown label type")
    refused(lambda: learner.fit(np.full((60, 4), np.nan), Y), ValueError, "Input X contains NaN")
    refused(lambda: learner.fit(X[0], Y), ValueError, "Expected 2D array")
    refused(lambda: learner.fit(X[:1], Y[:1]), ValueError, "minimum of 2 is required")


@pytest.mark.filterwarnings("ignore:The number of unique classes")
@pytest.mark.parametrize("name", FROM_LABELS)
def test_points_each_of_its_own_class(name):
    learner = made(FROM_POINTS, name)
    message = (
        "no two points are of one known class|no class in y has 2 members|cannot be drawn"
        "|local scatter within classes is singular"
    )
    refused(lambda: learner.fit(X, np.arange(60)), ValueError, message)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("RCA_Supervised", "scatter within chunks is singular"),
        ("LFDA", "local scatter within classes is singular"),
        ("MMC_Supervised", "pairs that are alike do not differ in all directions"),
    ],
)
def test_points_of_a_singular_covariance(name, message):
    flat = np.hstack([X, np.ones((60, 1))])
    refused(lambda: made(FROM_POINTS, name).fit(flat, Y), ValueError, message)


def test_singular_differences_without_shrinkage():
    flat = np.hstack([X, np.ones((60, 1))])
    message = r"covariance of differences is singular with alpha=0"
    refused(lambda: mc.learn.DMLMJ(alpha=0).fit(flat, Y), ValueError, message)
    assert np.isfinite(mc.learn.DMLMJ(alpha=0.1).fit(flat, Y).components_).all()


@pytest.mark.parametrize("name", ["LFDA", "DMLMJ", "RCA_Supervised"])
def test_more_components_than_columns(name):
    learner = made(FROM_POINTS, name, n_components=5)
    message = r"`n_components` \(5\) cannot be greater than the given data dimensionality \(4\)"
    refused(lambda: learner.fit(X, Y), ValueError, message)


@pytest.mark.parametrize(
    ("chunks", "kind", "message"),
    [
        (np.arange(59), ValueError, "inconsistent numbers of samples"),
        (np.arange(60), ValueError, "chunks has no number 0 or above twice"),
        (-np.ones(60), ValueError, "chunks has no number 0 or above twice"),
        (np.linspace(0, 1, 60), ValueError, "it holds one whole number a point"),
        (np.full(60, np.nan), ValueError, "it holds one whole number a point"),
        (None, ValueError, "requires chunks to be passed"),
        (np.repeat(["a", "b"], 30), ValueError, "it holds one whole number a point"),
        (np.repeat([0, -1], [3, 57]), ValueError, "scatter within chunks is singular"),
    ],
)
def test_chunks_that_are_none(chunks, kind, message):
    refused(lambda: mc.learn.RCA().fit(X, chunks), kind, message)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sample_weight": np.full(60, 0.01)}, r"sample_weight adds up to 0.6"),
        ({"sample_weight": -np.ones(60)}, "Negative values in data passed to `sample_weight`"),
        ({"sample_weight": np.ones(59)}, r"sample_weight.shape == \(59,\)"),
    ],
)
def test_weights_of_a_covariance(given, message):
    refused(lambda: mc.learn.Covariance().fit(X, **given), ValueError, message)


def test_weights_beside_an_estimator_of_a_covariance():
    from sklearn.covariance import OAS

    learner = mc.learn.Covariance(covariance=OAS())
    message = "sample_weight goes with covariance=None"
    refused(lambda: learner.fit(X, sample_weight=np.ones(60)), ValueError, message)
    learner = mc.learn.Covariance(covariance="OAS")
    refused(lambda: learner.fit(X), InvalidParameterError, "The 'covariance' parameter")
