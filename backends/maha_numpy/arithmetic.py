"""What is computed of all entries of a tile, by calls of NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from maha_core.tiles import tiling
from maha_core.tiles.arithmetic import ArrayArithmetic
from maha_numpy import buffers

if TYPE_CHECKING:
    from maha_core.tiles.tile import Tile

Array = Any

PART = 2**19
"""A user's function is asked of rows of so many bytes.

The arrays that it makes on its way then stay in the cache, and in memory that the allocator keeps:
those of a whole tile would come from fresh pages at every step.
"""


class NumpyArithmetic(ArrayArithmetic):
    """Calls of NumPy; a function of the user's sees some rows at a time."""

    def of_arrays(self, tile: Tile, f: Callable[[Tile], tuple[Array, Array]]) -> Any:
        """Return numbers ``(r, 1)`` and entries ``(r, c)`` that a function makes of a tile."""
        r, c = tile.sqdist.shape
        step = max(1, PART // max(1, tile.sqdist.itemsize * c))
        entries = buffers.empty((r, c), tile.sqdist.dtype)
        numbers = np.empty((r, 1), tile.widest)
        for rows in tiling.blocks(r, step):
            numbers[rows], entries[rows] = f(tile.part(rows))
        return numbers, entries
