"""k-nearest-neighbour accuracy in 10 stratified folds, after learners that saw training folds."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.feature_selection import VarianceThreshold
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from benchmarks.learners.data import Points
from maha_core import learn

FOLDS = 10
NEIGHBORS = (3, 5, 7)
SEED = 0

# Some sets have columns that are combinations of others: where a scatter must not be singular,
# principal components of nearly no variance are left out before.
REDUCED = ("LFDA", "RCA", "MMC")

LEARNERS: dict[str, Any] = {
    "Euclidean": lambda: "passthrough",
    "Covariance": lambda: learn.Covariance(),
    "RCA": lambda: learn.RCA_Supervised(n_chunks=None, random_state=SEED),
    "LFDA": lambda: learn.LFDA(),
    "DMLMJ": lambda: learn.DMLMJ(),
    "GMML": lambda: learn.GMML_Supervised(random_state=SEED),
    "ITML": lambda: learn.ITML_Supervised(n_constraints=1000, max_iter=200, random_state=SEED),
    "MMC": lambda: learn.MMC_Supervised(random_state=SEED),
    "LSML": lambda: learn.LSML_Supervised(random_state=SEED),
    "SDML": lambda: learn.SDML_Supervised(balance_param=1e-4, random_state=SEED),
    "SCML": lambda: learn.SCML_Supervised(random_state=SEED),
    "NCA": lambda: learn.NCA(init="identity", max_iter=50),
    "LMNN": lambda: learn.LMNN(3, init="identity", max_iter=100),
}


def measured(points: Points, name: str) -> dict[str, Any]:
    """Return mean accuracies by the number of neighbours, seconds of a fit, and failed folds.

    A learner that refuses a fold's points is the Euclidean distance there.
    """
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    rounds = [_fold(points, train, test, name) for train, test in folds.split(*points)]
    accuracy = np.mean([scores for scores, _, _ in rounds], axis=0)
    return {
        **{f"{k}-NN": float(value) for k, value in zip(NEIGHBORS, accuracy, strict=True)},
        "seconds": float(np.mean([seconds for _, seconds, _ in rounds])),
        "refused": [refused for _, _, refused in rounds if refused],
    }


def _fold(points: Points, train: Any, test: Any, name: str) -> tuple[list[float], float, str]:
    X, y = points
    scaler = make_pipeline(VarianceThreshold(), MinMaxScaler()).fit(X[train])
    learner = LEARNERS[name]()
    reduction = PCA(0.9999, svd_solver="full") if name in REDUCED else "passthrough"
    metric, refused = make_pipeline(reduction, learner), ""
    begin = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            metric.fit(scaler.transform(X[train]), y[train])
        except ValueError as error:
            metric, refused = make_pipeline("passthrough"), str(error)
    seconds = time.perf_counter() - begin
    Z, further = (metric.transform(scaler.transform(X[rows])) for rows in (train, test))
    scores = [KNeighborsClassifier(k).fit(Z, y[train]).score(further, y[test]) for k in NEIGHBORS]
    return scores, seconds, refused
