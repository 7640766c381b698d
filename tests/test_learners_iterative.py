"""Iterative learners beside the conditions of their optimum, and their losses in longdouble."""

import sys
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")
from scipy.optimize import linprog
from sklearn.covariance import graphical_lasso
from sklearn.exceptions import ConvergenceWarning

import maha_core as mc
from maha_core.learn.lsml import invertible
from maha_core.learn.percentiles import distance_percentiles
from tuple_learners import points, quadratic, rows_of_tuples

X, Y = points()
PAIRS, LABELS = rows_of_tuples(2)
DIFFERENCES = X[PAIRS[:, 0]] - X[PAIRS[:, 1]]
ALIKE, APART = DIFFERENCES[LABELS == 1], DIFFERENCES[LABELS == -1]
TRIPLETS = X[rows_of_tuples(3)[0]]
QUADRUPLETS = X[rows_of_tuples(4)[0]]


def central_difference(value, M, step=1e-5):
    """The gradient of a function of a symmetric matrix, entry by entry."""
    gradient = np.zeros_like(M)
    for k, l in zip(*np.triu_indices(len(M)), strict=True):
        E = np.zeros_like(M)
        E[k, l] = E[l, k] = 1.0 if k == l else 0.5
        slope = (value(M + step * E) - value(M - step * E)) / (2 * step)
        gradient[k, l] = gradient[l, k] = float(slope)
    return gradient


# ------------------------------------------------------------------------------------------- ITML


@pytest.mark.parametrize("gamma", [0.1, 2.0])
@pytest.mark.parametrize("prior", ["identity", "covariance"])
def test_itml_ends_where_the_divergence_is_smallest(gamma, prior):
    """Stationarity of div(M, M0) + gamma div(xi, xi0) with D = xi where a bound is active."""
    learner = mc.learn.ITML(gamma, prior=prior, tol=1e-13, max_iter=200000)
    learner.fit(X[PAIRS], LABELS, bounds=(4.0, 30.0))
    M = learner.get_mahalanobis_matrix()
    M0 = np.eye(4)
    if prior == "covariance":
        M0 = np.linalg.inv(np.cov(X[np.unique(PAIRS)], rowvar=False))
    D = quadratic(DIFFERENCES, M).astype(float)
    bounds = np.where(LABELS == 1, 4.0, 30.0)
    # 1/xi = 1/xi0 + sign lambda / gamma, and D = xi where lambda > 0; lambda is what D says
    multipliers = np.maximum(gamma * LABELS * (1 / bounds - 1 / D), 0)
    rebuilt = np.linalg.inv(M0) + (DIFFERENCES * (multipliers * LABELS)[:, None]).T @ DIFFERENCES
    np.testing.assert_allclose(np.linalg.inv(M), rebuilt, rtol=1e-6, atol=1e-8)
    assert (multipliers > 0).any()
    assert (multipliers == 0).any()


def test_itml_of_hard_bounds_holds_them():
    learner = mc.learn.ITML(np.inf, tol=1e-12, max_iter=100000)
    apart = APART[np.abs(APART[:, 0]) > 4]
    pairs = np.concatenate([ALIKE, apart])[:, None, :] * np.array([1.0, 0.0])[:, None]
    y = np.repeat([1, -1], [len(ALIKE), len(apart)])
    M = learner.fit(pairs, y, bounds=(9.0, 10.0)).get_mahalanobis_matrix()
    assert quadratic(ALIKE, M).max() <= 9 * (1 + 1e-9)
    assert quadratic(apart, M).min() >= 10 * (1 - 1e-9)


def test_itml_without_numba(monkeypatch):
    def fitted():
        return mc.learn.ITML(0.1).fit(X[PAIRS], LABELS)

    expected = fitted()
    with mc.options(compiled=False):
        plain = fitted()
    assert plain.n_iter_ == expected.n_iter_
    np.testing.assert_allclose(plain.components_, expected.components_, rtol=1e-9, atol=1e-12)


