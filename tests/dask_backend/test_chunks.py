"""Chunks of every kind: of unknown size, empty, split along columns, too many, too few."""

import dask
import dask.array as da
import numpy as np
import pytest

import lazy_problems as problems
import maha_core as mc

METRIC = mc.Factor(problems.draw(2, 3, seed=1))


def unknown(values, sizes):
    """Return the data in chunks whose sizes are known at compute only."""
    array = da.from_array(values, chunks=(sizes, *((n,) for n in values.shape[1:])))
    rest = tuple((n,) for n in values.shape[1:])
    chunks = ((float("nan"),) * len(sizes), *rest)
    return da.Array(array.dask, array.name, chunks, meta=array._meta)


MISFITS = {
    "y": lambda X, bad: mc.value_and_grad(mc.losses.MLKR(bad(1)), X),
    "data": lambda X, bad: mc.value_and_grad(
        mc.losses.Pairwise(lambda D, a, b: (D * a, a + 0 * D), data=bad(1)), X
    ),
    "cotangent": lambda X, bad: mc.vjp(X, cotangent=mc.sqdist(bad(3))),
    "X_tangent": lambda X, bad: mc.jvp(X, X_tangent=bad(3)),
}


class TestUnknownSizes:
    X, Y = problems.draw(31, 3), problems.draw(9, 3, seed=2)
    sizes = (10, 0, 20, 1)

    @property
    def lazy(self):
        return unknown(self.X, self.sizes), unknown(self.Y, (0, 4, 5))

    @pytest.mark.parametrize("with_Y", [False, True])
    def test_sqdist(self, with_Y):
        X, Y = self.lazy
        D = mc.sqdist(X, Y if with_Y else None, metric=METRIC)
        expected = mc.sqdist(self.X, self.Y if with_Y else None, metric=METRIC)
        np.testing.assert_allclose(D.compute(), expected, rtol=1e-12)

    @pytest.mark.parametrize("with_Y", [False, True])
    def test_nearest(self, with_Y):
        X, Y = self.lazy
        found = dask.compute(*mc.nearest(X, Y if with_Y else None, k=4))
        expected = mc.nearest(self.X, self.Y if with_Y else None, k=4)
        np.testing.assert_allclose(found[0], expected.sqdist, rtol=1e-12)
        np.testing.assert_array_equal(found[1], expected.index)

    def test_vjp(self):
        X, Y = self.lazy
        everything = ("metric", "X", "Y")
        G = mc.sqdist(X, Y)  # of unknown sizes, too
        lazy = mc.vjp(X, Y, metric=METRIC, cotangent=G, wrt=everything)
        given = mc.sqdist(self.X, self.Y)
        expected = mc.vjp(self.X, self.Y, metric=METRIC, cotangent=given, wrt=everything)
        found = dask.compute(*problems.leaves(lazy))
        for array, wanted in zip(found, problems.leaves(expected), strict=True):
            np.testing.assert_allclose(array, wanted, rtol=1e-11)

    @pytest.mark.parametrize("loss", ["MLKR", "Pairwise"])
    def test_value_and_grad(self, loss):
        y = problems.draw(31, seed=3)
        losses = {
            "MLKR": mc.losses.MLKR,
            "Pairwise": lambda y: mc.losses.Pairwise(
                lambda D, a, b: (D * a * b, a * b + 0 * D), data=y, symmetric=True
            ),
        }
        lazy = mc.value_and_grad(
            losses[loss](unknown(y, self.sizes)), self.lazy[0], metric=METRIC, wrt=("metric", "X")
        )
        expected = mc.value_and_grad(losses[loss](y), self.X, metric=METRIC, wrt=("metric", "X"))
        for found, wanted in zip(
            dask.compute(*problems.leaves(lazy)), problems.leaves(expected), strict=True
        ):
            np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)

    def test_embed_and_covariance(self):
        X, _ = self.lazy
        np.testing.assert_allclose(METRIC.embed(X).compute(), METRIC.embed(self.X))
        np.testing.assert_allclose(
            mc.Covariance.from_points(X).parameter.compute(),
            mc.Covariance.from_points(self.X).parameter,
        )

    def test_pairs_name_what_to_write(self):
        X, _ = self.lazy
        pairs = np.array([0]), np.array([1])
        with pytest.raises(ValueError, match=r"pairs.*compute_chunk_sizes\(\)"):
            mc.sqdist(X, pairs=pairs)
        with pytest.raises(ValueError, match=r"pairs.*compute_chunk_sizes\(\)"):
            mc.vjp(X, pairs=pairs, cotangent=np.array([1.0]))

    def test_data_in_memory_cannot_be_cut(self):
        with pytest.raises(ValueError, match=r"compute_chunk_sizes\(\)"):
            mc.value_and_grad(mc.losses.MLKR(np.zeros(31)), self.lazy[0])

    @pytest.mark.parametrize("sizes", [(12, 0, 20, 1), (9, 0, 20, 1), (1, 0, 20, 1)])
    @pytest.mark.parametrize("argument", MISFITS)
    def test_chunks_that_do_not_fit_are_found_at_compute(self, argument, sizes):
        def bad(columns):
            values = problems.draw(sum(sizes), columns, seed=4)
            return unknown(values if columns > 1 else values[:, 0], sizes)

        result = MISFITS[argument](self.lazy[0], bad)
        with pytest.raises(ValueError, match=rf"a chunk of {argument} has shape \({sizes[0]},"):
            dask.compute(*problems.leaves(result))

    @pytest.mark.parametrize("loss", ["MLKR", "NCA"])
    def test_a_point_without_partner_is_found_at_compute(self, loss):
        X, data = unknown(self.X[:1], (0, 1)), unknown(np.zeros(1, dtype=int), (0, 1))
        value, _ = mc.value_and_grad(getattr(mc.losses, loss)(data), X)
        with pytest.raises(ValueError, match="no partner: X has one point"):
            value.compute()

    def test_too_large_a_k_is_found_at_compute(self):
        X, _ = self.lazy
        found = mc.nearest(X, k=31)
        with pytest.raises(ValueError, match="k = 31"):
            dask.compute(*found)

    @pytest.mark.parametrize(
        "call",
        [
            mc.sqdist,
            lambda X: mc.nearest(X, k=2).index,
            lambda X: mc.vjp(X, cotangent=mc.sqdist(X)).X,
            lambda X: mc.value_and_grad(mc.losses.Pairwise(problems.square), X)[0],
        ],
    )
    def test_the_memory_check_moves_into_the_task(self, call):
        X, _ = self.lazy
        with mc.options(task_bytes=500):
            result = call(X)
        with pytest.raises(MemoryError, match="points.*500 B.*task_bytes"):
            result.compute()


