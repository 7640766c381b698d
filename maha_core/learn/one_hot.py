"""Categorical columns as blocks of columns, one a category that is 1 for its points and else 0."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder

Array = Any
Matrix = NDArray[np.float64]


class OneHotBlocks:
    """Points whose categorical columns are blocks: these come first, then the other columns.

    Two points of different categories are at squared distance 2 in a block. A category that was not
    there in training is 0 everywhere.

    Parameters
    ----------
    columns : array-like
        Which columns are categorical: their positions or names, or a mask ``(d,)``.
    X : array-like (n, d)
        Points, as an array or a DataFrame; categories may be numbers or strings.

    Raises
    ------
    ValueError
        There are no such columns.
    """

    def __init__(self, columns: Any, X: Array) -> None:
        self.d = int(np.shape(X)[1])
        self.positions = positions(columns, X, self.d)
        encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32)
        self.transformer = ColumnTransformer(
            [("blocks", encoder, self.positions)], remainder="passthrough", sparse_threshold=0
        ).fit(X)

    def encoded(self, X: Array) -> Array:
        """Return points with blocks ``(n, b)``."""
        return self.transformer.transform(X)

    def by_column(self, numbers: Matrix) -> Matrix:
        """Return the sums ``(d,)`` over each column's block of numbers ``(b,)``."""
        categories = self.transformer.named_transformers_["blocks"].categories_
        others = np.setdiff1d(np.arange(self.d), self.positions)
        owners = np.repeat(self.positions, [len(each) for each in categories])
        owners = np.concatenate([owners, others])
        return np.asarray(np.bincount(owners, numbers, minlength=self.d), dtype=np.float64)


def positions(columns: Any, X: Array, d: int) -> list[int]:
    """Return the positions of columns that are given by them, by name or by a mask."""
    given = np.atleast_1d(np.asarray(columns))
    if given.dtype.kind == "b":
        if given.shape != (d,):
            raise ValueError(
                f"categorical_features is a mask of shape {given.shape}; X has {d} columns"
            )
        return np.flatnonzero(given).tolist()
    if given.dtype.kind in "OUS" and given.size:
        return _by_name(given, X)
    wrong = [each for each in given.tolist() if not (each == int(each) and 0 <= each < d)]
    if wrong:
        raise ValueError(f"categorical_features has {wrong[0]!r}; X has columns 0 to {d - 1}")
    return sorted({int(each) for each in given})


def _by_name(given: NDArray[Any], X: Array) -> list[int]:
    names = [str(name) for name in getattr(X, "columns", [])]
    missing = [name for name in given.tolist() if name not in names]
    if missing:
        raise ValueError(
            f"categorical_features has {missing[0]!r}; X "
            + (f"has the columns {', '.join(names):.200}" if names else "is no DataFrame")
        )
    return sorted({names.index(name) for name in given.tolist()})