def test_numba_may_be_missing(monkeypatch):
    from maha_core.learn.compiled import compiled

    monkeypatch.setitem(sys.modules, "numba", None)
    assert compiled(lambda a: [a])(3) == [3]  # a list of a number is nothing that numba makes


def test_itml_says_when_it_has_not_converged():
    with pytest.warns(ConvergenceWarning, match=r"ITML did not converge within max_iter=2 sweeps"):
        mc.learn.ITML(max_iter=2).fit(X[PAIRS], LABELS)


def test_equal_points_apart_are_left_out_with_a_word():
    pairs, y = np.concatenate([X[PAIRS], X[:2, None].repeat(2, 1)]), np.r_[LABELS, -1, 1]
    with pytest.warns(UserWarning, match=r"1 pair\(s\) with the label -1 are of equal points"):
        found = mc.learn.ITML(0.1).fit(pairs, y, bounds=(2.0, 20.0))
    expected = mc.learn.ITML(0.1).fit(X[PAIRS], LABELS, bounds=(2.0, 20.0))
    np.testing.assert_array_equal(found.components_, expected.components_)


def test_default_bounds_are_percentiles_of_all_distances():
    learner = mc.learn.ITML(0.1).fit(X[PAIRS], LABELS)
    distinct = X[np.unique(PAIRS)]
    distances = np.sqrt(((distinct[:, None] - distinct) ** 2).sum(axis=2))
    np.testing.assert_allclose(learner.bounds_, np.percentile(distances, (5, 95)), rtol=1e-10)


@pytest.mark.parametrize("spread", ["normal", "whole numbers", "two clusters"])
def test_percentiles_in_blocks(monkeypatch, spread):
    from maha_core.learn import percentiles

    monkeypatch.setattr(percentiles, "ENTRIES", 50)
    monkeypatch.setattr(percentiles, "BINS", 8)
    rng = np.random.default_rng(3)
    points = rng.standard_normal((40, 2))
    if spread == "whole numbers":
        points = np.round(points)
    if spread == "two clusters":
        points = 1e-3 * points + 1e3 * (np.arange(40) % 2)[:, None]
    D = np.sqrt(((points[:, None] - points) ** 2).sum(axis=2))
    asked = (0, 5, 37.5, 95, 100)
    np.testing.assert_allclose(
        distance_percentiles(points, asked), np.percentile(D, asked), rtol=1e-6, atol=1e-9
    )


# -------------------------------------------------------------------------------------------- MMC


@pytest.mark.parametrize("init", ["identity", "covariance", "random"])
def test_mmc_ends_at_the_optimum_of_its_convex_problem(init):
    """G = grad of sum sqrt(D) is below mu S everywhere, and equal to it on M's range."""
    learner = mc.learn.MMC(init=init, tol=1e-14, random_state=0).fit(X[PAIRS], LABELS)
    M = learner.get_mahalanobis_matrix()
    S = ALIKE.T @ ALIKE
    distances = np.sqrt(quadratic(APART, M)).astype(float)
    assert learner.loss_ == pytest.approx(-distances.sum(), rel=1e-10)
    G = (APART / (2 * distances)[:, None]).T @ APART
    mu = np.sum(G * M) / np.sum(S * M)
    dual = np.linalg.eigvalsh(
        np.linalg.solve(np.linalg.cholesky(S), G) @ np.linalg.inv(np.linalg.cholesky(S)).T
    )
    assert dual.max() <= mu * (1 + 1e-4)
    assert mu > 0


def test_mmc_keeps_to_its_budget_from_any_start():
    S = ALIKE.T @ ALIKE
    given = np.diag([1.0, 2.0, 0.5, 3.0])
    learner = mc.learn.MMC(init=given).fit(X[PAIRS], LABELS)
    M = learner.get_mahalanobis_matrix()
    assert np.sum(S * M) == pytest.approx(np.sum(S * given) / 100, rel=1e-10)
    other = mc.learn.MMC(tol=1e-13).fit(X[PAIRS], LABELS).get_mahalanobis_matrix()
    np.testing.assert_allclose(M / np.trace(M), other / np.trace(other), atol=1e-3)


