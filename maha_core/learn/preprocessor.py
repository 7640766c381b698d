"""Points by number or by name: what a `preprocessor` turns into rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array

from maha_core import checks, validation
from maha_core.arrays import is_array, namespace
from maha_core.learn.host import is_lazy, to_host, whole

Array = Any


def points_and_rows(
    preprocessor: Any, indicators: Array, argument: str
) -> tuple[Array, NDArray[np.int64]]:
    """Return points, and the row of each indicator among them.

    Parameters
    ----------
    preprocessor : array (n, d) or callable
        Points by number; or a function of distinct indicators ``(u,)`` that returns ``(u, d)``.
    indicators : array-like
        Numbers of rows, or whatever the function takes; of any shape.
    argument : str
        Their name, for messages.

    Returns
    -------
    X : array (u, d)
        Every point once that was asked for; all points, if they are of another library than NumPy.
    rows : array of integers
        Of the shape of the indicators.

    Raises
    ------
    ValueError
        A number outside of the array; points that are not finite, or not ``(u, d)``.
    TypeError
        Numbers of rows that are not whole.
    """
    (asked,) = to_host(indicators) if is_array(indicators) else (np.asarray(indicators),)
    if callable(preprocessor):
        return _called(preprocessor, asked)
    if is_array(preprocessor) and not isinstance(preprocessor, np.ndarray):
        return _foreign(preprocessor), _numbers(asked, int(preprocessor.shape[0]), argument)
    points = check_array(preprocessor, dtype=None, input_name="preprocessor")
    rows = _numbers(asked, len(points), argument)
    distinct, inverse = np.unique(rows, return_inverse=True)
    chosen = check_array(points[distinct], dtype=_FLOATS, input_name="preprocessor")
    return chosen, inverse.reshape(rows.shape)


_FLOATS = (np.float64, np.float32)


def rows_of(preprocessor: Any, indicators: Array, argument: str) -> Array:
    """Return one point ``(n, d)`` for each indicator ``(n,)``."""
    X, rows = points_and_rows(preprocessor, indicators, argument)
    return namespace(X).take(X, whole(rows, X), axis=0)


def _called(preprocessor: Any, asked: NDArray[Any]) -> tuple[Array, NDArray[np.int64]]:
    distinct, inverse = np.unique(asked, return_inverse=True)
    points = check_array(preprocessor(distinct), dtype=_FLOATS, input_name="preprocessor")
    if len(points) != len(distinct):
        raise ValueError(
            f"preprocessor returned {len(points)} points for {len(distinct)} indicators; it takes "
            "an array of indicators (u,) and returns their points (u, d), in the same order"
        )
    return points, inverse.reshape(asked.shape)


def _foreign(points: Array) -> Array:
    backend = validation.backend_of_numbers(points, "preprocessor")
    points = validation.points(backend, points, "preprocessor")
    if not is_lazy(points):
        checks.finite(backend, points, "preprocessor")
    return points


def _numbers(asked: NDArray[Any], n: int, argument: str) -> NDArray[np.int64]:
    """Return row numbers, refused where there is no such row."""
    if asked.dtype.kind not in "iu":
        whole_numbers = asked.dtype.kind == "f" and bool(np.all(asked == np.floor(asked)))
        if not whole_numbers:
            raise TypeError(
                f"{argument} has the dtype {asked.dtype}; with an array as preprocessor it holds "
                "row numbers: integers"
            )
    numbers = asked.astype(np.int64)
    outside = (numbers < 0) | (numbers >= n)
    if outside.any():
        raise ValueError(
            f"{argument} holds the row number {numbers[outside].flat[0]}; the preprocessor has "
            f"the rows 0 to {n - 1}"
        )
    return numbers
