"""Functions that travel to worker processes, most of them of losses.

Workers import them from here by name. A test module's own functions would not do: pytest gives
such a module a name that no other process can import.
"""

import functools
import time

import numpy as np

import maha_core as mc
from lazy_problems import square


def reciprocal(D):
    return 1 / D, -1 / (D * D)


def parabola(D):
    """A loss of D of any sign: D^2 / 2 + 3 D."""
    return D * D / 2 + 3 * D, D + 3


def parabola_of_data(D, a, b):
    """A loss symmetric in the data: (a + b) D^2 / 2 + a b D."""
    return (a + b) * D * D / 2 + a * b * D, (a + b) * D + a * b


def fails(D):
    raise RuntimeError("the loss's own error")


def waits(seconds, D):
    time.sleep(seconds)
    return square(D)


def slow(seconds):
    """Return a function of D that takes its time on every tile."""
    return functools.partial(waits, seconds)


class FailsAtFirst:
    """Fails on each worker until files in a folder say that it has failed enough."""

    def __init__(self, folder, times):
        self.folder, self.times = folder, times

    def __call__(self, D):
        failed = len(list(self.folder.iterdir()))
        if failed < self.times:
            (self.folder / str(failed)).touch()
            raise OSError("a disk that was not there for a moment")
        return square(D)


def decay(D):
    return np.exp(-D)


def indexed(D):
    return D[:, :]


def compilations():
    """Compute on a worker, and return how many passes it has and how many it compiled."""
    X = np.random.default_rng(0).standard_normal((600, 12))  # no narrow embedding, of other passes
    mc.reduce(mc.reductions.Sum(lambda D: 1 / (1 + D)), X)
    from maha_numpy.compiled import store

    runs = [module.run.compiled("float64") for module in store._kept.values()]
    return len(runs), sum(sum(one.stats.cache_misses.values()) for one in runs)
