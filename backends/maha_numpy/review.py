"""Find cancelled entries of D by the smallest entry of each row of each tile; replace them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from maha_core import guard
from maha_core.guard import Flagged
from maha_core.tiles import tiling
from maha_numpy.tiles import below, suspects

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any


def cancelled(
    D: Array,
    smallest: Array,
    bound: Array,
    row_threshold: Array,
    column_threshold: Array,
    side: int,
) -> Iterator[Flagged]:
    """Yield the entries of D ``(r, c)`` below their threshold.

    All of them are below the bound ``(r,)`` of their row. ``smallest (r, t)`` has the smallest
    entry of each row of each tile of `side` columns; the last tile may have fewer. Comparisons are
    written so that NaN, from overflow, counts as cancelled.
    """
    for i, j, values in suspects(D, smallest, bound, side):
        flagged = below(values, i, j, row_threshold[i] + column_threshold[j])
        if flagged is not None:
            yield flagged


def recompute(backend: Backend, problem: Problem, D: Array, flagged: Flagged) -> None:
    """Replace entries of D ``(n, m)``; without Y, both entries of a pair by the same number."""
    i, j = flagged.i, flagged.j
    if problem.Y is None:
        i, j = i[i < j], j[i < j]
    if not i.size:
        return
    entries = tiling.entries(problem, backend.tile_bytes)
    D[i, j] = guard.direct(backend, problem.form, problem.X, problem.others, i, j, entries)
    if problem.Y is None:
        D[j, i] = D[i, j]
