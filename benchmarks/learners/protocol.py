"""k-nearest-neighbour accuracy in 10 stratified folds, after learners that saw training folds."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.feature_selection import VarianceThreshold
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from benchmarks.learners.data import Fold, Points
from maha_core import learn

FOLDS = 10
NEIGHBORS = (3, 5, 7)
SEED = 0

# Some sets have columns that are combinations of others: where a scatter must not be singular,
# principal components of nearly no variance are left out before.
REDUCED = ("LFDA", "RCA", "MMC")

PENALTY = 1e-4
"""That of NCA for each point: the metric's size, with columns from 0 to 1."""

LEARNERS: dict[str, Callable[[int], Any]] = {
    "Euclidean": lambda n: "passthrough",
    "Covariance": lambda n: learn.Covariance(),
    "RCA": lambda n: learn.RCA_Supervised(n_chunks=None, random_state=SEED),
    "LFDA": lambda n: learn.LFDA(),
    "DMLMJ": lambda n: learn.DMLMJ(),
    "GMML": lambda n: learn.GMML_Supervised(random_state=SEED),
    "ITML": lambda n: learn.ITML_Supervised(n_constraints=1000, max_iter=200, random_state=SEED),
    "MMC": lambda n: learn.MMC_Supervised(random_state=SEED),
    "LSML": lambda n: learn.LSML_Supervised(random_state=SEED),
    "SDML": lambda n: learn.SDML_Supervised(balance_param=1e-4, random_state=SEED),
    "SCML": lambda n: learn.SCML_Supervised(random_state=SEED),
    "NCA": lambda n: learn.NCA(init="identity", max_iter=50),
    "NCA, penalised": lambda n: learn.NCA(init="identity", max_iter=200, alpha=PENALTY * n),
    "LMNN": lambda n: learn.LMNN(3, init="identity", max_iter=100),
}


def stratified(points: Points) -> list[Fold]:
    """Return 10 folds of points."""
    X, y = points
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    return [Fold(X[train], y[train], X[test], y[test]) for train, test in folds.split(X, y)]


def measured(folds: list[Fold], name: str) -> dict[str, Any]:
    """Return mean accuracies by the number of neighbours, seconds of a fit, and failed folds.

    A learner that refuses a fold's points is the Euclidean distance there.
    """
    rounds = [_one(fold, name) for fold in folds]
    accuracy = np.mean([scores for scores, _, _ in rounds], axis=0)
    return {
        **{f"{k}-NN": float(value) for k, value in zip(NEIGHBORS, accuracy, strict=True)},
        "seconds": float(np.mean([seconds for _, seconds, _ in rounds])),
        "refused": [refused for _, _, refused in rounds if refused],
    }


def _one(fold: Fold, name: str) -> tuple[list[float], float, str]:
    X, y, X_test, y_test = fold
    scaler = make_pipeline(VarianceThreshold(), MinMaxScaler()).fit(X)
    learner = LEARNERS[name](len(y))
    reduction = PCA(0.9999, svd_solver="full") if name in REDUCED else "passthrough"
    metric, refused = make_pipeline(reduction, learner), ""
    begin = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            metric.fit(scaler.transform(X), y)
        except ValueError as error:
            metric, refused = make_pipeline("passthrough"), str(error)
    seconds = time.perf_counter() - begin
    Z, further = (metric.transform(scaler.transform(points)) for points in (X, X_test))
    scores = [KNeighborsClassifier(k).fit(Z, y).score(further, y_test) for k in NEIGHBORS]
    return scores, seconds, refused