@pytest.mark.parametrize("sizes", [(0, 6), (6, 0), (0, 0, 3, 0, 3), (1,) * 6])
def test_empty_and_tiny_chunks(sizes):
    values = problems.draw(6, 3)
    X = da.from_array(values, chunks=(sizes, (3,)))
    loss = mc.losses.MLKR(np.arange(6.0))
    lazy = mc.value_and_grad(loss, X, metric=METRIC, wrt=("metric", "X"))
    expected = mc.value_and_grad(loss, values, metric=METRIC, wrt=("metric", "X"))
    for found, wanted in zip(
        dask.compute(*problems.leaves(lazy)), problems.leaves(expected), strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)
    found = dask.compute(*mc.nearest(X, k=5))
    np.testing.assert_array_equal(found[1], mc.nearest(values, k=5).index)


def test_columns_split_over_chunks_are_joined():
    values = problems.draw(6, 4)
    X = da.from_array(values, chunks=(3, 1))
    assert mc.sqdist(X).chunks == ((3, 3), (3, 3))
    np.testing.assert_allclose(mc.sqdist(X).compute(), mc.sqdist(values), rtol=1e-12)


def test_an_empty_chunk_of_columns_holds_nothing():
    X, labels = problems.draw(7, 2), np.array([0, 1, 0, 1, 1, 0, 1])
    targets = np.array([2, 3, 0, 1, 1, 0, 1])[:, None]
    expected = mc.value_and_grad(mc.losses.LMNN(labels, targets), X)
    points, own = da.from_array(X, chunks=((3, 4), (0, 2))), da.from_array(labels, chunks=3)
    loss = mc.losses.LMNN(own, da.from_array(targets, chunks=((3, 1, 3), (0, 1))))
    found = mc.value_and_grad(loss, points)
    np.testing.assert_allclose(found[0].compute(), expected[0], rtol=1e-12)
    np.testing.assert_allclose(found[1].X.compute(), expected[1].X, rtol=1e-12)


def test_chunks_that_are_too_fine_are_merged_where_sums_are_wanted(monkeypatch):
    monkeypatch.setattr("maha_dask.plan.MOST_BLOCKS", 100)
    values = problems.draw(60, 3)
    X = da.from_array(values, chunks=(1, 3))
    loss = mc.losses.MLKR(np.arange(60.0))
    value, gradient = mc.value_and_grad(loss, X, metric=METRIC, wrt=("metric", "X"))
    sweeps = [key for key in dict(value.dask) if key[0].startswith("maha-sweep")]
    assert len(sweeps) == 100
    expected = problems.leaves(mc.value_and_grad(loss, values, metric=METRIC, wrt=("metric", "X")))
    for found, wanted in zip(dask.compute(value, *gradient[:2]), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)


