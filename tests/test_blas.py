"""BLAS stands at one thread while anybody is inside, and as the user had it afterwards."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

import maha_core as mc
from maha_core.blas import _Hold, _OneThread, one_thread

USER_SETTING = 2


class Libraries:
    """The BLAS libraries of this process, with one setting for all threads."""

    def __init__(self):
        np.dot(np.eye(2), np.eye(2))
        found = ThreadpoolController().select(user_api="blas").lib_controllers
        self.found = [
            library for library in found if getattr(library, "threading_layer", "") != "openmp"
        ]

    def threads(self):
        return {library.get_num_threads() for library in self.found}

    def set(self, threads):
        for library in self.found:
            library.clear_controlling_thread(force=True)
            library.set_num_threads(threads)
            library.clear_controlling_thread(force=True)


@pytest.fixture
def blas():
    libraries = Libraries()
    if not libraries.found or not hasattr(libraries.found[0], "clear_controlling_thread"):
        pytest.skip("needs a NumPy on OpenBLAS with one pool of threads for the process")
    before = libraries.threads()
    libraries.set(USER_SETTING)
    if libraries.threads() != {USER_SETTING}:
        pytest.skip(f"this BLAS cannot run on {USER_SETTING} threads")
    yield libraries
    libraries.set(max(before))


class Visitor(threading.Thread):
    """A thread that enters and leaves when told to."""

    def __init__(self):
        super().__init__(daemon=True)
        self._inside, self._may_leave = threading.Event(), threading.Event()

    def run(self):
        with one_thread():
            self._inside.set()
            self._may_leave.wait(60)

    def enter(self):
        self.start()
        assert self._inside.wait(60)
        return self

    def leave(self):
        self._may_leave.set()
        self.join(60)
        assert not self.is_alive()


def test_one_thread_inside_and_the_users_setting_after(blas):
    with one_thread():
        assert blas.threads() == {1}
    assert blas.threads() == {USER_SETTING}


def test_a_library_that_comes_later_is_limited_too():
    """In a process of its own, for here SciPy's may have come long ago."""
    script = """
        import numpy as np, threadpoolctl
        from maha_core.blas import one_thread

        def threads():
            found = threadpoolctl.threadpool_info()
            return [library["num_threads"] for library in found if library["user_api"] == "blas"]

        with one_thread():
            pass
        before = len(threads())
        import scipy.linalg
        if len(threads()) > before:
            with one_thread():
                assert set(threads()) == {1}, threads()
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, timeout=120)


def test_entering_again_changes_nothing(blas):
    with one_thread():
        with one_thread():
            assert blas.threads() == {1}
        assert blas.threads() == {1}
    assert blas.threads() == {USER_SETTING}


def test_an_error_inside_restores_the_setting(blas):
    with pytest.raises(RuntimeError, match="inside"), one_thread():
        raise RuntimeError("inside")
    assert blas.threads() == {USER_SETTING}


@pytest.mark.parametrize("leaving", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1)])
def test_overlapping_threads_restore_the_setting_in_any_order_of_leaving(blas, leaving):
    visitors = [Visitor().enter() for _ in range(3)]
    for index in leaving[:-1]:
        visitors[index].leave()
        assert blas.threads() == {1}
    visitors[leaving[-1]].leave()
    assert blas.threads() == {USER_SETTING}


def test_the_first_to_enter_may_be_alive_when_the_last_leaves(blas):
    # threadpoolctl alone then ignores the last one, without a word.
    other = Visitor()
    with one_thread():
        other.enter()
    assert blas.threads() == {1}
    other.leave()
    assert blas.threads() == {USER_SETTING}


def test_many_threads_at_once(blas):
    wrong = []

    def visit():
        for _ in range(200):
            with one_thread():
                if blas.threads() != {1}:
                    wrong.append(blas.threads())

    threads = [threading.Thread(target=visit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert blas.threads() == {USER_SETTING}


def test_a_setting_that_the_user_makes_meanwhile_stays(blas):
    with one_thread():
        blas.set(USER_SETTING + 1)
    assert blas.threads() == {USER_SETTING + 1}


def test_a_user_who_wants_one_thread_keeps_it(blas):
    blas.set(1)
    with one_thread():
        assert blas.threads() == {1}
    assert blas.threads() == {1}


CALLS = 300
SMALL_TILES = {"threads": 3, "tile_bytes": 20_000}


@pytest.fixture
def impatient():
    """Let threads take turns so often that each step of one meets each step of another."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def call_with_workers(X):
    with mc.options(**SMALL_TILES):
        return mc.sqdist(X, metric=mc.Factor(np.eye(3)))


def test_a_call_returns_when_its_workers_have_left(blas, impatient):
    X = np.random.default_rng(0).standard_normal((65, 3))
    for _ in range(CALLS):
        call_with_workers(X)
        assert blas.threads() == {USER_SETTING}


