"""Mini-batches, trust regions, several starts, and the penalty that MLKR chooses by itself."""

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import scale

import maha_core as mc
from learners import LEARNERS, few_points, fitted, on_host, targets_of
from maha_core.learn.adam import Adam
from maha_core.learn.batch_search import SCHEDULES

pytestmark = pytest.mark.numpy_only
X, Y = few_points(n=120, d=5)


@pytest.fixture(scope="module")
def digits():
    points, labels = load_digits(return_X_y=True)
    points = scale(points)[::2]
    return points, labels[::2], np.arange(len(points)) % 3 > 0


# -------------------------------------------------------------------------------------------- Adam


def test_adam_takes_the_steps_of_the_paper():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    gradients = rng.standard_normal((20, 3, 4))
    A = torch.zeros((3, 4), dtype=torch.float64, requires_grad=True)
    theirs = torch.optim.Adam([A], lr=0.1, eps=0.0)
    ours, adam = np.zeros((3, 4)), Adam((3, 4))
    for gradient in gradients:
        A.grad = torch.as_tensor(gradient)
        theirs.step()
        ours = ours + 0.1 * adam.step(gradient)
    np.testing.assert_allclose(ours, A.detach().numpy(), rtol=1e-6)


def test_adam_knows_no_scale_and_stays_where_there_is_no_gradient():
    gradients = np.random.default_rng(0).standard_normal((5, 2, 2))
    small, large = Adam((2, 2)), Adam((2, 2))
    for gradient in gradients:
        np.testing.assert_allclose(
            small.step(1e-30 * gradient), large.step(1e30 * gradient), rtol=1e-9
        )
    assert not Adam((2, 2)).step(np.zeros((2, 2))).any()


@pytest.mark.parametrize(("name", "last"), [("constant", 1.0), ("cosine", 0.0)])
def test_schedules_begin_at_the_whole_rate(name, last):
    assert SCHEDULES[name](0.0) == pytest.approx(1.0)
    assert SCHEDULES[name](1.0) == pytest.approx(last)


# ------------------------------------------------------------------------------------- mini-batches


@pytest.mark.parametrize("name", LEARNERS)
def test_mini_batches_reach_the_loss_of_the_full_batch(name):
    options = {"init": "identity", "random_state": 0}
    if name == "MLKR":
        options["alpha"] = 1.0
    learner, y = LEARNERS[name](max_iter=500, **options), targets_of(LEARNERS[name](), Y)
    full = fitted(learner, X, y)
    batches = fitted(
        clone(learner).set_params(batch_size=30, max_iter=60, learning_rate=0.1, tol=None), X, y
    )
    start = fitted(clone(learner).set_params(max_iter=1), X, y)

    def loss(found):
        if name == "LMNN":
            own = mc.losses.LMNN(y, mc.target_neighbors(X, y, k=3))
            return float(mc.value(own, X, metric=found.metric_))
        own = getattr(mc.losses, name)(y)
        penalty = found.alpha_ * np.sum((X.std(axis=0) * found.components_) ** 2) * y.std() ** 2
        return float(mc.value(own, X, metric=found.metric_)) + penalty

    if name == "NCA":
        assert mc.value(mc.losses.NCA(y), X, metric=batches.metric_) < 0.97 * full.loss_
        return
    assert loss(full) == pytest.approx(full.loss_)
    assert loss(batches) - full.loss_ < 0.2 * (start.loss_ - full.loss_) + 0.02 * full.loss_


def test_few_references_classify_as_well(digits):
    points, labels, train = digits
    given = {"init": "pca", "random_state": 0, "max_iter": 25}

    def accuracy(**options):
        learner = fitted(mc.learn.NCA(8, **given, **options), points[train], labels[train])
        near = KNeighborsClassifier(3).fit(learner.transform(points[train]), labels[train])
        return near.score(learner.transform(points[~train]), labels[~train])

    assert accuracy(batch_size=60, n_references=240) > accuracy() - 0.02


@pytest.mark.parametrize("name", LEARNERS)
def test_a_seed_gives_the_same_bits(name):
    def components(seed):
        learner = LEARNERS[name](
            batch_size=25, validation_fraction=0.2, max_iter=3, random_state=seed
        )
        return fitted(learner, X, targets_of(learner, Y)).components_

    np.testing.assert_array_equal(components(0), components(0))
    assert np.any(components(0) != components(1))


