"""Mini-batches: their mean is the loss of all points, and its gradient."""

import numpy as np
import pytest

import maha_core as mc

N, D, K = 36, 4, 2


@pytest.fixture(scope="module")
def numbers():
    rng = np.random.default_rng(0)
    X, A = rng.standard_normal((N, D)), 0.5 * rng.standard_normal((K, D))
    return X, A, rng.standard_normal(N), np.arange(N) % 3, rng.random(N)


class Tail(mc.losses.Loss):
    """A user's own: listed pairs of some rows with numbers of their own, and a reduction."""

    def __init__(self, i, j, numbers):
        self.i, self.j, self.numbers = i, j, numbers

    def pairs(self, n):
        return self.i, self.j

    def pair_data(self):
        return {"number": self.numbers}

    def pair_term(self, item, D):
        return item.number * D**2

    def reductions(self):
        return {"density": mc.reductions.LogSumExp()}

    def row_function(self, row):
        return -row.density


def listed(n):
    i = np.sort(np.random.default_rng(2).integers(0, n, 25))
    return i, (i + 5) % n, np.linspace(-1.0, 1.0, 25)


def losses(library, X, y, labels, weight):
    """Every kind of loss, on a library's arrays."""
    y, weight = library.arrays(y, weight)
    classes = library.array(labels)
    found = {
        "pairwise": mc.losses.Pairwise(
            lambda D, a, b: np.exp(-D) * (a - b) ** 2, data=y, symmetric=True
        ),
        "mlkr": mc.losses.MLKR(y, sample_weight=weight),
        "nca": mc.losses.NCA(classes),
        "log": mc.losses.NCA(classes, log=True, sample_weight=weight),
    }
    if not library.lazy:  # lists of pairs are in memory
        found["lmnn"] = mc.losses.LMNN(classes, mc.target_neighbors(X, classes, k=2))
        found["own"] = Tail(*map(library.array, listed(N)))
    return found


