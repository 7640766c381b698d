"""Kernels for rows and diagonals: sums by index in a fixed order, operands, diagonals in place."""

from __future__ import annotations

from typing import Any

import numpy as np

from maha_core.formulas import Operands
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


def operands(U: Array, V: Array) -> Operands:
    """Return ``[-2 U, a, 1]``, ``[V, 1, a]`` and ``a_i = u_i . v_i (r, 1)``, summed in float64."""
    r, t = U.shape
    U, V = cp.ascontiguousarray(U), cp.ascontiguousarray(V)
    left, right = (cp.empty((r, t + 2), dtype=U.dtype) for _ in range(2))
    a = cp.empty((r, 1), dtype=U.dtype)
    if r:
        arguments = (
            address(U),
            address(V),
            np.int64(r),
            np.int32(t),
            *map(address, (left, right, a)),
        )
        grid = (blocks(r, WARPS),)
        launch("rows", "maha_operands", U.dtype, grid, (LANES, WARPS), *arguments)
    return Operands(left, right, a)


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
