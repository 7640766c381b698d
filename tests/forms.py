"""The metric objects of maha_core by the oracle's names of forms, and whole random problems."""

from dataclasses import dataclass

import numpy as np

import maha_core as mc
import oracle

CLASSES = {
    "full": mc.Full,
    "factor": mc.Factor,
    "diagonal": mc.Diagonal,
    "covariance": mc.Covariance,
}


def metric(form, parameter):
    """Return the metric object of a form, None for the Euclidean metric."""
    return None if form == "euclidean" else CLASSES[form](parameter)


@dataclass(frozen=True)
class Problem:
    """Points and a metric as NumPy data, and as the arguments of a call in some library."""

    form: str
    X: np.ndarray
    Y: np.ndarray | None
    parameter: np.ndarray | None
    rng: np.random.Generator

    @property
    def shape(self):
        return len(self.X), len(self.X if self.Y is None else self.Y)

    @property
    def exact(self):
        """The leading arguments of every function in oracle."""
        return self.X, self.Y, self.form, self.parameter

    def points(self, library):
        return library.arrays(self.X, self.Y)

    def metric(self, library):
        return metric(self.form, *library.arrays(self.parameter))

    def random(self, shape):
        return self.rng.standard_normal(shape).astype(self.X.dtype)

    @property
    def wrt(self):
        """Everything that this problem has a gradient for."""
        there = {"metric": self.parameter is not None, "X": True, "Y": self.Y is not None}
        return tuple(name for name, given in there.items() if given)


def problem(form, n, m, d, dtype="float64", seed=0):
    """Draw a random problem; m=None: without Y."""
    rng = np.random.default_rng([seed, n, 0 if m is None else m + 1, d])
    X = rng.standard_normal((n, d)).astype(dtype)
    Y = None if m is None else (rng.standard_normal((m, d)) + 0.5).astype(dtype)
    return Problem(form, X, Y, oracle.parameter(form, d, rng, dtype), rng)
