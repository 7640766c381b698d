"""The flagged pairs' own part of a gradient: ``dphi/dA += 2 sum g_ij (A d_ij) d_ij^T``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from maha_core import guard
from maha_core.sweeps import tiling
from maha_core.sweeps.accumulation import plus

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem
    from maha_core.sweeps.geometry import Points

Array = Any


class DirectPart(NamedTuple):
    """What flagged pairs add to the metric's gradient, and to ``L U`` of a tile's rows, columns."""

    parameter: Array | None = None
    rows: Array | None = None
    columns: Array | None = None


def direct_part(
    backend: Backend,
    problem: Problem,
    wrt: frozenset[str],
    rows: Points,
    columns: Points,
    flagged: guard.Flagged,
    G: Array,
) -> DirectPart:
    """Return the flagged pairs' part, from raw differences in batches."""
    g, form = backend.entries(G, flagged), problem.form
    entries = tiling.entries(problem, backend.tile_bytes)
    parameter = own_rows = own_columns = None
    batches = guard.differences(backend, rows.raw, columns.raw, flagged.i, flagged.j, entries)
    for part, delta in batches:
        U = form.operand(delta)
        LU = g[part, None] * U
        if "metric" in wrt:
            parameter = plus(parameter, backend.widen(form.pull(delta, U, LU)))
        if "X" in wrt or "Y" in wrt:
            i, j = flagged.i[part], flagged.j[part]
            own_rows = plus(own_rows, backend.scatter_add(i, LU, rows.U.shape[0]))
            own_columns = plus(own_columns, -backend.scatter_add(j, LU, columns.U.shape[0]))
    return DirectPart(parameter, own_rows, own_columns)
