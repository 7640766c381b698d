"""More columns than points: the right starts, and nothing d x d on the way."""

import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from threadpoolctl import threadpool_limits

import maha_core as mc
from learners import LEARNERS, few_points, fitted, targets_of
from maha_core.learn.data import classification
from maha_core.learn.initialization import initial, lda

SEEN_BY_TRACEMALLOC = ("numpy", "readonly", "strict", "dask")


def data_of(X, y, library=None):
    arrays = (X, y) if library is None else library.arrays(X, y)
    return classification(mc.learn.NCA(), *arrays, None)


def up_to_sign(rows):
    largest = np.take_along_axis(rows, np.argmax(np.abs(rows), axis=1)[:, None], axis=1)
    return rows * np.sign(largest)


def discriminants(X, y, found):
    """Return scikit-learn's, scaled as ours: versions of it divide by n, or by n - C."""
    expected = LinearDiscriminantAnalysis().fit(X, y).scalings_.T[: len(found)]
    scale = np.linalg.norm(found) / np.linalg.norm(expected)
    known = np.array([1, np.sqrt(len(X) / (len(X) - len(np.unique(y))))])
    assert np.abs(known - scale).min() < 1e-9
    return up_to_sign(expected) * scale


# --------------------------------------------------------------------------------------- directions


@pytest.mark.parametrize("k", [1, 3, 11])
def test_pca_is_scikit_learns(library, k):
    X, y = few_points(n=12, d=40)
    found = initial(data_of(X, y, library), "pca", k, None)
    expected = PCA(k, svd_solver="full").fit(X).components_
    np.testing.assert_allclose(up_to_sign(found), up_to_sign(expected), atol=1e-9)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_lda_is_scikit_learns(library, classes):
    X, y = few_points(n=20, d=60, classes=classes)
    found = initial(data_of(X, y, library), "lda", classes - 1, None)
    np.testing.assert_allclose(up_to_sign(found), discriminants(X, y, found), atol=1e-9)


@pytest.mark.parametrize(("n", "d"), [(12, 12), (12, 13), (13, 12)])
@pytest.mark.parametrize("init", ["pca", "lda"])
def test_about_as_many_columns_as_points(init, n, d):
    X, y = few_points(n=n, d=d)
    found = initial(data_of(X, y), init, 2, None)
    if init == "pca":
        expected = up_to_sign(PCA(2, svd_solver="full").fit(X).components_)
    else:
        expected = discriminants(X, y, found)
    np.testing.assert_allclose(up_to_sign(found), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("d", [5, 40])
@pytest.mark.parametrize("init", ["pca", "lda"])
def test_signs_do_not_depend_on_those_of_the_data(init, d):
    X, y = few_points(n=20, d=d)
    found, mirrored = (initial(data_of(Z, y), init, 2, None) for Z in (X, -X))
    np.testing.assert_allclose(found, mirrored, atol=1e-9)
    assert (found[range(2), np.argmax(np.abs(found), axis=1)] > 0).all()


@pytest.mark.parametrize("d", [5, 40])
def test_float32_finds_no_direction_of_rounding(d):
    X, y = few_points(n=20, d=d)
    found, exact = (lda(data_of(X.astype(dtype), y)) for dtype in ("float32", "float64"))
    assert found.shape == exact.shape == (2, d)
    np.testing.assert_allclose(found, exact, atol=1e-3 * np.abs(exact).max())


@pytest.mark.parametrize("constant", [0.0, 0.1, 7.7, 1e6])
@pytest.mark.parametrize("d", [5, 40])
def test_a_constant_column_has_no_part_in_a_discriminant(d, constant):
    X, y = few_points(n=21, d=d)
    expected = lda(data_of(X, y))
    found = lda(data_of(np.insert(X, 2, constant, axis=1), y))
    assert np.abs(found[:, 2]).max() < 1e-6
    np.testing.assert_allclose(np.delete(found, 2, axis=1), expected, rtol=1e-6, atol=1e-8)


def test_more_principal_directions_than_there_are():
    X, y = few_points(n=12, d=40)
    with pytest.raises(ValueError, match=r"min\(n_samples, n_features\) = 12 .* n_components = 13"):
        mc.learn.NCA(13, init="pca").fit(X, y)


@pytest.mark.parametrize("init", ["pca", "lda"])
@pytest.mark.parametrize("shape", [(60, 700), (700, 60)])
def test_a_start_has_the_same_bits_on_any_number_of_blas_threads(init, shape):
    X, y = few_points(*shape)
    X, starts = X.astype(np.float32), []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            learner = mc.learn.NCA(2, init=init, max_iter=1)
            starts.append(learner._start(learner._training(X, y, None)))
    np.testing.assert_array_equal(*starts)


# ------------------------------------------------------------------------------------------ memory


@contextmanager
def peak_below(limit):
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < limit, f"{peak / 2**20:.1f} MiB; {limit / 2**20:.1f} MiB are allowed"


@pytest.mark.cases(5)
@pytest.mark.parametrize("init", ["auto", "pca", "lda", "identity", "random"])
@pytest.mark.parametrize("name", LEARNERS)
def test_nothing_in_a_fit_is_d_x_d(library, name, init):
    if library.name not in SEEN_BY_TRACEMALLOC:
        pytest.skip(f"tracemalloc does not see the memory of {library.name}")
    if (name, init) == ("MLKR", "lda"):
        pytest.skip("MLKR has no classes")
    n, d = 30, 5000
    X, y = few_points(n=n, d=d)
    learner = LEARNERS[name](n_components=2, init=init, max_iter=2, random_state=0)
    if name == "LMNN":
        learner.set_params(n_refreshes=1)
    if name == "MLKR" and init != "auto":
        learner.set_params(alpha=0.0)  # a search for it is many fits, and one of them is enough
    X, y = library.arrays(X, targets_of(learner, y))
    fitted(learner, X[:, :5], y)  # what libraries load at first use is not the fit's
    with peak_below(d * d * 8 / 6):
        fitted(learner, X, y)
        np.asarray(learner.transform(X))
        np.asarray(learner.pair_distance(library.array(np.zeros((3, 2, d)))))
        learner.get_metric()(np.zeros(d), np.ones(d))
        if name == "MLKR":
            learner.score(X, y)


def test_a_diagonal_embeds_without_a_matrix(library):
    if library.name not in SEEN_BY_TRACEMALLOC:
        pytest.skip(f"tracemalloc does not see the memory of {library.name}")
    d = 5000
    X, w = np.random.default_rng(0).standard_normal((5, d)), np.linspace(0, 2, d)
    mc.Diagonal(library.array(w[:3])).embed(library.array(X[:, :3]))
    with peak_below(d * d * 8 / 6):
        Z = library.numpy(mc.Diagonal(library.array(w)).embed(library.array(X)))
    np.testing.assert_allclose(Z, X * np.sqrt(w), rtol=1e-14)
