"""Gaussian processes beside scikit-learn's, finite differences, and the definition."""

from functools import partial

import numpy as np
import pytest

pytest.importorskip("sklearn")
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.estimator_checks import parametrize_with_checks

import maha_core as mc
from learners import on_host
from maha_core.learn import GaussianProcess, gaussian_process, kernel_system
from maha_core.learn.length_scales import Columnwise, Linear
from maha_core.learn.marginal_likelihood import marginal_likelihood

pytestmark = pytest.mark.filterwarnings(
    "ignore:GaussianProcess did not converge:sklearn.exceptions.ConvergenceWarning"
)

SCALES = np.array([0.7, 1.5, 4.0])
SIGNAL, NOISE = 2.3, 0.15


def points(n=60, d=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, (n, d))
    return X, np.sin(2 * X[:, 0] + X[:, 1]) + 0.1 * rng.standard_normal(n)


def rotated(n=120, seed=1):
    """Targets of one direction that is no column's."""
    X, _ = points(n, 2, seed)
    return X, np.sin(2.5 * (X @ np.array([0.8, -0.6])))


@parametrize_with_checks(
    [
        GaussianProcess(max_iter=15, tol=1e-3),
        GaussianProcess("matern52", metric="diagonal", normalize_y=True, max_iter=15, tol=1e-3),
    ]
)
@pytest.mark.filterwarnings("default")
def test_scikit_learn_checks(estimator, check):
    check(estimator)


# ------------------------------------------------------------------------------- the likelihood


