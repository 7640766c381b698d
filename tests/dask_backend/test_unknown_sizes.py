"""Estimators on Dask arrays whose chunk sizes are not known, as a filter leaves them."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
import dask.array as da
from sklearn.base import clone

from learners import LEARNERS, few_points, fitted, targets_of

X, Y = few_points(n=90)
KEPT = X[:, 1] > 0.2
WEIGHT = 0.5 + np.abs(X[:, 2])


def filtered(values, kept=KEPT):
    """Rows of a Dask array in three chunks, how many of which nobody knows."""
    mask = da.from_array(kept, chunks=30)
    found = da.from_array(values, chunks=(30, *values.shape[1:]))[mask]
    assert np.isnan(found.shape[0])
    return found


def given(learner):
    """The same points, targets and weights: as Dask arrays of unknown sizes, and in NumPy."""
    arrays = X, targets_of(learner, Y), WEIGHT
    return tuple(map(filtered, arrays)), tuple(array[KEPT] for array in arrays)


@pytest.fixture(params=LEARNERS)
def learner(request):
    return LEARNERS[request.param](n_components=2, init="pca", max_iter=3)


def test_fit_learns_the_same(learner):
    lazy, plain = given(learner)
    expected = fitted(clone(learner), *plain)
    fitted(learner, *lazy)
    np.testing.assert_allclose(learner.components_, expected.components_, rtol=1e-6, atol=1e-8)


def test_the_users_arrays_are_left_alone(learner):
    lazy, _ = given(learner)
    before = [(array.name, array.chunks) for array in lazy]
    fitted(learner, *lazy)
    for array, (name, chunks) in zip(lazy, before, strict=True):
        assert array.name == name
        np.testing.assert_array_equal(array.chunks[0], chunks[0])  # NaN, still
        assert np.isnan(array.shape[0])


def test_what_comes_after_fit(learner):
    lazy, plain = given(learner)
    expected = fitted(clone(learner), *plain)
    fitted(learner, *lazy)
    Z = learner.transform(lazy[0])
    assert isinstance(Z, da.Array)
    np.testing.assert_allclose(Z.compute(), expected.transform(plain[0]), rtol=1e-5, atol=1e-7)
    pairs = np.stack([X, X[::-1]], axis=1)
    found = learner.pair_distance(filtered(pairs)).compute()
    np.testing.assert_allclose(found, expected.pair_distance(pairs[KEPT]), rtol=1e-5, atol=1e-7)
    if hasattr(learner, "predict"):
        np.testing.assert_allclose(
            learner.predict(lazy[0]), expected.predict(plain[0]), rtol=1e-5, atol=1e-7
        )
        score = learner.score(*lazy[:2], sample_weight=lazy[2])
        assert score == pytest.approx(expected.score(*plain[:2], sample_weight=plain[2]), rel=1e-5)


def test_only_some_sizes_are_unknown(learner):
    lazy, plain = given(learner)
    known = [da.from_array(array, chunks=17) for array in plain[1:]]
    expected = fitted(clone(learner), *plain).components_
    for arrays in ((lazy[0], *known), (lazy[0], *plain[1:])):
        found = fitted(clone(learner), *arrays).components_
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)
    points = da.from_array(plain[0], chunks=(25, 4))
    found = fitted(clone(learner), points, *lazy[1:]).components_
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("argument", ["y", "sample_weight"])
def test_lengths_that_differ_are_refused(learner, argument):
    arguments = {"X": X, "y": targets_of(learner, Y), "sample_weight": WEIGHT}
    lazy = {
        name: filtered(values, KEPT & (np.arange(90) > 45) if name == argument else KEPT)
        for name, values in arguments.items()
    }
    with pytest.raises(ValueError, match=rf"{argument} has shape \(\d+,\); X with {KEPT.sum()} "):
        learner.fit(**lazy)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_points_are_refused(learner, n):
    kept = np.arange(90) < n
    with pytest.raises(ValueError, match=rf"{n} sample\(s\) while a minimum of 2 is required"):
        learner.fit(filtered(X, kept), filtered(targets_of(learner, Y), kept))


@pytest.mark.parametrize("weights", [-WEIGHT, 0 * WEIGHT])
def test_weights_of_unknown_length_are_checked(learner, weights):
    lazy, _ = given(learner)
    with pytest.raises(ValueError, match="sample_weight|Sample weights"):
        learner.fit(*lazy[:2], sample_weight=filtered(weights))
