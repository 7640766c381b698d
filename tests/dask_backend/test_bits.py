"""The same bits on any scheduler, any number of threads, and in any order of completion."""

import random

import dask
import dask.array as da
import numpy as np
import pytest
from dask.local import get_sync

import lazy_problems as problems

DTYPES = ["float64", "float32"]


def everything(dtype):
    lazy = problems.lazy(problems.arrays(dtype))
    return problems.results(**lazy)


@pytest.mark.parametrize("dtype", DTYPES)
def test_schedulers_and_threads(dtype):
    expected = problems.bits(tuple(everything(dtype).values()), scheduler="synchronous")
    for threads in (1, 2, 5):
        found = problems.bits(
            tuple(everything(dtype).values()), scheduler="threads", num_workers=threads
        )
        assert found == expected


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
    import maha_core as mc

    def load(block_info=None):
        start, stop = block_info[None]["array-location"][0]
        part = values[start:stop]
        if layout == "strided":
            return np.repeat(part, 2, axis=0)[::2]
        if layout == "misaligned":
            buffer = np.empty(part.nbytes + 1, dtype=np.uint8)
            odd = buffer[1:].view(np.float32).reshape(part.shape)
            odd[...] = part
            return odd
        return np.asarray(part, order=layout)

    X = da.map_blocks(load, chunks=((30, 30), (5,)), dtype=values.dtype, meta=values[:0, :0])
    metric = mc.Factor(problems.draw(3, 5, seed=1, dtype=np.float32))
    loss = mc.losses.MLKR(np.arange(60, dtype=np.float32))
    return mc.value_and_grad(loss, X, metric=metric, wrt=("metric", "X"))
