"""Kernel ridge regression beside dense systems, scikit-learn's, and itself by the other solver."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
from scipy.linalg import LinAlgWarning
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_ridge import KernelRidge as Dense
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.estimator_checks import parametrize_with_checks

import maha_core as mc
from learners import on_host
from maha_core.learn import KernelRidge, kernel_system

GAMMA = 0.3
D = 3


def points(n=70, d=D, outputs=None, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    wave = np.sin(2 * X[:, 0]) + 0.1 * rng.standard_normal(n)
    return X, wave if outputs is None else np.stack([wave * 10.0**j for j in range(outputs)], 1)


def gaussian(d=D):
    """The metric under which the Gaussian kernel is scikit-learn's rbf."""
    return mc.Diagonal(np.full(d, 2 * GAMMA))


def exact(K, Y, ridge, weight=None):
    """Solve ``(K + ridge / w) alpha = Y`` in longdouble, by Gauss's elimination."""
    A = K.astype(np.longdouble)
    A[np.diag_indices_from(A)] += ridge if weight is None else ridge / weight
    B = np.array(Y, dtype=np.longdouble).reshape(len(Y), -1)
    for k in range(len(A)):
        factors = A[k + 1 :, k] / A[k, k]
        A[k + 1 :, k:] -= factors[:, None] * A[k, k:]
        B[k + 1 :] -= factors[:, None] * B[k]
    for k in reversed(range(len(A))):
        B[k] = (B[k] - A[k, k + 1 :] @ B[k + 1 :]) / A[k, k]
    return B.astype(np.float64).reshape(np.shape(Y))


@pytest.fixture(params=["direct", "iterated"])
def solver(request, monkeypatch):
    """Either way of solving, whatever n is."""
    if request.param == "iterated":
        monkeypatch.setattr(kernel_system, "DIRECT", 0)
    return request.param


@parametrize_with_checks([KernelRidge(), KernelRidge("laplace", alpha=0.1)])
@pytest.mark.filterwarnings("default")
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@parametrize_with_checks([KernelRidge(tol=1e-10)])
@pytest.mark.filterwarnings("default")
def test_scikit_learn_checks_of_conjugate_gradients(estimator, check, monkeypatch):
    monkeypatch.setattr(kernel_system, "DIRECT", 0)
    check(estimator)


@pytest.mark.parametrize(
    "kernel", ["gaussian", "laplace", "matern32", mc.kernels.RationalQuadratic()]
)
@pytest.mark.parametrize("outputs", [None, 1, 3])
def test_coefficients_solve_the_system(solver, kernel, outputs):
    X, y = points(outputs=outputs)
    A = np.random.default_rng(1).standard_normal((2, D))
    model = KernelRidge(kernel, metric=mc.Factor(A), alpha=0.05, tol=1e-13).fit(X, y)
    Z = X @ A.T
    D2 = ((Z[:, None, :] - Z[None, :, :]) ** 2).sum(axis=-1)
    K = {"gaussian": np.exp(-D2 / 2), "laplace": np.exp(-np.sqrt(D2))}.get(str(kernel))
    if kernel == "matern32":
        K = (1 + np.sqrt(3 * D2)) * np.exp(-np.sqrt(3 * D2))
    elif K is None:
        K = 1 / (1 + D2 / 2)
    expected = exact(K, y, 0.05)
    np.testing.assert_allclose(
        model.dual_coef_, expected, rtol=1e-9, atol=1e-9 * abs(expected).max()
    )
    assert model.residual_ < 1e-12
    np.testing.assert_allclose(model.predict(X), K @ expected, rtol=1e-8, atol=1e-8)


def test_of_two_thousand_points_as_scikit_learn():
    X, y = points(2000, outputs=2)
    expected = Dense(kernel="rbf", gamma=GAMMA, alpha=0.1).fit(X, y)
    found = KernelRidge(metric=gaussian(), alpha=0.1).fit(X, y)
    scale = abs(expected.dual_coef_).max()
    np.testing.assert_allclose(found.dual_coef_, expected.dual_coef_, rtol=0, atol=1e-8 * scale)
    new, _ = points(50, seed=2)
    np.testing.assert_allclose(found.predict(new), expected.predict(new), rtol=1e-8, atol=1e-8)