def test_no_worker_undoes_what_the_user_sets_after_the_call(blas, impatient):
    X = np.random.default_rng(0).standard_normal((65, 3))
    for _ in range(CALLS):
        call_with_workers(X)
        blas.set(1)
        time.sleep(0.0005)
        assert blas.threads() == {1}
        blas.set(USER_SETTING)


def test_a_call_raises_when_its_workers_have_left(blas, impatient):
    def fails(D):
        raise ZeroDivisionError("inside")

    X = np.random.default_rng(0).standard_normal((200, 3))
    for _ in range(CALLS):
        with pytest.raises(ZeroDivisionError), mc.options(**SMALL_TILES):
            mc.value_and_grad(mc.losses.Pairwise(fails), X)
        assert blas.threads() == {USER_SETTING}


def test_the_last_of_several_calls_at_once_restores_the_setting(blas, impatient):
    X = np.random.default_rng(0).standard_normal((65, 3))
    for _ in range(CALLS // 10):
        callers = [threading.Thread(target=call_with_workers, args=(X,)) for _ in range(4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(60)
        assert blas.threads() == {USER_SETTING}


INTERRUPTS = """
    import random, signal
    import maha_core as mc
    import numpy as np
    from test_blas import Libraries, USER_SETTING

    def interrupt(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, interrupt)
    blas, X = Libraries(), np.random.default_rng(0).standard_normal((80, 60))
    blas.set(USER_SETTING)
    mc.sqdist(X)  # the first call reads the plugins' metadata
    for trial in range(600):
        options = {"threads": 2, "tile_bytes": 20_000} if trial % 2 else {}
        try:
            # Python ignores an interrupt inside a finalizer; hence another one half a second later.
            signal.setitimer(signal.ITIMER_REAL, random.Random(trial).uniform(1e-4, 3e-3), 0.5)
            while True:
                with mc.options(**options):
                    mc.sqdist(X, metric=mc.Factor(np.eye(60)))
        except KeyboardInterrupt:
            signal.setitimer(signal.ITIMER_REAL, 0)
        assert blas.threads() == {USER_SETTING}, trial
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timer")
def test_an_interrupt_at_any_moment_restores_the_setting(blas):
    run_elsewhere(INTERRUPTS)


class OnOpenMP:
    """A BLAS with one setting for each thread, as OpenBLAS has on top of OpenMP."""

    def __init__(self):
        self._here = threading.local()

    def get_num_threads(self):
        return getattr(self._here, "threads", USER_SETTING)

    def set_num_threads(self, threads):
        self._here.threads = threads

    # What _OneThread asks of the libraries of a process:

    def of_process(self):
        return []

    def of_thread(self):
        return [self]


def test_where_each_thread_has_a_setting_each_restores_its_own():
    blas = OnOpenMP()
    limit = _OneThread(blas)
    seen = []

    def task():
        seen.append(blas.get_num_threads())
        with _Hold(limit):
            seen.append(blas.get_num_threads())
        seen.append(blas.get_num_threads())

    with _Hold(limit):
        assert blas.get_num_threads() == 1
        thread = threading.Thread(target=task)
        thread.start()
        thread.join()
    assert seen == [USER_SETTING, 1, USER_SETTING]
    assert blas.get_num_threads() == USER_SETTING


FORK = """
    import os, sys, threading
    from test_blas import Libraries, USER_SETTING, Visitor
    from maha_core.blas import one_thread

    blas = Libraries()
    blas.set(USER_SETTING)

    def in_child(check):
        child = os.fork()
        if child == 0:
            os._exit(0 if check() else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    def works():
        with one_thread():
            inside = blas.threads()
        return inside == {1} and blas.threads() == {USER_SETTING}
"""


def run_forking(script):
    run_elsewhere(textwrap.dedent(FORK) + textwrap.dedent(script))


def run_elsewhere(script):
    """Run a script that imports from this folder, in a process of its own."""
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert done.returncode == 0, done.stderr


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@needs_fork
def test_a_child_forked_outside_works(blas):
    run_forking("in_child(works)")


@needs_fork
def test_a_child_does_not_wait_for_threads_that_only_the_parent_has(blas):
    run_forking(
        """
        other = Visitor().enter()
        in_child(lambda: blas.threads() == {USER_SETTING} and works())
        assert blas.threads() == {1}
        other.leave()
        assert blas.threads() == {USER_SETTING}
        """
    )


@needs_fork
def test_a_child_forked_inside_leaves_by_itself(blas):
    run_forking(
        """
        def leave():
            inside = blas.threads()
            context.__exit__(None, None, None)
            return inside == {1} and blas.threads() == {USER_SETTING} and works()

        context = one_thread()
        context.__enter__()
        in_child(leave)
        assert blas.threads() == {1}
        context.__exit__(None, None, None)
        assert blas.threads() == {USER_SETTING}
        """
    )