FAMILIES = {
    "gaussian": (mc.kernels.Gaussian(), RBF(SCALES)),
    "matern32": (mc.kernels.Matern32(), Matern(SCALES, nu=1.5)),
    "matern52": (mc.kernels.Matern52(), Matern(SCALES, nu=2.5)),
    "laplace": (mc.kernels.Laplace(), Matern(SCALES, nu=0.5)),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_likelihood_and_gradient_as_scikit_learn(name):
    kernel, theirs = FAMILIES[name]
    X, y = points()
    model = GaussianProcessRegressor(
        ConstantKernel(SIGNAL) * theirs + WhiteKernel(NOISE), optimizer=None, alpha=0
    ).fit(X, y)
    value, gradient = model.log_marginal_likelihood(model.kernel_.theta, eval_gradient=True)
    w = 1 / SCALES**2
    found = marginal_likelihood(kernel, X, y, mc.Diagonal(w), SIGNAL, NOISE)
    assert found.value == pytest.approx(value, rel=1e-10)
    in_log_scales = -2 * w * found.metric
    np.testing.assert_allclose(
        [found.log_signal, *in_log_scales, found.log_noise], gradient, rtol=1e-8, atol=1e-8
    )


def test_likelihood_is_the_density_of_a_normal():
    X, y = points(20)
    A = np.random.default_rng(2).standard_normal((3, 3))
    Z = X @ A.T
    C = SIGNAL * np.exp(-((Z[:, None] - Z[None]) ** 2).sum(axis=-1) / 2) + NOISE * np.eye(20)
    expected = multivariate_normal(np.zeros(20), C).logpdf(y)
    found = marginal_likelihood(mc.kernels.Gaussian(), X, y, mc.Factor(A), SIGNAL, NOISE)
    assert found.value == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("family", ["full", "lowrank", "diagonal"])
@pytest.mark.parametrize("kernel", [mc.kernels.Gaussian(), mc.kernels.Matern32()])
def test_gradient_of_all_numbers_by_finite_differences(kernel, family):
    X, y = points(40)
    rng = np.random.default_rng(3)
    scales = {
        "full": Linear(rng.standard_normal((3, 3))),
        "lowrank": Linear(rng.standard_normal((1, 3))),
        "diagonal": Columnwise(rng.uniform(0.5, 2, 3)),
    }[family]
    likelihood = partial(marginal_likelihood, kernel, X, y)
    function = gaussian_process.objective(likelihood, len(y), scales)
    theta = np.concatenate([scales.start(), [0.3, -2.0]])[None, :]
    step = 1e-5
    expected = [
        (function(theta + e)[0] - function(theta - e)[0]) / (2 * step)
        for e in step * np.eye(theta.size)[:, None, :]
    ]
    np.testing.assert_allclose(function(theta)[1][0], expected, rtol=1e-6, atol=1e-8)


# ------------------------------------------------------------------------------------ prediction


@pytest.fixture(params=["direct", "iterated"])
def solver(request, monkeypatch):
    """Either way of solving, whatever n is; the likelihood stays that of all points."""
    if request.param == "iterated":
        monkeypatch.setattr(kernel_system, "DIRECT", 0)
    return request.param


def fixed(y, **changes):
    """A process of a given metric, signal and noise: they are the start, in shares of y."""
    return GaussianProcess(metric=mc.Diagonal(1 / SCALES**2), noise=NOISE, max_iter=0, **changes)


@pytest.mark.parametrize("mean", [0.0, 5.0])
def test_mean_and_std_as_scikit_learn(solver, mean):
    X, y = points()
    y = y + mean
    model = fixed(y, normalize_y=mean != 0).fit(X, y)
    signal, noise = model.signal_, model.noise_
    assert signal == pytest.approx(np.mean((y - model.y_mean_) ** 2))
    assert noise == pytest.approx((NOISE + 1e-8) * signal)
    theirs = GaussianProcessRegressor(
        ConstantKernel(signal) * RBF(SCALES), alpha=noise, optimizer=None
    )
    theirs.fit(X, y - model.y_mean_)
    new, _ = points(30, seed=9)
    expected, expected_std = theirs.predict(new, return_std=True)
    found, std = model.predict(new, return_std=True)
    close = 1e-8 if solver == "direct" else 1e-4
    np.testing.assert_allclose(found, expected + model.y_mean_, rtol=close, atol=close)
    np.testing.assert_allclose(std, expected_std, rtol=close, atol=close)
    np.testing.assert_array_equal(model.predict(new), found)
    assert model.log_marginal_likelihood_ == pytest.approx(
        theirs.log_marginal_likelihood_value_, rel=1e-9
    )


def test_samples_have_the_posterior_mean_and_covariance():
    """The mean square of the drawn errors' standard scores is 1, by scikit-learn's covariance."""
    X, y = points()
    model = fixed(y).fit(X, y)
    theirs = GaussianProcessRegressor(
        ConstantKernel(model.signal_) * RBF(SCALES), alpha=model.noise_, optimizer=None
    ).fit(X, y)
    new, _ = points(12, seed=9)
    mean, covariance = theirs.predict(new, return_cov=True)
    drawn = model.sample_y(new, n_samples=20_000, random_state=0)
    assert drawn.shape == (12, 20_000)
    deviation = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose((drawn.mean(axis=1) - mean) / deviation, 0, atol=0.03)
    found = np.cov(drawn) / np.outer(deviation, deviation)
    expected = covariance / np.outer(deviation, deviation)
    np.testing.assert_allclose(found, expected, atol=0.05)
    np.testing.assert_array_equal(model.sample_y(new, 20_000, 0), drawn)


@pytest.mark.parametrize(
    ("n_samples", "kind"), [(0, ValueError), (-2, ValueError), (1.5, TypeError), (True, TypeError)]
)
def test_bad_numbers_of_samples(n_samples, kind):
    X, y = points(20)
    with pytest.raises(kind, match="n_samples"):
        fixed(y).fit(X, y).sample_y(X, n_samples)


def test_samples_at_too_many_points(monkeypatch):
    X, y = points(20)
    model = fixed(y).fit(X, y)
    monkeypatch.setattr(gaussian_process, "DIRECT", 19)
    with pytest.raises(ValueError, match="X has 20 points; functions are drawn at 19"):
        model.sample_y(X)


def test_variances_in_blocks(monkeypatch):
    X, y = points()
    model = fixed(y).fit(X, y)
    expected = model.predict(X, return_std=True)[1]
    monkeypatch.setattr(gaussian_process, "SOLVED_BYTES", 7 * 60 * 8)
    np.testing.assert_allclose(model.predict(X, return_std=True)[1], expected, rtol=1e-10)


def test_on_every_library(library):
    X, y = points()
    model = GaussianProcess(metric="diagonal", max_iter=20)
    expected = clone(model).fit(X, y)
    mean, std = expected.predict(X, return_std=True)
    given = library.arrays(X, y)
    found = clone(model).fit(*given)
    found_mean, found_std = found.predict(given[0], return_std=True)
    np.testing.assert_allclose(on_host(found_mean), mean, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(on_host(found_std), std, rtol=1e-6, atol=1e-7)
    assert found.log_marginal_likelihood_ == pytest.approx(expected.log_marginal_likelihood_)


# ------------------------------------------------------------------------------- what is learned


@pytest.mark.filterwarnings("ignore:The optimal value:sklearn.exceptions.ConvergenceWarning")
def test_the_maximum_is_no_lower_than_scikit_learns():
    X, y = points()
    kernel = ConstantKernel() * RBF(np.ones(3)) + WhiteKernel()
    with np.errstate(under="ignore"):
        theirs = GaussianProcessRegressor(kernel, alpha=0, random_state=0).fit(X, y)
    found = GaussianProcess(metric="diagonal", tol=1e-10).fit(X, y)
    assert found.log_marginal_likelihood_ >= theirs.log_marginal_likelihood_value_ - 1e-3


def test_a_full_metric_finds_a_rotated_direction():
    X, y = rotated()
    full = GaussianProcess(noise=0.01).fit(X, y)
    values, vectors = np.linalg.eigh(full.metric_.matrix())
    assert abs(vectors[:, -1] @ np.array([0.8, -0.6])) > 0.999
    assert values[-1] > 100 * values[0]
    diagonal = GaussianProcess(metric="diagonal", noise=0.01).fit(X, y)
    assert full.log_marginal_likelihood_ > diagonal.log_marginal_likelihood_ + 10
    lowrank = GaussianProcess(metric="lowrank", noise=0.01).fit(X, y)
    assert lowrank.metric_.parameter.shape == (1, 2)
    new, truth = rotated(200, seed=8)
    assert lowrank.score(new, truth) > 0.999


@pytest.mark.parametrize("scale", [1e-20, 1e6])
def test_targets_on_any_scale(scale):
    X, y = points()
    model = GaussianProcess(max_iter=20, normalize_y=True)
    expected, std = clone(model).fit(X, y).predict(X, return_std=True)
    found, found_std = clone(model).fit(X, scale * y).predict(X, return_std=True)
    np.testing.assert_allclose(found / scale, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found_std / scale, std, rtol=1e-4)


def test_equal_points_and_constant_targets():
    X, y = points(30)
    X = np.concatenate([X, X])
    model = GaussianProcess(max_iter=20).fit(X, np.concatenate([y, -y]))
    mean, std = model.predict(X, return_std=True)
    assert abs(mean).max() < 0.1 * abs(y).max()
    assert np.isfinite(std).all()
    constant = GaussianProcess(max_iter=0, normalize_y=True).fit(X, np.full(60, 3.0))
    np.testing.assert_array_equal(constant.predict(X), 3.0)


def test_float32_stays_float32():
    X, y = points()
    model = GaussianProcess(metric="diagonal", max_iter=30)
    expected, std = clone(model).fit(X, y).predict(X, return_std=True)
    given = X.astype(np.float32)
    fitted = clone(model).fit(given, y.astype(np.float32))
    found, found_std = fitted.predict(given, return_std=True)
    assert found.dtype == found_std.dtype == fitted.dual_coef_.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-3)
    np.testing.assert_allclose(found_std, std, atol=1e-3)


def test_the_likelihood_of_many_points_is_that_of_drawn_ones(monkeypatch):
    X, y = points(150)
    monkeypatch.setattr(gaussian_process, "DIRECT", 100)
    model = GaussianProcess(metric="diagonal", max_iter=30, n_probes=0, random_state=3).fit(X, y)
    rows = np.sort(np.random.RandomState(3).choice(150, 100, replace=False))
    found = marginal_likelihood(
        mc.kernels.Gaussian(), X[rows], y[rows], model.metric_, model.signal_, model.noise_
    )
    assert model.log_marginal_likelihood_ == pytest.approx(found.value, rel=1e-8)
    assert model.X_fit_.shape == (150, 3)


# ------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("parameters", "kind", "message"),
    [
        ({"kernel": "cosine"}, InvalidParameterError, "'kernel' parameter"),
        ({"metric": "factor"}, InvalidParameterError, "'metric' parameter"),
        ({"metric": np.eye(3)}, InvalidParameterError, "'metric' parameter"),
        ({"metric": mc.Diagonal(np.ones(2))}, ValueError, "metric Diagonal with w"),
        ({"metric": "lowrank", "n_components": 4}, ValueError, "n_components=4 is more than"),
        ({"n_components": 0}, InvalidParameterError, "'n_components' parameter"),
        ({"noise": 0.0}, InvalidParameterError, "'noise' parameter"),
        ({"normalize_y": "yes"}, InvalidParameterError, "'normalize_y' parameter"),
        ({"n_probes": 1}, InvalidParameterError, "'n_probes' parameter"),
        ({"n_probes": -1}, InvalidParameterError, "'n_probes' parameter"),
        ({"max_iter": -1}, InvalidParameterError, "'max_iter' parameter"),
        ({"tol": -1.0}, InvalidParameterError, "'tol' parameter"),
        ({"random_state": "seed"}, InvalidParameterError, "'random_state' parameter"),
    ],
)
def test_bad_parameters(parameters, kind, message):
    with pytest.raises(kind, match=message) as raised:
        GaussianProcess(**parameters).fit(*points(20))
    assert type(raised.value) is kind
