"""Elementwise computations on a tile, by calls of NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from maha_core.tiles import tiling
from maha_core.tiles.arithmetic import ArrayArithmetic
from maha_numpy import buffers

Array = Any

PART = 2**19
"""The bytes of the rows for which a user's function is called at once.

The arrays that it makes on its way then stay in the cache, and in memory that the allocator keeps:
those of a whole tile would come from fresh pages at every step.
"""


class NumpyArithmetic(ArrayArithmetic):
    """Calls of NumPy; a user's function is called for some rows at a time."""

    def of_rows(self, D: Array, f: Callable[[slice], tuple[Array, Array]]) -> Any:
        """Return a function's numbers ``(r, 1)`` and entries ``(r, c)`` for rows of D."""
        r, c = D.shape
        entries, numbers = buffers.empty((r, c), D.dtype), []
        for rows in tiling.blocks(r, max(1, PART // max(1, D.itemsize * c))):
            found, entries[rows] = f(rows)
            numbers.append(found)
        return np.concatenate(numbers), entries
