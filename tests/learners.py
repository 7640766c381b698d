"""The estimators, small data for them, and a fit that may stop early without a word."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

import maha_core as mc

LEARNERS = {"MLKR": mc.learn.MLKR, "NCA": mc.learn.NCA, "LMNN": mc.learn.LMNN}


def few_points(n=24, d=4, classes=3):
    """Points and labels, every class as often."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % classes
    return rng.standard_normal((n, d)) + 0.7 * y[:, None], y


def targets_of(learner, y):
    """What an estimator learns from: real numbers or labels."""
    return y.astype(float) if isinstance(learner, mc.learn.MLKR) else y


def fitted(learner, *args, **kwargs):
    """Fit, whatever the optimiser says."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return learner.fit(*args, **kwargs)


def on_host(values):
    """Move an array of any library, computed or not, to NumPy."""
    return values.get() if hasattr(values, "get") else np.asarray(values)
