"""A loss of a user that has everything: reductions of whole rows, listed items with data."""

import dask.array as da
import numpy as np
import pytest

import lazy_problems as problems
import maha_core as mc

N, M, ITEMS = 41, 23, 30
X, Y = problems.draw(N, 4), problems.draw(M, 4, seed=1)
METRIC = mc.Factor(problems.draw(2, 4, seed=2))
WEIGHTS = 0.5 + np.abs(problems.draw(N, seed=3))
LAYOUTS = {
    "one chunk": ((N,), (M,)),
    "uneven, empty ones": ((20, 0, 1, 20), (3, 0, 20)),
    "small": ((7,) * 5 + (6,), (5, 5, 13)),
}


class Everything(mc.losses.Loss):
    """``sum_i w_i l_i^2 s_i`` of two reductions, and a term for each of 30 listed triples."""

    def __init__(self, sample_weight):
        rng = np.random.default_rng(4)
        self.sample_weight = sample_weight
        self.rows, self.others = np.sort(rng.integers(0, N, ITEMS)), rng.integers(0, M, (ITEMS, 2))
        self.gap = rng.random(ITEMS)

    def reductions(self):
        sums = mc.reductions.Sum(mc.kernels.Gaussian())
        return {"l": mc.reductions.LogSumExp(), "s": sums}

    def row_function(self, row):
        return row.l**2 * row.s

    def pairs(self, n):
        return self.rows, self.others

    def pair_data(self):
        return {"gap": self.gap}

    def pair_term(self, item, near, far):
        return item.gap * near - far * item.sample_weight


def by_hand(Y):
    """Return the value from all pairs."""
    loss, others = Everything(WEIGHTS), X if Y is None else Y
    Z, Z_Y = X @ METRIC.parameter.T, others @ METRIC.parameter.T
    D = np.sum((Z[:, None] - Z_Y[None]) ** 2, axis=2)
    kept = np.ones_like(D)
    if Y is None:
        np.fill_diagonal(kept, 0)
    lse, s = np.log((kept * np.exp(-D)).sum(axis=1)), (kept * np.exp(-D / 2)).sum(axis=1)
    near, far = (D[loss.rows, loss.others[:, t]] for t in range(2))
    w = WEIGHTS[loss.rows]
    return np.sum(WEIGHTS * lse**2 * s) + np.sum(w * (loss.gap * near - far * w))


def lazy(array, sizes):
    return da.from_array(array, chunks=(sizes, *array.shape[1:]))


@pytest.mark.parametrize("tile_bytes", [None, 1000])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("alone", [True, False])
def test_value_and_gradient(alone, layout, tile_bytes):
    rows, columns = LAYOUTS[layout]
    wrt = ("metric", "X") if alone else ("metric", "X", "Y")
    expected = mc.value_and_grad(
        Everything(WEIGHTS), X, None if alone else Y, metric=METRIC, wrt=wrt
    )
    loss, X_, Y_ = Everything(lazy(WEIGHTS, rows)), lazy(X, rows), lazy(Y, columns)
    Y_ = None if alone else Y_
    with mc.options(tile_bytes=tile_bytes):
        value, gradient = mc.value_and_grad(loss, X_, Y_, metric=METRIC, wrt=wrt)
        alike = mc.value(loss, X_, Y_, metric=METRIC)
    for found in (value, alike):
        np.testing.assert_allclose(found.compute(), by_hand(None if alone else Y), rtol=1e-11)
    for found, wanted in zip(problems.leaves(gradient), problems.leaves(expected[1]), strict=True):
        np.testing.assert_allclose(found.compute(), wanted, rtol=1e-10, atol=1e-10)