@pytest.mark.parametrize("c", [1.0, 5.0])
def test_mmc_of_a_diagonal_metric(c):
    learner = mc.learn.MMC(diagonal=True, diagonal_c=c, tol=1e-13).fit(X[PAIRS], LABELS)
    M = learner.get_mahalanobis_matrix()
    w = np.diag(M)
    np.testing.assert_array_equal(M, np.diag(w))

    def loss(w):
        distances = np.sqrt((APART.astype(np.longdouble) ** 2) @ w)
        return ((ALIKE.astype(np.longdouble) ** 2) @ w).sum() - c * np.log(distances.sum())

    assert learner.loss_ == pytest.approx(float(loss(w)), rel=1e-10)
    slopes = [float(loss(w + 1e-7 * e) - loss(w)) / 1e-7 for e in np.eye(4)]
    size = np.sum(ALIKE**2)
    for weight, slope in zip(w, slopes, strict=True):
        assert slope >= -1e-4 * size
        assert weight * abs(slope) <= 1e-4 * size * w.max()


# ------------------------------------------------------------------------------------------- LSML


def lsml_loss(M, weights, prior_inverse):
    near = np.sqrt(quadratic(QUADRUPLETS[:, 0] - QUADRUPLETS[:, 1], M))
    far = np.sqrt(quadratic(QUADRUPLETS[:, 2] - QUADRUPLETS[:, 3], M))
    residual = weights @ np.maximum(near - far, 0) ** 2
    return residual + np.sum(M * prior_inverse) - np.linalg.slogdet(M)[1]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("prior", ["identity", "covariance", "random"])
def test_lsml_ends_where_its_loss_is_flat(prior, weighted):
    weights = np.arange(40.0) if weighted else np.ones(40)
    learner = mc.learn.LSML(prior=prior, tol=1e-14, random_state=1)
    learner.fit(QUADRUPLETS, weights=weights if weighted else None)
    M0 = np.eye(4)
    if prior == "covariance":
        distinct = np.unique(QUADRUPLETS.reshape(-1, 4), axis=0)
        M0 = np.linalg.inv(np.cov(distinct, rowvar=False))
    if prior == "random":
        from sklearn.datasets import make_spd_matrix

        M0 = make_spd_matrix(4, random_state=np.random.RandomState(1))

    def loss(M):
        return lsml_loss(M, weights / weights.sum(), np.linalg.inv(M0))

    M = learner.get_mahalanobis_matrix()
    assert learner.loss_ == pytest.approx(float(loss(M)), rel=1e-9)
    assert loss(M) < loss(M0) - 1e-3
    gradient = central_difference(loss, M)
    root = learner.components_
    assert np.abs(root @ gradient @ root.T).max() < 1e-3  # in units of M


def test_lsml_of_satisfied_quadruplets_is_the_prior():
    far = QUADRUPLETS[:, [2, 3, 0, 1]]
    order = np.where(
        (
            np.linalg.norm(far[:, 0] - far[:, 1], axis=1)
            > np.linalg.norm(far[:, 2] - far[:, 3], axis=1)
        )[:, None, None],
        QUADRUPLETS,
        far,
    )
    learner = mc.learn.LSML().fit(order)
    np.testing.assert_allclose(learner.get_mahalanobis_matrix(), np.eye(4), atol=1e-12)
    assert learner.n_iter_ == 1


@pytest.mark.parametrize("scale", [0.01, 1.0, 5.0])
def test_lsml_of_one_column(scale):
    """The loss is M (1 + excess) - log M; a first step of L-BFGS may lead to A = 0."""
    given = scale * QUADRUPLETS[:, :, :1]
    found = mc.learn.LSML(tol=1e-12).fit(given).get_mahalanobis_matrix().item()
    near, far = np.abs(given[:, 0] - given[:, 1]), np.abs(given[:, 2] - given[:, 3])
    excess = np.mean(np.maximum(near - far, 0) ** 2)
    assert found == pytest.approx(1 / (1 + excess), rel=1e-5)