def test_merging_stops_where_a_task_would_hold_much(monkeypatch):
    monkeypatch.setattr("maha_dask.plan.MOST_BLOCKS", 100)
    monkeypatch.setattr("maha_dask.plan.MERGED_BYTES", 2 * 4 * 6 * (3 + 2) * 8)  # 4 + 4 points
    X = da.zeros((60, 3), chunks=(1, 3))
    value, _ = mc.value_and_grad(mc.losses.MLKR(np.arange(60.0)), X, metric=METRIC)
    sweeps = [key for key in dict(value.dask) if key[0].startswith("maha-sweep")]
    assert len(sweeps) == 15 * 15


def test_chunks_of_unknown_size_cannot_be_merged(monkeypatch):
    monkeypatch.setattr("maha_dask.plan.MOST_BLOCKS", 10)
    X = unknown(problems.draw(6, 3), (1,) * 6)
    with pytest.raises(ValueError, match=r"Y\.compute_chunk_sizes\(\)"):
        mc.nearest(da.zeros((4, 3), chunks=(2, 3)), X, k=1)


@pytest.mark.parametrize("finer", ["X", "Y"])
def test_chunks_that_are_too_fine_are_refused_where_D_is_wanted(finer):
    fine, coarse = da.zeros((20_000, 1), chunks=(1, 1)), da.zeros((100, 1), chunks=(1, 1))
    points = (fine, coarse) if finer == "X" else (coarse, fine)
    with pytest.raises(ValueError, match=rf"{finer}\.rechunk\(\(20, -1\)\)"):
        mc.sqdist(*points)


def test_a_pullback_counts_its_blocks_of_the_cotangent():
    X = da.zeros((20_000, 10), chunks=(10_000, 10))
    G = da.ones((20_000, 20_000), chunks=(1000, 1000))  # cut like D it has blocks of 0.7 GiB
    with mc.options(task_bytes=10**9), pytest.raises(MemoryError, match=r"2\.25 GiB.*rechunk"):
        mc.vjp(X, cotangent=G)
    with mc.options(task_bytes=10**9):
        mc.vjp(X.rechunk((4096, -1)), cotangent=G)


def test_chunks_that_are_too_large_are_refused_with_the_figures():
    X = da.zeros((1_000_000, 10), chunks=(500_000, 10))
    with pytest.raises(MemoryError, match=r"[TG]iB.*X\.rechunk\(\(\d+, -1\)\)"):
        mc.sqdist(X)


@pytest.mark.parametrize(
    "call",
    [
        lambda X: mc.value_and_grad(mc.losses.Pairwise(problems.square), X),
        lambda X: mc.nearest(X, k=2),
        lambda X: mc.vjp(X, cotangent=da.ones((1000, 1000))),
    ],
)
def test_the_limit_may_be_an_option(call):
    X = da.zeros((1000, 10), chunks=(500, 10))
    with mc.options(task_bytes=10_000), pytest.raises(MemoryError, match=r"KiB.*X\.rechunk"):
        call(X)
    call(X)


@pytest.mark.parametrize("chunks", [(3, 4), (5, 5), ((1, 5), (2, 4))])
def test_a_cotangent_is_cut_like_D(chunks):
    X, G = problems.draw(6, 3), problems.draw(6, 6, seed=1)
    lazy = mc.vjp(
        da.from_array(X, chunks=(4, 3)), metric=METRIC, cotangent=da.from_array(G, chunks=chunks)
    )
    expected = mc.vjp(X, metric=METRIC, cotangent=G).metric
    np.testing.assert_allclose(lazy.metric.compute(), expected)


def test_everything_beside_X_may_be_lazy_or_in_memory():
    values = problems.arrays()
    lazy = problems.lazy(values)
    mixed = {**values, "X": lazy["X"], "A": da.from_array(values["A"], chunks=(2, 2))}
    for name, result in problems.results(**mixed).items():
        expected = problems.leaves(problems.results(**values)[name])
        for found, wanted in zip(dask.compute(*problems.leaves(result)), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-10, err_msg=name)


def test_targets_of_unknown_size_are_refused_by_name():
    X, labels = da.from_array(problems.draw(9, 3), chunks=(4, 3)), np.arange(9) % 2
    targets = unknown(np.zeros((9, 2), dtype=int), (4, 5))
    with pytest.raises(ValueError, match=r"LMNN.*compute_chunk_sizes\(\)"):
        mc.value(mc.losses.LMNN(labels, targets), X)


def test_listed_pairs_may_be_lazy():
    X, i, j = problems.draw(9, 3), np.array([8, 0, 4]), np.array([1, 1, 5])
    lazy = tuple(da.from_array(index, chunks=2) for index in (i, j))
    D = mc.sqdist(da.from_array(X, chunks=(4, 3)), pairs=lazy)
    np.testing.assert_allclose(D.compute(), mc.sqdist(X, pairs=(i, j)), rtol=1e-12)
