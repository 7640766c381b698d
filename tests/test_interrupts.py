"""Ctrl-C ends the program, with the best so far kept on the estimator; warnings name the caller."""

import os
import re
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

import maha_core as mc
from learners import LEARNERS, few_points, on_host, targets_of

X, Y = few_points(n=60)


@pytest.fixture(autouse=True)
def ctrl_c_interrupts():
    """A shell that starts the tests in the background has them ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt_at(last):
    """A callback that presses Ctrl-C after so many iterations."""

    def callback(A, iteration):
        if iteration == last:
            raise KeyboardInterrupt

    return callback


def interrupted(learner, *args):
    """Fit, and return the interrupt that must come out of it as it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(KeyboardInterrupt) as raised:
            learner.fit(*args)
    assert type(raised.value) is KeyboardInterrupt
    return raised.value


@pytest.mark.parametrize("name", LEARNERS)
def test_the_best_is_kept(library, name):
    seen = []

    def callback(A, iteration):
        seen.append(A.reshape(2, 4).copy())
        if iteration == 3:
            raise KeyboardInterrupt

    learner = LEARNERS[name](n_components=2, init="identity", callback=callback)
    points, targets = library.arrays(X, targets_of(learner, Y))
    error = interrupted(learner, points, targets)
    assert re.fullmatch(rf"{name} was interrupted after \d+ evaluations; .*", error.__notes__[0])
    np.testing.assert_allclose(on_host(learner.components_), seen[-1], rtol=1e-6, atol=1e-8)
    assert learner.n_iter_ == 3
    assert np.isfinite(learner.loss_)
    assert library.numpy(learner.transform(points)).shape == (60, 2)
    if name == "MLKR":
        assert np.isfinite(learner.score(points, targets))


@pytest.mark.parametrize("name", LEARNERS)
def test_a_warm_start_goes_on_after_an_interrupt(name):
    learner = LEARNERS[name](
        n_components=2, init="identity", callback=interrupt_at(3), warm_start=True
    )
    interrupted(learner, X, targets_of(learner, Y))
    before = learner.loss_
    learner.set_params(callback=None, max_iter=500).fit(X, targets_of(learner, Y))
    assert learner.loss_ < before


def test_before_the_first_evaluation(monkeypatch):
    from maha_core.learn import streamed

    def pressed(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(streamed, "evaluated", pressed)
    learner = mc.learn.NCA(2, init="identity")
    error = interrupted(learner, X, Y)
    assert "before its first evaluation" in error.__notes__[0]
    np.testing.assert_array_equal(learner.components_, np.eye(2, 4))


def test_between_two_searches(monkeypatch):
    from maha_core.learn import lmnn

    once = mc.learn.LMNN(3, 2, init="identity", max_iter=500).fit(X, Y)
    original = lmnn.nearest_within

    def pressed(points, rows, k, metric):
        if metric is not None:
            raise KeyboardInterrupt
        return original(points, rows, k, metric)

    monkeypatch.setattr(lmnn, "nearest_within", pressed)
    learner = mc.learn.LMNN(3, 2, init="identity", max_iter=500, n_refreshes=2)
    error = interrupted(learner, X, Y)
    assert "between two searches" in error.__notes__[0]
    np.testing.assert_array_equal(learner.components_, once.components_)
    assert learner.loss_ == once.loss_


def test_at_the_first_evaluation_of_a_second_search(monkeypatch):
    from maha_core.learn import streamed

    once = mc.learn.LMNN(3, 2, init="identity", max_iter=500).fit(X, Y)
    original, starts = streamed.evaluated, []

    def pressed(loss, *rest):
        if not starts or loss is not starts[-1]:
            starts.append(loss)
        if len(starts) == 2:
            raise KeyboardInterrupt
        return original(loss, *rest)

    monkeypatch.setattr(streamed, "evaluated", pressed)
    learner = mc.learn.LMNN(3, 2, init="identity", max_iter=500, n_refreshes=2)
    interrupted(learner, X, Y)
    np.testing.assert_array_equal(learner.components_, once.components_)
    assert learner.loss_ == once.loss_


def test_while_dask_computes():
    da = pytest.importorskip("dask.array")
    dask = pytest.importorskip("dask")
    read = []

    def chunk(block):
        read.append(1)
        if len(read) == 12:  # in a worker thread; the main one waits for it
            os.kill(os.getpid(), signal.SIGINT)
        return block

    points = da.from_array(X, chunks=(30, 4)).map_blocks(chunk, meta=np.empty((0, 0)))
    learner = mc.learn.NCA(2, init="identity", max_iter=100)
    with dask.config.set(scheduler="threads"):
        error = interrupted(learner, points, da.from_array(Y, chunks=30))
    assert "was interrupted after" in error.__notes__[0]
    assert np.isfinite(learner.loss_)
    assert learner.components_.shape == (2, 4)


@pytest.mark.parametrize("through", ["cross_val_score", "GridSearchCV"])
def test_through_a_search(through):
    model = make_pipeline(mc.learn.NCA(callback=interrupt_at(2)), KNeighborsClassifier(3))
    run = {
        "cross_val_score": lambda: cross_val_score(model, X, Y, cv=2),
        "GridSearchCV": lambda: GridSearchCV(model, {"nca__max_iter": [3, 4]}, cv=2).fit(X, Y),
    }
    with pytest.raises(KeyboardInterrupt):
        run[through]()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_the_program_ends():
    code = (
        "import os, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from sklearn.datasets import load_iris\n"
        "from sklearn.model_selection import cross_val_score\n"
        "from sklearn.pipeline import make_pipeline\n"
        "from sklearn.neighbors import KNeighborsClassifier\n"
        "from maha_core.learn import NCA\n"
        "press = lambda A, iteration: os.kill(os.getpid(), signal.SIGINT)\n"
        "model = make_pipeline(NCA(callback=press), KNeighborsClassifier(3))\n"
        "cross_val_score(model, *load_iris(return_X_y=True), cv=2)\n"
        "print('went on')\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode in (-signal.SIGINT, 128 + signal.SIGINT)
    assert "went on" not in ended.stdout
    assert "NCA was interrupted after" in ended.stderr


# ------------------------------------------------------------------------------- whose line it is


def warned(call):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        call()
    return [each for each in seen if each.category in (ConvergenceWarning, UserWarning)]


@pytest.mark.parametrize("name", LEARNERS)
def test_warnings_point_at_the_users_line(name):
    few = np.r_[0:57:3, 1:58:3, 2, 5]  # two of the last class
    learner = LEARNERS[name](max_iter=1)
    if name == "MLKR":
        learner.set_params(alpha=0.0)
    y = targets_of(learner, Y)
    pipeline = make_pipeline(clone(learner))
    for call in (
        lambda: learner.fit(X[few], y[few]),
        lambda: learner.fit_transform(X[few], y[few]),
        lambda: pipeline.fit(X[few], y[few]),
    ):
        seen = warned(call)
        assert len(seen) == 1 + (name == "LMNN")
        assert {each.filename for each in seen} == {__file__}
        assert {each.lineno for each in seen} == {call.__code__.co_firstlineno}