@pytest.mark.parametrize("name", LEARNERS)
def test_points_that_were_held_out_end_the_search(name):
    """Targets without a pattern: nothing that is learned holds outside."""
    rng = np.random.default_rng(0)
    points = rng.standard_normal((90, 6))
    y = rng.permutation(targets_of(LEARNERS[name](), np.arange(90) % 3))
    learner = LEARNERS[name](
        init="identity",
        batch_size=20,
        validation_fraction=0.3,
        n_iter_no_change=2,
        max_iter=200,
        learning_rate=0.2,
        schedule="constant",
        random_state=0,
    )
    fitted(learner, points, y)
    assert learner.n_iter_ < 200
    assert np.isfinite(learner.loss_)


def test_a_share_that_holds_out_nothing_is_refused():
    with pytest.raises(ValueError, match=r"validation_fraction=0.01 holds out 0 of 24 points"):
        mc.learn.NCA(batch_size=5, validation_fraction=0.01).fit(*few_points())


def test_references_of_lmnn_are_all_points():
    with pytest.raises(ValueError, match="LMNN lists pairs"):
        mc.learn.LMNN(batch_size=5, n_references=20).fit(X, Y)


def test_an_interrupt_keeps_the_last_epoch():
    seen = []

    def callback(A, epoch):
        seen.append(A.copy())
        if epoch == 2:
            raise KeyboardInterrupt

    learner = mc.learn.NCA(2, batch_size=20, callback=callback, random_state=0)
    with pytest.raises(KeyboardInterrupt) as raised:
        learner.fit(X, Y)
    assert "after 2 epochs" in raised.value.__notes__[0]
    np.testing.assert_array_equal(learner.components_.ravel(), seen[-1])
    assert learner.n_iter_ == 2


def test_a_loss_that_is_not_finite_ends_with_a_warning():
    points = 1e200 * X  # D overflows
    with pytest.warns(ConvergenceWarning, match="not finite after 0 epochs"):
        learner = mc.learn.NCA(2, init="identity", batch_size=20).fit(points, Y)
    np.testing.assert_array_equal(learner.components_, np.eye(2, 5))


def test_verbose_shows_the_standard_error(capsys):
    fitted(mc.learn.NCA(2, batch_size=20, max_iter=2, verbose=1), X, Y)
    shown = capsys.readouterr()
    assert "standard error" in (shown.err + shown.out).lower()


@pytest.mark.parametrize("library_name", ["array_api_strict", "torch"])
def test_batches_of_any_array(library_name):
    xp = pytest.importorskip(library_name)
    learner = mc.learn.NCA(2, init="identity", batch_size=20, n_references=60, max_iter=3)
    learner.set_params(validation_fraction=0.2, random_state=0)
    expected = fitted(learner, np.sort(X, axis=0), np.sort(Y)).components_
    found = fitted(clone(learner), xp.asarray(np.sort(X, axis=0)), xp.asarray(np.sort(Y)))
    np.testing.assert_allclose(on_host(found.components_), expected, rtol=1e-6, atol=1e-9)


def test_batches_of_a_dask_array():
    da = pytest.importorskip("dask.array")
    learner = mc.learn.MLKR(2, init="identity", alpha=1.0, batch_size=40, max_iter=2)
    learner.set_params(random_state=0)
    y = Y.astype(float)
    expected = fitted(learner, X, y).components_
    found = fitted(clone(learner), da.from_array(X, chunks=50), da.from_array(y, chunks=50))
    np.testing.assert_allclose(on_host(found.components_), expected, rtol=1e-6, atol=1e-9)


# --------------------------------------------------------------------------- solvers and starts


@pytest.mark.parametrize("name", LEARNERS)
def test_a_trust_region_ends_where_the_gradient_is_small(name):
    options = {"alpha": 2.0} if name == "MLKR" else {}
    learner = LEARNERS[name](2, max_iter=300, tol=1e-10, **options)
    learner.set_params(init="pca", n_components=2, solver="trust-ncg")
    y = targets_of(learner, Y)
    newton = fitted(learner, X, y)
    lbfgs = fitted(clone(learner).set_params(solver="lbfgs", tol=1e-9), X, y)
    assert newton.loss_ <= lbfgs.loss_ + 0.02 * abs(lbfgs.loss_)


