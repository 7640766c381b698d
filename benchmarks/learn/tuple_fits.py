"""Fits that ours and metric-learn's learners are both asked for; it imports neither.

`their_side.py` imports it where only metric-learn is installed, `tuples.py` where only ours is.
"""

import signal
import time

import numpy as np

STRATEGIES = {
    "accuracy": {},
    "f_beta": {"beta": 2.0},
    "max_tpr": {"min_rate": 0.8},
    "max_tnr": {"min_rate": 0.8},
}


def matrices(learners, given):
    """Return what is learned from the same numbers, by names of the fits."""
    X, y, pairs, labels = (given[name] for name in ("X", "y", "pairs", "labels"))
    fits = {
        "Covariance": lambda: learners.Covariance().fit(X),
        "RCA": lambda: learners.RCA().fit(X, given["chunks"]),
        "RCA, 3 components": lambda: learners.RCA(n_components=3).fit(X, given["chunks"]),
        "LFDA": lambda: learners.LFDA(n_components=3, k=5).fit(X, y),
        "ITML": lambda: learners.ITML().fit(pairs, labels),
        "ITML, gamma 0.1, prior covariance": lambda: learners.ITML(
            gamma=0.1, prior="covariance"
        ).fit(pairs, labels, bounds=[10.0, 20.0]),
        "SDML": lambda: learners.SDML(balance_param=1e-4).fit(pairs, labels),
        "SCML": lambda: learners.SCML(
            basis=given["basis"], n_basis=len(given["basis"]), max_iter=2000, random_state=0
        ).fit(given["triplets"]),
        "LSML": lambda: learners.LSML(tol=1e-10, max_iter=10000).fit(given["quadruplets"]),
        "MMC": lambda: learners.MMC(tol=1e-8, max_iter=2000).fit(pairs, labels),
        "MMC, diagonal": lambda: learners.MMC(diagonal=True, max_iter=2000).fit(pairs, labels),
    }
    found = {name: fit().get_mahalanobis_matrix() for name, fit in fits.items()}
    return {**found, **thresholds(fits["ITML"](), pairs, labels)}


def thresholds(learner, pairs, labels):
    """Return the thresholds of every strategy."""
    return {
        f"threshold by {strategy}": np.array(
            learner.calibrate_threshold(pairs, labels, strategy=strategy, **more).threshold_
        )
        for strategy, more in STRATEGIES.items()
    }


SUPERVISED = {
    "Covariance": {},
    "LFDA": {},
    "RCA_Supervised": {"random_state": 0},
    "ITML_Supervised": {"random_state": 0},
    "MMC_Supervised": {"random_state": 0},
    "LSML_Supervised": {"random_state": 0},
    "SDML_Supervised": {"random_state": 0, "balance_param": 1e-5},
    "SCML_Supervised": {"random_state": 0},
}


FITTED = {
    **SUPERVISED,
    "NCA": {"init": "identity", "max_iter": 50},
    "LMNN": {"n_neighbors": 3, "init": "identity", "max_iter": 100},
}
"""What is fitted to data sets: the learners above, and two whose time grows with n^2."""

ENOUGH = 1.0
"""Fits are repeated until they took so many seconds together, and the least counts."""


def seconds(learners, given):
    """Return the seconds of processor time of a fit of labelled points, warm."""
    X, y = given["X"], given["y"]
    found = {}
    for name, parameters in SUPERVISED.items():
        learner = getattr(learners, name)(**parameters)
        learner.fit(X[:500], y[:500])
        times = []
        while sum(times) < ENOUGH:
            begin = time.process_time()
            learner.fit(X, y)
            times.append(time.process_time() - begin)
        found[name] = np.array(min(times))
    return found


def seconds_of_a_set(learners, given):
    """Return the least processor time of fits: NaN if refused, infinite if stopped."""
    X, y, enough = given["X"], given["y"], float(given["enough"])
    return {
        name: np.array(_least(getattr(learners, name)(**parameters), X, y, enough))
        for name, parameters in FITTED.items()
        if name in given["names"]
    }


LIMIT = 60.0
"""A fit is stopped after so many seconds by the clock: a timer of processor time coarsens it."""

LONG = 5.0
"""A fit of so many seconds is not repeated."""


def _least(learner, X, y, enough):
    times = []
    while sum(times) < enough or (len(times) < 2 and times[0] < LONG):  # the first may compile
        begin = time.process_time()
        try:
            _fit_within_the_limit(learner, X, y)
        except TimeoutError:
            return np.inf
        except (ValueError, ArithmeticError, RuntimeError, np.linalg.LinAlgError):
            return np.nan
        times.append(time.process_time() - begin)
    return min(times)


def _fit_within_the_limit(learner, X, y):
    signal.signal(signal.SIGALRM, _stop)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        learner.fit(X, y)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _stop(number, frame):
    raise TimeoutError
