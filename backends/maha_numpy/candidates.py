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
    return smallest[:, None], below(D, smallest, bound)


def below(D: Array, smallest: Array, bound: Array) -> tuple[Array, Array] | None:
    """Return rows and columns of the entries below their row's bound; None if they are many.

    ``smallest (r,)`` are the rows' smallest entries; rows that reach their bound are not read.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_numpy.candidates import below
    >>> D = np.full((2, 100), 3.0)
    >>> D[1, 7] = 1.0
    >>> i, j = below(D, D.min(axis=1), np.array([2.0, 2.0]))
    >>> i.tolist(), j.tolist()
    ([1], [7])
    """
    rows = np.flatnonzero(~(smallest >= bound))
    if not rows.size:
        return NOTHING
    most = D.size // FEW
    i, j = np.empty(most, np.intp), np.empty(most, np.intp)
    listed = screening.list_not_above.compiled(D.dtype)
    found = listed(np.ascontiguousarray(D), rows, np.asarray(bound, D.dtype), i, j)
    return (i[:found], j[:found]) if found <= most else None
