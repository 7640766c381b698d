"""The folds of the published comparison, from a copy of the repository jlsuarezdiaz/pyDML.

Small sets are there in 10 folds of KEEL. Of large ones there is one of 5 or 10 parts, which the
authors divided by scikit-learn's stratified folds as they were up to version 0.21. With these folds
the published figures of the Euclidean distance come out to the last digit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.model_selection import KFold

from benchmarks.learners.data import Array, Fold, parsed

FOLDS = 10
SEED = 28
PART = {
    **dict.fromkeys(("banana", "optdigits", "phoneme", "ring", "satimage"), 5),
    **dict.fromkeys(("segment", "texture", "twonorm"), 5),
    **dict.fromkeys(("letter", "magic"), 10),
}
"""One of how many parts of a large set was used; of spambase there is a file of 460 points."""


def read(repository: Path, name: str) -> list[Fold]:
    """Return the folds of a data set."""
    data = repository / "data"
    if name == "spambase":
        return _divided(*_file(data / "spambase-460.arff"))
    if name in PART:
        parts = PART[name]
        chosen = np.random.RandomState(SEED).randint(1, 11)
        part = f"{name}-{parts}dobscv-{chosen}tst.dat.arff"
        return _divided(*_file(data / f"{parts}-fold" / name / part))
    return [_given(data / "10-fold" / name, name, fold) for fold in range(1, FOLDS + 1)]


def _given(folder: Path, name: str, fold: int) -> Fold:
    X, labels = _file(folder / f"{name}-10dobscv-{fold}tra.dat.arff")
    X_test, test_labels = _file(folder / f"{name}-10dobscv-{fold}tst.dat.arff")
    classes = _in_order_of_appearance(labels)
    return Fold(X, _numbers(labels, classes), X_test, _numbers(test_labels, classes))


def _file(path: Path) -> tuple[Array, Array]:
    return parsed(path.read_text("latin1"))


def _divided(X: Array, labels: Array) -> list[Fold]:
    y = _numbers(labels, _in_order_of_appearance(labels))
    fold = np.empty(len(y), dtype=int)
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        folds = KFold(FOLDS, shuffle=True, random_state=SEED)
        for number, (_, test) in enumerate(folds.split(np.empty(max(len(rows), FOLDS)))):
            fold[rows[test[test < len(rows)]]] = number
    return [
        Fold(X[fold != number], y[fold != number], X[fold == number], y[fold == number])
        for number in range(FOLDS)
    ]


def _in_order_of_appearance(labels: Array) -> list[str]:
    """Return the classes as the authors numbered them: of equal votes the first class wins."""
    return list(dict.fromkeys(labels.tolist()))


def _numbers(labels: Array, classes: list[str]) -> Array:
    return np.array([classes.index(label) for label in labels])
