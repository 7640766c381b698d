"""What metric-learn does, run by a Python that has it (and an old scikit-learn), not by ours.

    python their_side.py data.npz result.npz

It knows nothing of maha_core: it fits what the data say, and writes parameters, losses, gradients
and seconds.
"""

import sys
import time
import warnings
from pathlib import Path

import metric_learn
import numpy as np
import tuple_fits
from metric_learn import LMNN, MLKR
from metric_learn.scml import _BaseSCML
from sklearn.preprocessing import LabelEncoder


def main(source, target):
    warnings.simplefilter("ignore")
    given = dict(np.load(source))
    learn = {
        "MLKR": mlkr,
        "LMNN": lmnn,
        "one evaluation": one_evaluation,
        "tuples": tuples,
        "seconds": lambda given: tuple_fits.seconds(metric_learn, given),
        "seconds of a set": lambda given: tuple_fits.seconds_of_a_set(metric_learn, given),
    }[str(given["name"])]
    np.savez(target, **learn(given))


def mlkr(given):
    X, y, start = given["X"], given["y"], given["start"]
    learner = MLKR(init=start)
    learner.n_iter_ = 1
    loss, gradient = learner._loss(start.ravel(), X, y)
    begin = time.perf_counter()
    learner = MLKR(len(start), init=start, max_iter=int(given["max_iter"])).fit(X, y)
    seconds = time.perf_counter() - begin
    return {
        "start_loss": loss,
        "start_gradient": gradient,
        "A": learner.components_,
        "seconds": seconds,
    }


def lmnn(given):
    X, y, start, k = given["X"], given["y"], given["start"], int(given["k"])
    begin = time.perf_counter()
    learner = LMNN(init=start, n_neighbors=k, max_iter=int(given["max_iter"])).fit(X, y)
    seconds = time.perf_counter() - begin
    targets = learner._select_targets(X, LabelEncoder().fit_transform(y))
    return {"targets": targets, "A": learner.components_, "seconds": seconds}


def tuples(given):
    basis = given["basis"]
    # its SCML compares a basis that is given with a string, entry by entry, and fails
    _BaseSCML._initialize_basis = lambda self, triplets, X: (basis, len(basis))
    return tuple_fits.matrices(metric_learn, given)


def one_evaluation(given):
    """Seconds and peak memory of MLKR's loss and gradient."""
    X, y, start = given["X"], given["y"], given["start"]
    learner = MLKR(init=start)
    learner.n_iter_ = 1
    learner._loss(start.ravel(), X[:100], y[:100])
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew at what is resident
    before, begin = resident("VmRSS"), time.perf_counter()
    learner._loss(start.ravel(), X, y)
    seconds = time.perf_counter() - begin
    return {"seconds": seconds, "peak_bytes": resident("VmHWM") - before}


def resident(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(field + ":")]
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
