"""Candidates for cancelled entries of a tile of D, by a compiled pass over the rows with any."""

from __future__ import annotations

from typing import Any

import numpy as np

from maha_numpy.compiled import screening
from maha_numpy.tiles import FEW, NOTHING, Candidates, row_minima

Array = Any


def find(D: Array, bound: Array) -> Candidates:
    """Return the rows' smallest entries, and the entries below the bound of their row.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_numpy.candidates import find
    >>> D = np.full((2, 100), 3.0)
    >>> D[1, 7] = 1.0
    >>> smallest, (i, j) = find(D, np.array([2.0, 2.0]))
    >>> smallest.ravel().tolist(), i.tolist(), j.tolist()
    ([3.0, 1.0], [1], [7])
    """
    smallest = row_minima(D)
    return smallest[:, None], of_rows(D, np.flatnonzero(~(smallest >= bound)), bound)


def of_rows(D: Array, rows: Array, bound: Array) -> tuple[Array, Array] | None:
    """Return rows and columns of the entries of some rows below their row's bound; None if many.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_numpy.candidates import of_rows
    >>> i, j = of_rows(np.eye(40), np.array([1]), np.full(40, 0.5))
    >>> i.size, j.max().item()
    (39, 39)
    """
    if not rows.size:
        return NOTHING
    most = D.size // FEW
    i, j = np.empty(most, np.intp), np.empty(most, np.intp)
    listed = screening.list_not_above.compiled(D.dtype)
    found = listed(np.ascontiguousarray(D), rows, np.asarray(bound, D.dtype), i, j)
    return (i[:found], j[:found]) if found <= most else None
