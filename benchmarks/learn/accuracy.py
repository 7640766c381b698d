"""What a learned metric buys: nearest neighbours and kernel regression on held-out points."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    StratifiedKFold,
    cross_val_score,
    train_test_split,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import maha_core as mc

NEIGHBORS = 3
FOLDS = StratifiedKFold(5, shuffle=True, random_state=0)
REGRESSION_FOLDS = KFold(5, shuffle=True, random_state=0)
INNER_FOLDS = KFold(3, shuffle=True, random_state=0)
SETS = {
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "digits": datasets.load_digits,
    "breast cancer": datasets.load_breast_cancer,
}


class Whitening(FunctionTransformer):
    """The classical Mahalanobis metric: the covariance of the training points."""

    def fit(self, X: Any, y: Any = None) -> Any:
        spread = np.trace(np.cov(X.T)) / X.shape[1]
        self.metric_ = mc.Covariance.from_points(X, ridge=1e-3 * spread)  # digits are singular
        return self

    def transform(self, X: Any) -> Any:
        return self.metric_.embed(np.ascontiguousarray(X))


LEARNERS = {
    "Euclidean": lambda: FunctionTransformer(),
    "Mahalanobis": Whitening,
    "NCA": lambda: mc.learn.NCA(max_iter=100, random_state=0),
    "LMNN": lambda: mc.learn.LMNN(NEIGHBORS, max_iter=200, random_state=0),
}


def table() -> dict[str, Any]:
    """Return accuracies by data set, raw or standardised, and metric."""
    found: dict[str, Any] = {}
    for name, load in SETS.items():
        X, y = load(return_X_y=True)
        for scaling in ("raw", "standardised"):
            first = [StandardScaler()] if scaling == "standardised" else []
            row = found[f"{name}, {scaling}"] = {}
            for metric, learner in LEARNERS.items():
                pipeline = make_pipeline(*first, learner(), KNeighborsClassifier(NEIGHBORS))
                row[metric] = _mean(pipeline, X, y, FOLDS)
                print(f"{name}, {scaling}, {metric}: {row[metric]:.3f}", flush=True)
    return found


def regression() -> dict[str, float]:
    """Return R2 on diabetes, of ordinary kernel regression and of MLKR."""
    X, y = datasets.load_diabetes(return_X_y=True)
    learners = {
        "Euclidean, best bandwidth": BandwidthRegression(),
        "MLKR, 2 components, no penalty": mc.learn.MLKR(2, alpha=0.0),
        "MLKR, 10 components, no penalty": mc.learn.MLKR(alpha=0.0),
        "MLKR, 2 components": mc.learn.MLKR(2),
        "MLKR, 10 components": mc.learn.MLKR(),
        "MLKR, 2 components, penalty by cross-validation": _chosen_penalty(2),
        "MLKR, 10 components, penalty by cross-validation": _chosen_penalty(10),
    }
    return {
        name: _mean(make_pipeline(StandardScaler(), learner), X, y, REGRESSION_FOLDS)
        for name, learner in learners.items()
    }


def _chosen_penalty(n_components: int) -> Any:
    """MLKR of standardised targets with the penalty that predicts best on inner folds."""
    learner = mc.learn.MLKR(n_components, init="identity")
    search = GridSearchCV(learner, {"alpha": [2, 5, 10, 20, 40]}, cv=INNER_FOLDS)
    return TransformedTargetRegressor(search, transformer=StandardScaler())


class BandwidthRegression(mc.learn.MLKR):
    """Kernel regression with the multiple of the identity that errs least, leaving one out."""

    def _learn(self, data: Any, start: Any) -> Any:
        from maha_core.learn.minimisation import Found
        from maha_core.learn.streamed import Streamed

        self.alpha_ = 0.0
        evaluate = Streamed(self._loss(data), data.X)
        tried = [np.eye(data.X.shape[1]) / h for h in np.geomspace(0.3, 10, 30)]
        losses = [evaluate(A)[0] for A in tried]
        best = int(np.argmin(losses))
        return Found(tried[best], losses[best], 1)


def documented_example() -> dict[str, float]:
    """Return the accuracies of scikit-learn's example on dimension reduction with NCA."""
    X, y = datasets.load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.5, stratify=y, random_state=0
    )
    reducers = {
        "PCA": PCA(n_components=2, random_state=0),
        "LDA": LinearDiscriminantAnalysis(n_components=2),
        "NCA": mc.learn.NCA(n_components=2, random_state=0),
    }
    found = {}
    for name, reducer in reducers.items():
        model = make_pipeline(StandardScaler(), reducer, KNeighborsClassifier(n_neighbors=3))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found[name] = float(model.fit(X_train, y_train).score(X_test, y_test))
    return found


def _mean(model: Any, X: Any, y: Any, folds: Any) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(np.mean(cross_val_score(model, X, y, cv=folds)))
