"""A fit that is refused leaves the estimator as it was, and the error names what was given."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from maha_core.learn import LMNN, MLKR, NCA

RNG = np.random.default_rng(0)
X, labels = RNG.normal(size=(30, 3)), np.repeat([0, 1], 15)


@pytest.mark.filterwarnings("ignore:.*did not converge")
@pytest.mark.parametrize("learner", [LMNN, MLKR, NCA])
def test_a_refused_warm_start_changes_nothing(learner):
    fitted = learner(warm_start=True, max_iter=2).fit(X, labels)
    embedded = fitted.transform(X)
    with pytest.raises(ValueError, match="previously learned"):
        fitted.fit(X[:, :2], labels)
    assert fitted.n_features_in_ == 3
    np.testing.assert_array_equal(fitted.transform(X), embedded)


@pytest.mark.filterwarnings("ignore:.*did not converge")
@pytest.mark.parametrize("parameter", ["n_neighbors", "regularization", "margin"])
def test_a_truth_value_is_the_number_that_it_is(parameter):
    one = LMNN(max_iter=2, **{parameter: 1}).fit(X, labels)
    true = LMNN(max_iter=2, **{parameter: True}).fit(X, labels)
    np.testing.assert_array_equal(true.components_, one.components_)


def test_a_penalty_that_overflows_is_told():
    with pytest.raises(ValueError, match=r"alpha=1e\+300 is too large"):
        MLKR(alpha=1e300).fit(X, labels)