KINDS = ["pairwise", "mlkr", "nca", "log", "lmnn", "own"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tile_bytes", [None, 200])
def test_batches_of_an_epoch_have_the_mean_of_all_points(library, numbers, kind, tile_bytes):
    if tile_bytes and library.name not in ("numpy", "strict"):
        pytest.skip("tiles are those of NumPy's engine or of Dask's tasks")
    X, A, y, labels, weight = numbers
    X, A = library.arrays(X, A)
    given, metric = losses(library, X, y, labels, weight), mc.Factor(A)
    if kind not in given:
        pytest.skip("lists of pairs are in memory")
    loss = given[kind]
    value, gradient = mc.value_and_grad(loss, X, metric=metric)
    found, slopes = [], []
    for batch in mc.losses.BatchSampler(loss, X, batch_size=9, seed=3):
        with mc.options(tile_bytes=tile_bytes):
            one, slope = mc.value_and_grad(batch.loss, batch.X, metric=metric)
            alone = mc.value(batch.loss, batch.X, metric=metric)
        np.testing.assert_allclose(library.numpy(alone), library.numpy(one), rtol=1e-10)
        found.append(library.numpy(one))
        slopes.append(library.numpy(slope.metric))
    assert len(found) == 4
    np.testing.assert_allclose(np.mean(found), library.numpy(value), rtol=1e-9)
    expected = library.numpy(gradient.metric)
    np.testing.assert_allclose(np.mean(slopes, axis=0), expected, rtol=1e-9, atol=1e-9)


def drawn(loss, X, metric, **sizes):
    """The gradients of many batches."""
    sampler, found = mc.losses.BatchSampler(loss, X, seed=0, **sizes), []
    while len(found) < 1500:
        for batch in sampler:
            _, gradient = mc.value_and_grad(batch.loss, batch.X, metric=metric)
            found.append(gradient.metric.ravel())
    return np.array(found)


@pytest.mark.numpy_only
@pytest.mark.parametrize("kind", ["pairwise", "mlkr", "nca", "lmnn"])
def test_a_draw_is_unbiased(numbers, kind):
    X, A, y, labels, _ = numbers
    given = {
        "pairwise": mc.losses.Pairwise(lambda D, a, b: np.exp(-D) * (a - b) ** 2, data=y),
        "mlkr": mc.losses.MLKR(y),
        "nca": mc.losses.NCA(labels),
        "lmnn": mc.losses.LMNN(labels, mc.target_neighbors(X, labels, k=2)),
    }
    sizes = {"batch_size": 7, "n_references": 20} if kind == "pairwise" else {"batch_size": 7}
    metric = mc.Factor(A)
    found = drawn(given[kind], X, metric, **sizes)
    expected = mc.value_and_grad(given[kind], X, metric=metric)[1].metric.ravel()
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    # Batches of an epoch are without repetition, so that this error is an upper bound.
    assert np.all(np.abs(found.mean(axis=0) - expected) < 3 * error + 1e-9)


@pytest.mark.numpy_only
def test_a_share_of_the_columns_of_a_softmax_errs_less_the_larger_it_is(numbers):
    X, A, y, *_ = numbers
    loss, metric = mc.losses.MLKR(y), mc.Factor(A)
    expected = float(mc.value(loss, X, metric=metric))

    def bias(n_references):
        sampler = mc.losses.BatchSampler(loss, X, batch_size=6, n_references=n_references, seed=0)
        found = [mc.value(b.loss, b.X, metric=metric) for _ in range(60) for b in sampler]
        return abs(np.mean(found) - expected)

    assert bias(N) < 1e-9 < bias(30) < bias(10)


@pytest.mark.numpy_only
def test_an_epoch_has_every_row_once(numbers):
    X, _, y, *_ = numbers
    sampler = mc.losses.BatchSampler(mc.losses.MLKR(y), X, batch_size=10, n_references=15, seed=1)
    batches = list(sampler)
    assert len(batches) == len(sampler) == 4
    rows = np.concatenate([batch.index[: batch.n_rows] for batch in batches])
    np.testing.assert_array_equal(np.sort(rows), np.arange(N))
    for batch in batches:
        assert len(np.unique(batch.index)) == len(batch.index) == 15
        np.testing.assert_array_equal(batch.X, X[batch.index])
    again = next(iter(mc.losses.BatchSampler(mc.losses.MLKR(y), X, batch_size=10, seed=1)))
    np.testing.assert_array_equal(again.index[: again.n_rows], rows[: again.n_rows])


@pytest.mark.numpy_only
def test_rows_without_weight_change_nothing_where_they_are_visited(numbers):
    """Points' gradients and Hessian products visit all rows."""
    X, A, _, labels, _ = numbers
    batch = next(iter(mc.losses.BatchSampler(mc.losses.NCA(labels), X, batch_size=9, seed=0)))
    metric = mc.Factor(A)
    alone = mc.value_and_grad(batch.loss, batch.X, metric=metric)[1]
    both = mc.value_and_grad(batch.loss, batch.X, metric=metric, wrt=("metric", "X"))[1]
    np.testing.assert_allclose(both.metric, alone.metric, rtol=1e-10, atol=1e-12)
    step, direction = 1e-5, np.random.default_rng(1).standard_normal(A.shape)
    product = mc.hvp(batch.loss, batch.X, metric=metric, metric_tangent=direction).metric
    slopes = [
        mc.value_and_grad(batch.loss, batch.X, metric=mc.Factor(A + sign * step * direction))[1]
        for sign in (1, -1)
    ]
    expected = (slopes[0].metric - slopes[1].metric) / (2 * step)
    np.testing.assert_allclose(product, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.numpy_only
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"loss": len}, TypeError, "must be a maha_core.losses.Loss"),
        ({"batch_size": 0}, ValueError, r"outside 1 ... 36: X has 36 points"),
        ({"batch_size": 37}, ValueError, r"outside 1 ... 36"),
        ({"batch_size": 2.5}, TypeError, "must be an integer"),
        ({"n_references": 5}, ValueError, "n_references=5 is less than 6"),
        ({"X": [[1.0]]}, TypeError, "X"),
    ],
)
def test_what_cannot_be_drawn(numbers, change, error, message):
    X, _, y, *_ = numbers
    given = {"loss": mc.losses.MLKR(y), "X": X, "batch_size": 6} | change
    with pytest.raises(error, match=message):
        mc.losses.BatchSampler(given.pop("loss"), given.pop("X"), **given)


@pytest.mark.numpy_only
def test_listed_points_have_to_be_columns(numbers):
    X, _, _, labels, _ = numbers
    loss = mc.losses.LMNN(labels, mc.target_neighbors(X, labels, k=2))
    with pytest.raises(ValueError, match="LMNN lists pairs"):
        next(iter(mc.losses.BatchSampler(loss, X, batch_size=4, n_references=20)))
