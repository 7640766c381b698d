"""The NumPy backend's threads: results in order, nothing left running, nobody waits for himself."""

import contextvars
import multiprocessing
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import maha_core as mc
from maha_numpy import pool

THREADS = (1, 2, 3, 8)


@pytest.mark.parametrize("threads", THREADS)
def test_results_come_in_the_order_of_the_items(threads):
    def late(item):
        time.sleep(0.001 * (item % 3))
        return item

    assert list(pool.map_ordered(late, range(40), threads)) == list(range(40))


def test_several_threads_work_and_the_caller_is_one_of_them():
    meeting = threading.Barrier(2)  # broken, with an error, unless two threads are there at once

    def meet(_):
        meeting.wait(30)
        return threading.get_ident()

    assert threading.get_ident() in set(pool.map_ordered(meet, range(2), 2))


@pytest.mark.parametrize("threads", THREADS)
def test_few_results_are_made_ahead(threads):
    begun = []
    results = iter(pool.map_ordered(begun.append, range(100), threads))
    next(results)
    time.sleep(0.02)
    assert len(begun) <= 1 + threads + pool.AHEAD


@pytest.mark.parametrize("threads", THREADS)
def test_an_error_reaches_the_caller_and_nothing_runs_afterwards(threads):
    finished = []

    def fails_at_the_third(item):
        if item == 2:
            raise ZeroDivisionError("third")
        time.sleep(0.005)
        finished.append(item)

    with pytest.raises(ZeroDivisionError, match="third"):
        list(pool.map_ordered(fails_at_the_third, range(50), threads))
    count = len(finished)
    time.sleep(0.03)
    assert len(finished) == count < 50


@pytest.mark.parametrize("threads", [2, 3])
def test_a_task_that_maps_tasks_does_not_wait_for_its_own_thread(threads):
    def inner(item):
        return sum(pool.map_ordered(lambda part: part * item, range(5), threads))

    assert list(pool.map_ordered(inner, range(20), threads)) == [10 * item for item in range(20)]


def test_a_loss_may_itself_call_the_library():
    rng = np.random.default_rng(0)
    X, other = rng.standard_normal((300, 3)), rng.standard_normal((300, 3))

    def f(D):
        return D + mc.sqdist(other).sum(), np.ones_like(D)

    with mc.options(threads=2, tile_bytes=2**16):
        value, _ = mc.value_and_grad(mc.losses.Pairwise(f), X)
        expected = mc.sqdist(X).sum() + 300 * 299 * mc.sqdist(other).sum()
    assert value == pytest.approx(expected, rel=1e-12)


def test_calls_from_several_threads_at_once():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 3))
    expected, found = mc.sqdist(X), []

    def call():
        with mc.options(threads=3, tile_bytes=2**15):
            found.append(mc.sqdist(X))

    callers = [threading.Thread(target=call) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert len(found) == 6
    for D in found:
        np.testing.assert_allclose(D, expected, rtol=1e-11)


def test_a_worker_that_comes_too_late_does_not_touch_blas(monkeypatch):
    def forbidden():
        raise AssertionError("BLAS is limited for nothing")

    task = pool.Task(lambda: "done")
    assert task.claim()
    task.run()
    monkeypatch.setattr(pool, "one_thread", forbidden)
    late = threading.Thread(target=task.run_if_free)
    late.start()
    late.join(60)
    assert task.result() == "done"


def test_a_task_that_was_cut_short_is_not_waited_for():
    def interrupted(tasks):
        assert tasks[0].claim()  # and Ctrl-C comes before the first step of its work
        pool._abandon(tasks)
        return True

    assert interrupted([pool.Task(lambda: None)])


def test_an_interrupt_in_the_callers_own_task_comes_at_once():
    caller, done = threading.get_ident(), []

    def work(item):
        if threading.get_ident() == caller:
            raise KeyboardInterrupt
        time.sleep(0.01)
        done.append(item)

    with pytest.raises(KeyboardInterrupt):
        list(pool.map_ordered(work, range(100), 2))
    assert len(done) < 3


def test_results_come_where_no_thread_can_be_started(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(pool, "_workers", pool.Workers)
    assert list(pool.map_ordered(str, range(5), 3)) == list("01234")


NAME = contextvars.ContextVar("NAME", default="nobody")


@pytest.mark.parametrize("threads", THREADS)
def test_every_task_has_the_context_of_the_caller(threads):
    NAME.set("the caller")

    def leaves_its_own(item):
        found = NAME.get()
        NAME.set(f"task {item}")
        time.sleep(0.001)
        return found

    found = contextvars.copy_context().run(
        lambda: list(pool.map_ordered(leaves_its_own, range(20), threads))
    )
    assert threads == 1 or found == ["the caller"] * 20
    assert NAME.get() == "the caller"


def in_every_thread(f):
    """Return a function of D that calls f in the caller's and in another thread, or fails."""
    meeting, met = threading.Barrier(2), threading.Event()

    def both(D):
        if isinstance(D, np.ndarray) and not met.is_set():  # it is a symbol once, before any tile
            meeting.wait(30)
            met.set()
        return f(D)

    return both


def test_the_callers_error_state_holds_in_every_thread():
    X = np.random.default_rng(0).standard_normal((3000, 2))

    def overflows(D):
        return np.exp(D + 1e3), np.full_like(D, np.inf) * 0

    loss = mc.losses.Pairwise(in_every_thread(overflows))
    with mc.options(threads=2, tile_bytes=2**18), np.errstate(all="ignore"):
        mc.value_and_grad(loss, X)


def test_the_callers_wish_for_errors_holds_in_every_thread():
    X = np.random.default_rng(0).standard_normal((400, 2))
    caller, raised = threading.get_ident(), set()

    def overflows(D):
        try:
            np.exp(D + 1e3)
        except FloatingPointError:
            raised.add(threading.get_ident() == caller)
        return D, np.ones_like(D)

    loss = mc.losses.Pairwise(in_every_thread(overflows))
    with mc.options(threads=2, tile_bytes=2**16), np.errstate(over="raise"):
        mc.value_and_grad(loss, X)
    assert raised == {True, False}


FORK = """
import multiprocessing
from maha_numpy import pool

def absolutes():
    return list(pool.map_ordered(abs, range(10), 2))

absolutes()
with multiprocessing.get_context("fork").Pool(1) as processes:
    assert processes.apply_async(absolutes).get(60) == list(range(10))
"""


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
def test_a_forked_child_has_threads_of_its_own():
    # In a process of its own, where no other library objects to a fork.
    subprocess.run([sys.executable, "-c", FORK], check=True, timeout=120)