def test_more_starts_end_no_higher():
    losses = []
    for n_init in (1, 3):
        learner = mc.learn.NCA(2, init="random", n_init=n_init, random_state=0, max_iter=200)
        losses.append(fitted(learner, X, Y).loss_)
    assert losses[1] <= losses[0]


# ------------------------------------------------------------------------------ MLKR's own penalty


class BestBandwidth(mc.learn.MLKR):
    """Kernel regression with the multiple of the identity that errs least, leaving one out."""

    def fit(self, X, y):
        loss, tried = mc.losses.MLKR(y), np.geomspace(0.02, 100, 60) / X.std()
        errors = [float(mc.value(loss, X, metric=mc.Factor(t * np.eye(X.shape[1])))) for t in tried]
        self.set_params(init=tried[np.argmin(errors)] * np.eye(X.shape[1]), max_iter=1, tol=1e30)
        self.set_params(alpha=0.0)
        fitted(super(), X, y)
        self._keep_components(self.init, X)
        self._fit_embedding = X @ self.init.T
        return self


def housing(n=250):
    """Skewed columns of very different size, places, and a price of some of them."""
    rng = np.random.default_rng(0)
    north = rng.choice([34.0, 36.0, 37.7], n) + 0.5 * rng.standard_normal(n)
    west = -118 - 1.1 * (north - 34) + 0.5 * rng.standard_normal(n)
    income = np.exp(1.25 + 0.45 * rng.standard_normal(n))
    people = np.exp(7 + 0.75 * rng.standard_normal(n))
    rooms = np.exp(1.6 + 0.3 * rng.standard_normal(n)) * (1 + 0.1 * income)
    coast = np.exp(-2 * np.abs(west + 118 + 1.1 * (north - 34)))
    y = 0.45 * income + 1.2 * coast + 0.3 * np.sin(2 * north) + 0.5 * rng.standard_normal(n)
    return np.column_stack([income, people, rooms, north, west]), y


@pytest.mark.parametrize("data", ["diabetes", "housing"])
@pytest.mark.parametrize("scaling", ["raw", "scaled"])
def test_mlkr_by_default_is_no_worse_than_the_best_bandwidth(data, scaling):
    points, y = load_diabetes(return_X_y=True) if data == "diabetes" else housing()
    points = points if scaling == "raw" else scale(points)
    folds = KFold(3, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = cross_val_score(mc.learn.MLKR(), points, y, cv=folds).mean()
        theirs = cross_val_score(BestBandwidth(), points, y, cv=folds).mean()
    assert ours > theirs - 0.01


def test_the_scale_of_targets_and_points_changes_nothing():
    points, y = housing(200)
    learner = fitted(mc.learn.MLKR(), points, y)
    larger = fitted(mc.learn.MLKR(), 1e-3 * points, 1000 * y)
    assert larger.alpha_ == pytest.approx(learner.alpha_, rel=1e-6)
    assert larger.loss_ == pytest.approx(1e6 * learner.loss_, rel=1e-3)
    more, _ = housing(50)
    np.testing.assert_allclose(larger.predict(1e-3 * more) / 1000, learner.predict(more), rtol=1e-2)


def test_alpha_reproduces_what_was_chosen_by_the_objective():
    points, y = housing(150)
    learner = fitted(mc.learn.MLKR(max_iter=500), points, y)
    penalty = np.sum((learner.components_ * points.std(axis=0)) ** 2) * y.var() * learner.alpha_
    value = float(mc.value(mc.losses.MLKR(y), points, metric=learner.metric_))
    assert learner.loss_ == pytest.approx(value + penalty)


def test_the_score_of_points_of_fit_leaves_one_out_by_the_loss():
    points, y = housing(150)
    learner = fitted(mc.learn.MLKR(), points, y)
    left_out = mc.value(mc.losses.MLKR(y), points, metric=learner.metric_)
    assert learner.score(points, y) > 1 - left_out / ((y - y.mean()) ** 2).sum()


def test_an_interrupt_while_alpha_is_chosen_keeps_the_start(monkeypatch):
    from maha_core.learn import mlkr

    def pressed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(mlkr, "chosen_penalty", pressed)
    learner = mc.learn.MLKR(2, init="identity")
    with pytest.raises(KeyboardInterrupt) as raised:
        learner.fit(X, Y.astype(float))
    assert "while it chose alpha" in raised.value.__notes__[0]
    np.testing.assert_allclose(learner.components_, np.eye(2, 5))
