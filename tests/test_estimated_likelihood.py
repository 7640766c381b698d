"""The estimated likelihood of a Gaussian process, beside that of Cholesky's factor."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
from scipy.linalg import eigh
from sklearn.base import clone

import maha_core as mc
from learners import fitted
from maha_core.learn import GaussianProcess, gaussian_process, kernel_system
from maha_core.learn.conjugate_gradients import conjugate_gradients
from maha_core.learn.estimated_likelihood import EstimatedLikelihood
from maha_core.learn.lanczos import log_quadratures
from maha_core.learn.marginal_likelihood import marginal_likelihood
from maha_core.learn.nystroem import nystroem

SIGNAL, NOISE = 1.3, 0.05
KERNELS = {"gaussian": mc.kernels.Gaussian(), "matern32": mc.kernels.Matern32()}


def points(n=200, d=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    return X, np.sin(2 * X[:, 0] - X[:, 1]) + 0.2 * rng.standard_normal(n)


def estimates(kernel, X, y, metric, seeds, n_probes=8):
    """Independent estimates."""
    for seed in range(seeds):
        rng = np.random.RandomState(seed)
        yield EstimatedLikelihood.drawn(kernel, X, y, n_probes, rng)(metric, SIGNAL, NOISE)


def numbers(found):
    return np.concatenate([np.ravel(found.metric), [found.log_signal, found.log_noise]])


# -------------------------------------------------------------------------------------- its parts


def test_quadratures_are_those_of_all_eigenvalues():
    """As many iterations as dimensions: the quadrature is the function itself."""
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.standard_normal((7, 7)))[0]
    A = (Q * np.geomspace(0.5, 20, 7)) @ Q.T
    B = rng.standard_normal((7, 3))
    found = conjugate_gradients(
        lambda P: A @ P, B, precondition=lambda R: R, start=None, tol=1e-12, max_iter=7
    )
    values, vectors = eigh(A)
    expected = np.log(values) @ (vectors.T @ B) ** 2
    quadratures = np.sum(B * B, axis=0) * log_quadratures(found.steps, found.ratios)
    np.testing.assert_allclose(quadratures, expected, rtol=1e-8)


def test_the_preconditioner_is_one_matrix_in_all_it_does():
    X, _ = points(60)
    P = nystroem(KERNELS["matern32"], X, None, 0.3, None)
    r = P.L.shape[1]
    root = P.coloured(np.eye(r, r + 60), np.eye(r + 60)[r:])
    dense = root @ root.T
    np.testing.assert_allclose(P(dense), np.eye(60), atol=1e-10)
    assert P.log_determinant == pytest.approx(np.linalg.slogdet(dense)[1], rel=1e-10)


# ------------------------------------------------------------------------ beside the exact numbers


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("form", ["factor", "diagonal"])
def test_values_are_within_their_standard_errors(kernel, form):
    X, y = points()
    A = np.array([[2.0, -1.0, 0.0], [0.3, 0.2, 0.5]])
    metric = mc.Factor(A) if form == "factor" else mc.Diagonal(np.array([1.0, 0.5, 0.2]))
    exact = marginal_likelihood(KERNELS[kernel], X, y, metric, SIGNAL, NOISE)
    found = list(estimates(KERNELS[kernel], X, y, metric, 24))
    error = np.sqrt(np.mean([each.error**2 for each in found]))
    differences = np.array([each.value for each in found]) - exact.value
    assert abs(differences).max() < 5 * error
    assert abs(differences.mean()) < 4 * error / np.sqrt(24)
    assert error / 2 < differences.std() < 2 * error


@pytest.mark.parametrize("kernel", KERNELS)
def test_gradients_are_right_on_average(kernel):
    X, y = points()
    metric = mc.Factor(np.array([[2.0, -1.0, 0.0], [0.3, 0.2, 0.5]]))
    exact = numbers(marginal_likelihood(KERNELS[kernel], X, y, metric, SIGNAL, NOISE))
    found = [numbers(each) for each in estimates(KERNELS[kernel], X, y, metric, 24)]
    error = np.std(found, axis=0, ddof=1) / np.sqrt(24)
    difference = np.mean(found, axis=0) - exact
    assert (abs(difference) < 5 * error + 1e-3 * abs(exact)).all()
    assert np.linalg.norm(difference) < 0.3 * np.linalg.norm(exact)


def test_float32_is_an_estimate_of_the_same():
    X, y = points()
    narrow, metric = X.astype(np.float32), mc.Diagonal(np.ones(3))
    exact = marginal_likelihood(KERNELS["matern32"], X, y, metric, SIGNAL, NOISE)
    found = list(estimates(KERNELS["matern32"], narrow, y, metric, 12))
    error = np.sqrt(np.mean([each.error**2 for each in found]) / 12)
    assert abs(np.mean([each.value for each in found]) - exact.value) < 4 * error
    gradients = [numbers(each) for each in found]
    spread = np.std(gradients, axis=0, ddof=1) / np.sqrt(12)
    close = 5 * spread + 1e-3 * abs(numbers(exact))
    assert (abs(np.mean(gradients, axis=0) - numbers(exact)) < close).all()


def test_more_probes_leave_a_smaller_error():
    X, y = points(200)
    few, many = (
        next(estimates(KERNELS["matern32"], X, y, mc.Diagonal(np.ones(3)), 1, n)).error
        for n in (10, 1000)
    )
    assert many < few / 4


def test_a_kernel_that_is_not_definite_has_no_likelihood():
    X, y = points(60)
    hat = mc.kernels.Kernel(lambda D: np.maximum(1 - D, -1.0) - 0.9)
    found = next(estimates(hat, X, y, mc.Diagonal(np.ones(3)), 1, 4))
    assert found.value == -np.inf


# ------------------------------------------------------------------------------- in the estimator


@pytest.fixture
def few_are_many(monkeypatch):
    monkeypatch.setattr(gaussian_process, "DIRECT", 50)
    monkeypatch.setattr(kernel_system, "DIRECT", 50)


def test_a_fit_comes_near_the_exact_maximum(few_are_many, monkeypatch):
    X, y = points(300)
    model = GaussianProcess(metric="diagonal", max_iter=30, tol=1e-4, random_state=0)
    found = clone(model).fit(X, y)
    monkeypatch.undo()
    exact = clone(model).fit(X, y)
    reached = marginal_likelihood(
        KERNELS["gaussian"], X, y, found.metric_, found.signal_, found.noise_
    ).value
    assert exact.log_marginal_likelihood_error_ == 0 < found.log_marginal_likelihood_error_
    assert reached > exact.log_marginal_likelihood_ - 3
    assert found.log_marginal_likelihood_ == pytest.approx(
        reached, abs=4 * found.log_marginal_likelihood_error_
    )
    mean, std = found.predict(X[:5], return_std=True)
    expected, expected_std = exact.predict(X[:5], return_std=True)
    np.testing.assert_allclose(mean, expected, atol=0.05)
    np.testing.assert_allclose(std, expected_std, rtol=0.3)


def test_on_every_library(library, few_are_many):
    X, y = points(120)
    model = GaussianProcess(metric=mc.Diagonal(np.ones(3)), max_iter=2, n_probes=4, random_state=1)
    expected = fitted(clone(model), X, y)
    X_given, y_given, weights = library.arrays(X, y, np.ones(3))
    found = fitted(clone(model).set_params(metric=mc.Diagonal(weights)), X_given, y_given)
    assert found.log_marginal_likelihood_ == pytest.approx(expected.log_marginal_likelihood_)
    assert found.noise_ == pytest.approx(expected.noise_)


def test_one_seed_is_one_result(few_are_many):
    X, y = points(120)
    model = GaussianProcess(metric="lowrank", max_iter=3, n_probes=4, random_state=1)
    first, second = (fitted(clone(model), X, y) for _ in range(2))
    np.testing.assert_array_equal(first.metric_.parameter, second.metric_.parameter)
