"""Reusable memory for tiles of a thread: new pages cost more than the arithmetic on them.

The arrays are ordinary arrays. When an array and all its views are deleted, its memory is kept for
the thread's next array, up to a bound.
"""

from __future__ import annotations

import ctypes
import weakref
from math import prod
from threading import local
from typing import Any

import numpy as np

Array = Any

SMALLEST = 2**17
"""Less memory than so many bytes the allocator gives, and takes back, at little cost."""

STEP = 2**16
"""Memory comes in multiples of so many bytes, so that tiles of nearly one size share it."""

MOST = 2**25
"""The largest number of unused bytes that a thread keeps."""


class Kept(local):
    """The memory that a thread keeps, by size; the size used last is at the end."""

    def __init__(self) -> None:
        self.blocks: dict[int, list[Array]] = {}

    def take(self, size: int) -> Array:
        """Return memory of a size."""
        try:
            return self.blocks[size].pop()
        except LookupError:
            return np.empty(size, np.uint8)

    def give_back(self, block: Array) -> None:
        """Keep memory; if there is too much, free the least recently used.

        The garbage collector may call it while the thread is anywhere in this module.
        """
        same = self.blocks.pop(block.nbytes, [])
        same.append(block)
        self.blocks[block.nbytes] = same
        while self.size() > MOST:
            oldest = next(iter(self.blocks))
            blocks = self.blocks[oldest]
            if blocks:
                blocks.pop()
            if not blocks:
                del self.blocks[oldest]

    def size(self) -> int:
        """Return the number of bytes kept."""
        return sum(size * len(blocks) for size, blocks in list(self.blocks.items()))


KEPT = Kept()
_lent: dict[int, weakref.ref[Any]] = {}


def empty(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an uninitialised array in C order, as `numpy.empty` does.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_numpy import buffers
    >>> buffers.empty((300, 200), np.dtype(float)).shape
    (300, 200)
    """
    size = prod(shape) * dtype.itemsize
    if not SMALLEST <= size <= MOST:
        return np.empty(shape, dtype)
    block = KEPT.take(-(-size // STEP) * STEP)
    # All views of an array keep this object alive; without it they would keep only the memory.
    lent = (ctypes.c_char * block.nbytes).from_buffer(block)
    key = id(lent)

    # Bound as defaults, because the module's names are deleted when the interpreter exits.
    def returned(_: Any, references: Any = _lent, kept: Kept = KEPT) -> None:
        references.pop(key, None)
        kept.give_back(block)

    _lent[key] = weakref.ref(lent, returned)
    return np.ndarray(shape, dtype, lent)


def product(left: Array, right: Array) -> Array:
    """Return the product of two matrices in such an array.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_numpy import buffers
    >>> buffers.product(np.eye(2), np.ones((2, 1))).tolist()
    [[1.0], [1.0]]
    """
    out = empty((left.shape[0], right.shape[1]), np.result_type(left, right))
    return np.matmul(left, right, out=out)