def test_lsml_turns_back_from_a_singular_matrix():
    found = invertible(np.zeros((2, 2)))
    assert np.isfinite(np.linalg.slogdet(found)[1])
    np.testing.assert_array_equal(invertible(np.eye(2)), np.eye(2))


def test_lsml_of_quadruplets_whose_far_points_are_equal():
    given = QUADRUPLETS.copy()
    given[3, 3] = given[3, 2]
    learner = mc.learn.LSML().fit(given)
    assert np.isfinite(learner.components_).all()


# ------------------------------------------------------------------------------------------- SDML


@pytest.mark.parametrize("sparsity", [0.01, 0.2])
def test_sdml_ends_where_the_lasso_is_optimal(sparsity):
    learner = mc.learn.SDML(1e-3, sparsity).fit(X[PAIRS], LABELS)
    M = learner.get_mahalanobis_matrix()
    S = np.eye(4) + 1e-3 * (DIFFERENCES * LABELS[:, None]).T @ DIFFERENCES
    slope = S - np.linalg.inv(M)
    beside = ~np.eye(4, dtype=bool)
    active = beside & (np.abs(M) > 1e-9)
    np.testing.assert_allclose(np.diag(slope), 0, atol=1e-6)
    np.testing.assert_allclose(slope[active], -sparsity * np.sign(M[active]), atol=1e-6)
    assert (np.abs(slope[beside & ~active]) <= sparsity + 1e-6).all()


@pytest.mark.parametrize("penalty", [1e-3, 0.05, 0.2, 0.5])
def test_sdml_of_unconnected_columns_is_the_lasso_of_all(penalty):
    """Columns are put together from two groups, in another order, with a little between them."""
    rng = np.random.default_rng(0)
    near, order = rng.standard_normal((200, 7)), rng.permutation(7)
    near[:, [1, 2]] += 3 * near[:, [0]]
    near[:, [4, 5]] -= 2 * near[:, [3]]
    pairs = np.stack([np.zeros((202, 7)), np.r_[near[:, order], np.full((2, 7), 0.1)]], axis=1)
    labels = np.repeat([1, -1], [200, 2])
    M = mc.learn.SDML(1e-3, penalty).fit(pairs, labels).get_mahalanobis_matrix()
    d = pairs[:, 1]
    S = np.eye(7) + 1e-3 * (d * labels[:, None]).T @ d
    whole = graphical_lasso(S, penalty, tol=1e-9, enet_tol=1e-11, max_iter=5000)[1]
    np.testing.assert_allclose(M, whole, atol=1e-5 * np.abs(whole).max())


def test_sdml_is_sparser_the_larger_the_parameter():
    zeros = [
        np.sum(
            np.abs(mc.learn.SDML(1e-3, sparsity).fit(X[PAIRS], LABELS).get_mahalanobis_matrix())
            < 1e-9
        )
        for sparsity in (1e-3, 10.0)
    ]
    assert zeros[0] < zeros[1] == 12


# ------------------------------------------------------------------------------------------- SCML


def dual_averaging(Z, triplets, draws, beta, gamma):
    """Xiao's method with steps as Duchi's, triplet by triplet."""
    w, average, squares = (np.zeros(Z.shape[1]) for _ in range(3))
    for t, batch in enumerate(draws, start=1):
        gradient = np.zeros_like(w)
        for a, b, c in triplets[batch]:
            slope = (Z[a] - Z[b]) ** 2 - (Z[a] - Z[c]) ** 2
            if 1 + slope @ w > 0:
                gradient += slope / len(batch)
        average += (gradient - average) / t
        squares += gradient**2
        w = np.maximum(-(average + beta), 0) * t / (gamma * (1e-3 + np.sqrt(squares)))
    return w


