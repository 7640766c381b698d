"""What tasks leave alone, and what must not reach them: BLAS's threads, our threads, a context."""

import dask.array as da
import numpy as np
import pytest
import threadpoolctl

import lazy_problems as problems
import maha_core as mc
from maha_numpy import pool

SCHEDULERS = ["synchronous", "threads"]


def blas_threads():
    found = threadpoolctl.threadpool_info()
    return [info["num_threads"] for info in found if info["user_api"] == "blas"]


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_blas_stands_at_one_thread_in_tasks_and_is_given_back(scheduler):
    inside = []

    def f(D):
        assert D.shape  # not while it is traced, where the graph is built
        inside.extend(blas_threads())
        return problems.square(D)

    X = da.from_array(problems.draw(60, 3), chunks=(10, 3))
    value, _ = mc.value_and_grad(mc.losses.Pairwise(f), X)
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        value.compute(scheduler=scheduler, num_workers=3)
        after = blas_threads()
    assert max(before, default=2) > 1
    assert set(inside) <= {1}
    assert len(inside) == 36 * len(before)
    assert after == before


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_no_pool_of_ours_is_used_in_tasks(scheduler, monkeypatch):
    X = problems.draw(2200, 4)
    with mc.options(threads=4):  # NumPy alone would share out each of the chunk pairs
        lazy = da.from_array(X, chunks=(1100, 4))
        value, _ = mc.value_and_grad(mc.losses.MLKR(X[:, 0]), lazy)

        def forbidden(threads):
            raise AssertionError("a pool inside a task")

        monkeypatch.setattr(pool, "_workers", forbidden)
        value.compute(scheduler=scheduler)
        with pytest.raises(AssertionError, match="a pool inside a task"):
            mc.value_and_grad(mc.losses.MLKR(X[:1100, 0]), X[:1100])


def test_options_of_the_call_hold_in_the_tasks():
    X = problems.draw(40, 4)
    X[3, 2] = np.nan
    with mc.options(check_finite=False):
        D = mc.sqdist(da.from_array(X, chunks=(10, 4)))
    assert np.isnan(D.compute()[3]).any()


def test_options_and_backend_of_the_computing_thread_do_not():
    X = problems.draw(40, 4)
    X[3] = X[2] + 1e-9
    D = mc.sqdist(da.from_array(X, chunks=(10, 4)))
    with mc.use_backend("dask"), mc.options(precision="fast"):
        computed = D.compute(scheduler="synchronous")
    np.testing.assert_allclose(computed, mc.sqdist(X), rtol=1e-12)
    with mc.options(precision="fast"):
        assert not np.allclose(mc.sqdist(X)[2, 3], computed[2, 3], rtol=1e-3, atol=0)