def test_weights_as_scikit_learn(solver):
    X, y = points()
    weight = np.random.default_rng(3).uniform(0, 2, len(X))
    weight[:5] = 0
    expected = Dense(kernel="rbf", gamma=GAMMA, alpha=0.1).fit(X, y, weight)
    found = KernelRidge(metric=gaussian(), alpha=0.1, tol=1e-13).fit(X, y, weight)
    np.testing.assert_allclose(found.predict(X), expected.predict(X), rtol=1e-8, atol=1e-9)
    assert (found.dual_coef_[:5] == 0).all()


def test_a_point_of_weight_two_is_two_points(solver):
    X, y = points()
    weight = np.where(np.arange(len(X)) < 20, 2.0, 1.0)
    model = KernelRidge("laplace", alpha=0.3, tol=1e-13)
    copies = clone(model).fit(np.concatenate([X, X[:20]]), np.concatenate([y, y[:20]]))
    np.testing.assert_allclose(model.fit(X, y, weight).predict(X), copies.predict(X), rtol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_both_solvers_agree(dtype, monkeypatch):
    X, y = points(400, outputs=2)
    X, y = X.astype(dtype), y.astype(dtype)
    model = KernelRidge("laplace", alpha=0.1, tol=1e-5 if dtype == np.float32 else 1e-12)
    direct = clone(model).fit(X, y).predict(X)
    monkeypatch.setattr(kernel_system, "DIRECT", 0)
    iterated = model.fit(X, y)
    assert iterated.dual_coef_.dtype == iterated.predict(X).dtype == dtype
    close = 1e-4 if dtype == np.float32 else 1e-10
    np.testing.assert_allclose(iterated.predict(X), direct, rtol=close, atol=close * abs(y).max())
    assert 1 < iterated.n_iter_ < 60


def test_on_every_library(library, solver):
    X, y = points(outputs=2)
    weight = np.linspace(0.5, 2, len(X))
    model = KernelRidge("matern52", metric=gaussian(), alpha=0.1, tol=1e-12)
    expected = clone(model).fit(X, y, weight).predict(X)
    given = library.arrays(X, y, weight)
    w = np.full(D, 2 * GAMMA)
    metric = mc.Diagonal(w if library.lazy else library.array(w))
    found = model.set_params(metric=metric).fit(*given)
    np.testing.assert_allclose(on_host(found.predict(given[0])), expected, rtol=1e-8, atol=1e-9)
    assert found.score(given[0], given[1]) == pytest.approx(model.score(given[0], given[1]))


def test_the_preconditioner_spares_iterations(monkeypatch):
    monkeypatch.setattr(kernel_system, "DIRECT", 0)
    X, y = points(600, d=2)
    model = KernelRidge("gaussian", alpha=1e-2, tol=1e-8)
    with_it = clone(model).fit(X, y)
    monkeypatch.setattr(kernel_system, "nystroem", lambda *args: None)
    without = clone(model).fit(X, y)
    assert 4 * with_it.n_iter_ < without.n_iter_
    np.testing.assert_allclose(with_it.predict(X), without.predict(X), atol=1e-5)


def test_a_warm_start_has_nothing_left_to_do(monkeypatch):
    monkeypatch.setattr(kernel_system, "DIRECT", 0)
    X, y = points()
    model = KernelRidge(alpha=0.1, warm_start=True).fit(X, y)
    first = model.dual_coef_
    assert model.fit(X, y).n_iter_ == 0
    np.testing.assert_array_equal(model.dual_coef_, first)


def test_equal_points_without_a_ridge_are_warned_of():
    X, y = points()
    X, y = np.concatenate([X, X]), np.concatenate([y, y + 1])
    with pytest.warns(LinAlgWarning, match="KernelRidge met a singular matrix.*larger alpha"):
        model = KernelRidge("laplace", alpha=0.0).fit(X, y)
    np.testing.assert_allclose(model.predict(X), np.tile(y[:70] + 0.5, 2), atol=1e-4)


def test_what_has_no_solution_is_warned_of_and_stays_small(monkeypatch):
    """Equal points of different targets, and no ridge: iterations would part without a bound."""
    monkeypatch.setattr(kernel_system, "DIRECT", 0)
    X, y = points()
    twice, targets = np.concatenate([X, X]), np.concatenate([y, y + 0.5])
    with pytest.warns(ConvergenceWarning, match="write a larger alpha"):
        model = KernelRidge("laplace", alpha=0.0).fit(twice, targets)
    assert model.residual_ < 1
    assert abs(model.predict(X)).max() < 10 * abs(targets).max()


def test_too_few_iterations_are_warned_of(monkeypatch):
    monkeypatch.setattr(kernel_system, "DIRECT", 0)
    X, y = points()
    with pytest.warns(ConvergenceWarning, match="relative residual of .* after 1 iterations"):
        model = KernelRidge("laplace", alpha=1e-6, max_iter=1, tol=1e-10).fit(X, y)
    K = np.exp(-np.sqrt(((X[:, None] - X[None]) ** 2).sum(axis=-1)))
    left = y - K @ model.dual_coef_ - 1e-6 * model.dual_coef_
    expected = np.linalg.norm(left) / np.linalg.norm(y)
    assert model.residual_ == pytest.approx(expected, rel=1e-6)


def test_a_kernel_that_is_not_definite_is_no_number(solver):
    X, y = points()
    indefinite = mc.kernels.Kernel(lambda D: -D)
    model = KernelRidge(indefinite, alpha=1e-3)
    if solver == "direct":
        with (
            pytest.warns(LinAlgWarning, match="singular"),
            pytest.raises(ValueError, match="kernel is not positive definite"),
        ):
            model.fit(X, y)
        return
    with pytest.warns(ConvergenceWarning, match="relative residual"):
        model.fit(X, y)
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_targets_of_any_size(solver, scale):
    X, y = points()
    model = KernelRidge("laplace", alpha=0.1, tol=1e-12)
    expected = clone(model).fit(X, y).predict(X)
    np.testing.assert_allclose(model.fit(X, scale * y).predict(X), scale * expected, rtol=1e-8)


@pytest.mark.parametrize(
    ("parameters", "kind", "message"),
    [
        ({"kernel": "cosine"}, InvalidParameterError, "'kernel' parameter"),
        ({"kernel": mc.kernels.Gaussian}, InvalidParameterError, "'kernel' parameter"),
        ({"metric": np.eye(D)}, InvalidParameterError, "'metric' parameter"),
        (
            {"metric": mc.Diagonal(np.ones(2))},
            ValueError,
            r"metric Diagonal with w of shape \(2,\)",
        ),
        ({"metric": mc.Diagonal(np.array([1, np.nan, 1]))}, ValueError, "metric.*NaN"),
        ({"alpha": -1.0}, InvalidParameterError, "'alpha' parameter"),
        ({"alpha": np.inf}, InvalidParameterError, "'alpha' parameter"),
        ({"tol": 0.0}, InvalidParameterError, "'tol' parameter"),
        ({"max_iter": 0}, InvalidParameterError, "'max_iter' parameter"),
        ({"warm_start": "yes"}, InvalidParameterError, "'warm_start' parameter"),
    ],
)
def test_bad_parameters(parameters, kind, message):
    model = KernelRidge(**parameters)
    with pytest.raises(kind, match=message) as raised:
        model.fit(*points())
    assert type(raised.value) is kind
    assert not hasattr(model, "dual_coef_")


@pytest.mark.parametrize(
    ("y", "weight", "message"),
    [
        (np.ones(69), None, "inconsistent numbers of samples"),
        (np.ones((70, 0)), None, r"y has shape \(70, 0\)|0 feature"),
        (np.full(70, np.nan), None, "Input y contains NaN"),
        (np.ones(70), -np.ones(70), "sample_weight"),
        (np.ones(70), np.zeros(70), "[Ss]ample weights"),
        (np.ones(70), np.ones(69), "sample_weight"),
    ],
)
def test_bad_targets_and_weights(y, weight, message):
    with pytest.raises(ValueError, match=message):
        KernelRidge().fit(points()[0], y, weight)


def test_bad_targets_of_another_library():
    strict = pytest.importorskip("array_api_strict")
    X = strict.asarray(points()[0])
    for y, message in (
        (strict.ones(69, dtype=strict.float64), r"y has shape \(69,\)"),
        (strict.ones((70, 2, 1), dtype=strict.float64), "y has shape"),
        (strict.ones((70, 0), dtype=strict.float64), r"y has shape \(70, 0\)"),
        (strict.ones(70, dtype=strict.float64) * float("nan"), "y"),
    ):
        with pytest.raises(ValueError, match=message):
            KernelRidge().fit(X, y)
    with pytest.raises(TypeError, match="y is a numpy"):
        KernelRidge().fit(X, np.ones(70))