def test_scml_steps_by_dual_averaging():
    rows, _ = rows_of_tuples(3)
    basis = np.random.default_rng(0).standard_normal((7, 4))
    learner = mc.learn.SCML(1e-3, basis, max_iter=60, output_iter=60, random_state=8)
    M = learner.fit(X[rows]).get_mahalanobis_matrix()
    draws = np.random.RandomState(8).randint(0, len(rows), size=(60, 10))
    w = dual_averaging(X @ basis.T, rows, draws, 1e-3, 5e-3)
    np.testing.assert_allclose(M, (basis * w[:, None]).T @ basis, rtol=1e-8, atol=1e-10)
    near, far = TRIPLETS[:, 0] - TRIPLETS[:, 1], TRIPLETS[:, 0] - TRIPLETS[:, 2]
    hinge = np.maximum(1 + quadratic(near, M) - quadratic(far, M), 0).mean()
    assert learner.loss_ == pytest.approx(float(hinge) + 1e-3 * w.sum(), rel=1e-9)


def test_scml_comes_near_the_optimum_of_the_linear_program():
    basis, beta = np.random.default_rng(0).standard_normal((7, 4)), 1e-3
    learner = mc.learn.SCML(beta, basis, gamma=5.0, max_iter=20000, random_state=0).fit(TRIPLETS)
    slopes = ((TRIPLETS[:, 0] - TRIPLETS[:, 1]) @ basis.T) ** 2
    slopes = slopes - ((TRIPLETS[:, 0] - TRIPLETS[:, 2]) @ basis.T) ** 2
    t = len(slopes)
    best = linprog(
        np.r_[np.full(7, beta), np.full(t, 1 / t)],
        A_ub=np.hstack([slopes, -np.eye(t)]),
        b_ub=-np.ones(t),
    )
    assert best.fun - 1e-9 <= learner.loss_ <= 1.1 * best.fun + 1e-3


def test_scml_without_numba():
    def fitted():
        return mc.learn.SCML(max_iter=200, n_basis=20, random_state=0).fit(TRIPLETS)

    expected = fitted()
    with mc.options(compiled=False):
        np.testing.assert_allclose(fitted().components_, expected.components_, rtol=1e-9)


@pytest.mark.parametrize("basis", ["lda", "triplet_diffs", np.eye(4)])
def test_scml_supervised_by_every_basis(basis):
    learner = mc.learn.SCML_Supervised(basis=basis, gamma=5.0, max_iter=5000, random_state=0).fit(
        X, Y
    )
    triplets = mc.learn.Constraints(Y).generate_knntriplets(X, 3, 10)
    D = mc.sqdist(X, metric=learner.metric_)
    a, b, c = triplets.T
    hinge = np.maximum(1 + D[a, b] - D[a, c], 0).mean()
    assert hinge <= learner.loss_ * (1 + 1e-9)
    assert learner.loss_ < 1


def test_sparse_weights_give_few_components():
    learner = mc.learn.SCML(basis=np.eye(4)[:2], max_iter=500, random_state=0).fit(TRIPLETS)
    assert learner.components_.shape[0] <= 2
    assert learner.transform(X).shape == (60, len(learner.components_))


def test_scml_shows_its_loss(capsys):
    mc.learn.SCML(basis=np.eye(4), max_iter=40, output_iter=20, verbose=1).fit(TRIPLETS)
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize("kind", [mc.learn.LSML, mc.learn.MMC])
def test_too_few_iterations_are_warned_of(kind):
    given = (QUADRUPLETS,) if kind is mc.learn.LSML else (X[PAIRS], LABELS)
    with pytest.warns(ConvergenceWarning, match="did not converge within max_iter=1"):
        kind(max_iter=1, tol=1e-14).fit(*given)


def test_an_interrupt_keeps_the_best(monkeypatch):
    from maha_core.learn import lsml

    original, count = lsml.Pairs.sqdist, []

    def pressed(pairs, A):
        count.append(1)
        if len(count) > 8:
            raise KeyboardInterrupt
        return original(pairs, A)

    monkeypatch.setattr(lsml.Pairs, "sqdist", pressed)
    learner = mc.learn.LSML()
    with pytest.raises(KeyboardInterrupt), warnings.catch_warnings():
        learner.fit(QUADRUPLETS)
    assert np.isfinite(learner.loss_)
    assert learner.components_.shape == (4, 4)
