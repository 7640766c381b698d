"""Rows summed by an index in a fixed order, and diagonals written in place."""

from __future__ import annotations

from typing import Any

import numpy as np

from maha_cupy.launch import LANES, WARPS, address, blocks, launch, strides
from maha_cupy.library import cp

Array = Any


def sum_rows(index: Array, values: Array, size: int) -> Array:
    """Return ``(size, t)``: the rows of `values (p, t)` summed by their index, in order."""
    total = cp.zeros((size, values.shape[1]), dtype=values.dtype)
    if not values.size or not size:
        return total
    order = cp.argsort(index, kind="stable").astype(cp.int64)
    bounds = cp.arange(size + 1, dtype=index.dtype)
    start = cp.searchsorted(index[order], bounds, side="left").astype(cp.int64)
    values = cp.ascontiguousarray(values)
    t = values.shape[1]
    launch(
        "rows",
        "maha_row_sums",
        values.dtype,
        (blocks(size, WARPS), blocks(t, LANES)),
        (LANES, WARPS),
        *(address(values), address(order), address(start)),
        *(np.int64(size), np.int32(t), address(total)),
    )
    return total


def fill_diagonal(values: Array, offset: int, fill: float) -> Array:
    """Return values ``(r, c)``, written in place at ``(i, i + offset)``."""
    r, c = values.shape
    if values.size:
        arguments = (
            *(address(values), np.int64(r), np.int64(c), *strides(values)),
            *(np.int64(offset), values.dtype.type(fill)),
        )
        grid, block = (blocks(r, 256),), (256,)
        launch("rows", "maha_fill_diagonal", values.dtype, grid, block, *arguments)
    return values
