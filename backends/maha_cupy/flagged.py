"""The flagged pairs' part of a gradient, without copying their positions to the host.

With g_ij = G_ij where (i, j) is flagged, else 0, and delta_ij = x_i - y_j, both taken raw,

    rows     operand(sum_j g_ij delta_ij),     columns    operand(-sum_i g_ij delta_ij)
    metric   the pullback of S = sum_ij g_ij delta_ij delta_ij^T

because every form is linear in its second moment S: `Form.pull` of unit vectors computes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maha_cupy.launch import LANES, MOST_BLOCKS, WARPS, address, blocks, launch, strides
from maha_cupy.library import cp

if TYPE_CHECKING:
    from maha_core.metrics.form import Form
    from maha_core.tiles.points import Points
    from maha_cupy.tiles import Flags

Array = Any

PARTS = 256
PARTIAL_ENTRIES = 2**20


class Part(NamedTuple):
    """The contribution of the flagged pairs of a tile; None for parts that are not needed."""

    moments: Array | None
    rows: Array | None
    columns: Array | None


def part(
    form: Form, wrt: frozenset[str], rows: Points, columns: Points, flags: Flags, G: Array
) -> Part:
    """Return the moments ``(d, d)``, and the parts of ``L U`` of the rows and the columns."""
    x, y = rows.raw, columns.raw
    moments = own_rows = own_columns = None
    if "metric" in wrt:
        moments = _moments(flags.rows, G, x, y)
    if "X" in wrt or "Y" in wrt:
        own_rows = _sums(form, flags.rows, G, x, y)
        own_columns = _sums(form, flags.columns, G.T, y, x)
    return Part(moments, own_rows, own_columns)


def without_flagged(G: Array, flags: Flags) -> Array:
    """Return a tile with 0 for the flagged entries."""
    r, c = G.shape
    kept = cp.empty(G.shape, dtype=G.dtype)
    if G.size:
        grid, block = (blocks(c, 256), min(r, MOST_BLOCKS)), (256, 1)
        arguments = (*_cotangent(flags.rows, G), np.int64(r), np.int64(c), address(kept))
        launch("flagged", "maha_without", G.dtype, grid, block, *arguments)
    return kept


def clear_flagged(G: Array, flags: Flags) -> Array:
    """Return a tile with 0 for the flagged entries, written in place."""
    r, _ = G.shape
    if G.size:
        grid, block = (blocks(flags.rows.shape[1] // 8, 32), min(r, MOST_BLOCKS)), (32, 1)
        arguments = (*_cotangent(flags.rows, G), np.int64(r))
        launch("flagged", "maha_clear", G.dtype, grid, block, *arguments)
    return G


def _sums(form: Form, bits: Array, G: Array, x: Array, y: Array) -> Array:
    """Return ``operand(sum_j g_ij (x_i - y_j)) (r, t)``, summed in float64."""
    r, d = x.shape
    found = cp.empty((r, d), dtype=cp.float64)
    grid = blocks(r, WARPS), blocks(d, LANES)
    arguments = (*_cotangent(bits, G), *_points(x, y), np.int64(r), address(found))
    launch("flagged", "maha_sums", G.dtype, grid, (LANES, WARPS), *arguments)
    return form.operand(found).astype(x.dtype, copy=False)


def _moments(bits: Array, G: Array, x: Array, y: Array) -> Array:
    """Return ``sum_ij g_ij delta_ij delta_ij^T`` as float64 ``(d, d)``."""
    r, d = x.shape
    size = blocks(r, max(1, min(PARTS, PARTIAL_ENTRIES // d**2)))
    parts = blocks(r, size)
    found = cp.empty((parts, d, d), dtype=cp.float64)
    grid = blocks(d, LANES), blocks(d, LANES), parts
    arguments = (
        *(*_cotangent(bits, G), *_points(x, y)),
        *(np.int64(r), np.int64(size), address(found)),
    )
    launch("flagged", "maha_moments", G.dtype, grid, (LANES, WARPS), *arguments)
    return cp.sum(found, axis=0)


def _cotangent(bits: Array, G: Array) -> tuple[Any, ...]:
    return address(bits), np.int64(bits.shape[1] // 8), address(G), *strides(G)


def _points(x: Array, y: Array) -> tuple[Any, ...]:
    return address(x), address(y), np.int32(x.shape[1])


def pulled(form: Form, S: Array) -> Array:
    """Return the pullback of a second moment ``(d, d)`` to the metric's parameter."""
    unit = cp.eye(S.shape[0], dtype=S.dtype)
    return form.pull(unit, form.operand(unit), form.operand(S))
