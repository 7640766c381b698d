"""The same bits on any scheduler, any number of threads, and in any order of completion."""

import random

import dask
import dask.array as da
import numpy as np
import pytest
from dask.local import get_sync

import lazy_problems as problems
import maha_core as mc
from maha_core.losses import Loss, PointData

DTYPES = ["float64", "float32"]


def everything(dtype):
    lazy = problems.lazy(problems.arrays(dtype))
    return problems.results(**lazy)


@pytest.mark.parametrize("dtype", DTYPES)
def test_schedulers_and_threads(dtype):
    expected = bits_by_name(dtype, scheduler="synchronous")
    for threads in (1, 2, 5):
        found = bits_by_name(dtype, scheduler="threads", num_workers=threads)
        assert [name for name in expected if found[name] != expected[name]] == [], threads


def bits_by_name(dtype, **how):
    """Compute all results together, so that their tasks run side by side."""
    lazy = everything(dtype)
    computed = iter(problems.bits(tuple(lazy.values()), **how))
    return {
        name: [next(computed) for _ in problems.leaves(result)] for name, result in lazy.items()
    }


@pytest.mark.parametrize("dtype", DTYPES)
def test_any_order_of_tasks(dtype):
    lazy = everything(dtype)
    expected = {name: problems.bits(result) for name, result in lazy.items()}
    for seed in range(3):
        for name, result in lazy.items():
            found = [in_some_order(leaf, random.Random(seed)) for leaf in problems.leaves(result)]
            assert found == expected[name], name


def in_some_order(array, rng):
    """Compute an array's tasks one by one, at random among those that are ready."""
    tasks = dask._task_spec.convert_legacy_graph(dict(array.dask))
    done = {}
    waiting = dict(tasks)
    while waiting:
        ready = [key for key, task in waiting.items() if task.dependencies <= done.keys()]
        key = rng.choice(ready)
        task = waiting.pop(key)
        done[key] = task({name: done[name] for name in task.dependencies})
    whole = da.Array({key: done[key] for key in done}, array.name, array.chunks, meta=array._meta)
    return np.ascontiguousarray(whole.compute(scheduler=get_sync)).tobytes()


@pytest.mark.parametrize("layout", ["C", "F", "strided", "misaligned"])
def test_the_layout_of_chunks_changes_no_bit(layout):
    values = problems.draw(60, 5, dtype=np.float32)
    expected = problems.bits(of_layout(values, "C"))
    assert problems.bits(of_layout(values, layout)) == expected


def of_layout(values, layout):
    X = laid_out(values, layout, (30, 30))
    metric = mc.Factor(problems.draw(3, 5, seed=1, dtype=np.float32))
    loss = mc.losses.MLKR(np.arange(60, dtype=np.float32))
    return mc.value_and_grad(loss, X, metric=metric, wrt=("metric", "X"))


def laid_out(values, layout, sizes):
    def load(block_info=None):
        start, stop = block_info[None]["array-location"][0]
        part = values[start:stop]
        if layout == "strided":
            return np.repeat(part, 2, axis=0)[::2]
        if layout == "misaligned":
            buffer = np.empty(part.nbytes + 1, dtype=np.uint8)
            odd = buffer[1:].view(part.dtype).reshape(part.shape)
            odd[...] = part
            return odd
        return np.asarray(part, order=layout)

    chunks = (sizes, *((extent,) for extent in values.shape[1:]))
    return da.map_blocks(load, chunks=chunks, dtype=values.dtype, meta=values[:0])


class SumOfCentred(Loss):
    """A loss that shows every bit of the mean which is taken from its data."""

    def __init__(self, y):
        self.y = y

    def point_data(self):
        return (PointData("y", self.y, translatable=True),)

    def pairs(self, n):
        return None, np.zeros(n, dtype=np.int64)

    def pair_term(self, item, D):
        return item.y


@pytest.mark.parametrize("layout", ["strided", "misaligned"])
def test_the_layout_of_data_changes_no_bit_of_their_mean(layout):
    y = problems.draw(40_000, seed=3) + 1e4  # NumPy sums so many in another order if misaligned
    X = da.from_array(problems.draw(40_000, 1), chunks=(20_000, 1))
    expected, found = (
        problems.bits(mc.value_and_grad(SumOfCentred(laid_out(y, how, (20_000,) * 2)), X))
        for how in ("C", layout)
    )
    assert found == expected
