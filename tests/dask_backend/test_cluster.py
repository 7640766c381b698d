"""On worker processes over TCP: the bits of the threaded scheduler, and errors that say enough."""

import sys
import types
import warnings

import dask.array as da
import distributed
import numpy as np
import pytest

import clusters
import lazy_problems as problems
import maha_core as mc
import travelling


def on_workers(client, result):
    """Return a lazy result computed by a client, as bytes."""
    futures = client.compute(problems.leaves(result))
    found = [future.result(timeout=clusters.STEP) for future in futures]
    return [np.ascontiguousarray(array).tobytes() for array in found]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_bits_are_those_of_the_threaded_scheduler(client, dtype):
    results = tuple(problems.results(**problems.lazy(problems.arrays(dtype))).values())
    assert on_workers(client, results) == problems.bits(results, scheduler="threads")


def test_what_every_task_needs_does_not_travel_with_every_task(client):
    X, y = da.from_array(problems.draw(120, 4, seed=8), chunks=(10, 4)), problems.draw(120, seed=9)
    metric = mc.Factor(problems.draw(3, 4, seed=10))
    results = mc.value_and_grad(mc.losses.MLKR(y), X, metric=metric, wrt=("metric", "X"))
    keys = {str(key) for leaf in problems.leaves(results) for key in leaf.dask}
    shared = {key for key in keys if key.startswith(("('maha-metric", "('maha-loss"))}
    on_workers(client, results)
    fetched = client.run(
        lambda dask_worker: [
            str(key) for fetch in dask_worker.transfer_incoming_log for key in fetch["keys"]
        ]
    )
    times = [every.count(key) for every in fetched.values() for key in shared]
    assert len(shared) == 2
    assert any(times)
    # once to a worker, and again where a stolen task made it forget; 288 tasks need both
    assert max(times) <= 10


def test_the_graph_of_a_hundred_chunks_is_sent_without_a_warning(client):
    X = da.random.default_rng(0).standard_normal((1000, 4), chunks=(10, 4))
    symmetric = mc.losses.Pairwise(problems.square, symmetric=True)
    value, gradient = mc.value_and_grad(symmetric, X, metric=mc.Factor(problems.draw(2, 4)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        futures = client.compute([value, gradient.metric])
    client.cancel(futures)


def test_workers_find_the_plugins_by_themselves(client):
    D = mc.sqdist(da.random.default_rng(0).random((20, 3), chunks=(10, 3)))
    client.restart()
    client.compute(D).result(timeout=clusters.STEP)
    loaded = client.run(lambda: __import__("sys").modules.get("maha_numpy") is not None)
    assert any(loaded.values())


def test_blas_is_at_one_thread_in_a_task_and_no_pool_starts(client):
    def f(D):
        import threading

        import threadpoolctl

        blas = [
            info["num_threads"]
            for info in threadpoolctl.threadpool_info()
            if info["user_api"] == "blas"
        ]
        pools = [t for t in threading.enumerate() if t.name.startswith("maha_core")]
        assert set(blas) <= {1}, blas
        assert not pools, pools
        return D, 0 * D + 1

    X = da.from_array(problems.draw(40, 3), chunks=(10, 3))
    value, _ = mc.value_and_grad(mc.losses.Pairwise(f), X)
    client.compute(value).result(timeout=clusters.STEP)


def test_nan_arrives_at_compute_with_the_rows(client):
    values = problems.draw(40, 3)
    values[25, 1] = np.nan
    future = client.compute(mc.sqdist(da.from_array(values, chunks=(10, 3))))
    with pytest.raises(ValueError, match=r"X, rows 20 \.\.\. 29, contains NaN"):
        future.result(timeout=clusters.STEP)


def test_a_task_that_always_fails_names_its_block(client):
    X = da.from_array(problems.draw(20, 3), chunks=(10, 3))
    value, _ = mc.value_and_grad(mc.losses.Pairwise(travelling.fails), X)
    future = client.compute(value, retries=2)
    with pytest.raises(RuntimeError, match="the loss's own error") as raised:
        future.result(timeout=clusters.STEP)
    assert "block (" in "".join(raised.value.__notes__)


def test_a_loss_that_workers_cannot_import_is_an_error_and_no_hang(client, monkeypatch):
    module = types.ModuleType("of_the_client_alone")
    exec("def f(D): return D, 0 * D + 1", module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    value, _ = mc.value_and_grad(mc.losses.Pairwise(module.f), da.zeros((6, 2), chunks=(3, 2)))
    with pytest.raises(ModuleNotFoundError, match="of_the_client_alone") as raised:
        client.compute(value).result(timeout=clusters.STEP)
    assert "upload_file" in "".join(raised.value.__notes__)


def test_a_transient_exception_is_survived_with_retries(client, tmp_path):
    X = da.from_array(problems.draw(40, 3), chunks=(10, 3))
    steady = mc.value_and_grad(mc.losses.Pairwise(problems.square), X)
    shaky = mc.value_and_grad(mc.losses.Pairwise(travelling.FailsAtFirst(tmp_path, 3)), X)
    futures = client.compute(problems.leaves(shaky), retries=5)
    found = [future.result(timeout=clusters.STEP) for future in futures]
    assert [np.ascontiguousarray(array).tobytes() for array in found] == problems.bits(steady)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_restart_cancels_what_is_pending_and_the_object_can_be_computed_again(client):
    X = da.from_array(problems.draw(40, 3), chunks=(10, 3))
    results = mc.value_and_grad(mc.losses.Pairwise(travelling.slow(0.1)), X, wrt="X")
    futures = client.compute(problems.leaves(results))
    clusters.wait_until(lambda: any(client.processing().values()))
    assert not any(future.done() for future in futures)
    client.restart()
    for future in futures:
        with pytest.raises(distributed.client.FutureCancelledError):
            future.result(timeout=clusters.STEP)
    steady = mc.value_and_grad(mc.losses.Pairwise(problems.square), X, wrt="X")
    assert on_workers(client, results) == problems.bits(steady)


def test_a_plan_counts_with_the_workers_memory(client):
    X = da.zeros((60_000, 10), chunks=(30_000, 10))  # a block of D takes 6.7 GiB
    with client.as_current(), pytest.raises(MemoryError, match=r"2 GiB"):
        mc.sqdist(X)


def test_a_task_counts_with_its_workers_memory_where_sizes_are_unknown(client):
    X = da.zeros((40_000, 2), chunks=(20_000, 2))
    D = mc.sqdist(X[X[:, 0] == 0])  # a block takes 3 GiB
    with pytest.raises(MemoryError, match=r"20000 and 20000 points.*2 GiB"):
        client.compute(D).result(timeout=clusters.STEP)
