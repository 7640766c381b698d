"""D as a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core.sweeps.assembly import matrix
from maha_core.sweeps.geometry import Geometry, Points

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any


def sqdist(backend: Backend, problem: Problem, out: Array | None) -> Array:
    """Return D ``(n, m)``, written to `out` where that is given."""
    if out is None:
        refuse_impossible(backend, problem, "D")
    geometry = Geometry(backend, problem, distances=True)

    def tile(points: Points, rows: slice, columns: slice) -> Array:
        itself = geometry.itself(rows, columns)
        others = geometry.columns.part(columns)
        return backend.distance_tile(problem, points, others, itself).D

    return matrix(backend, problem, geometry.rows, tile, out)


def root(backend: Backend, D: Array, problem: Problem, out: Array | None) -> Array:
    """Return the square root of D, having refused negative entries (clipped when fast)."""
    xp = backend.xp
    if not problem.form.nonnegative:
        if problem.accurate:
            backend.check_nonnegative(D)
        else:
            D = xp.where(D < 0, xp.zeros_like(D), D)
    if out is None:
        return xp.sqrt(D)
    out[...] = xp.sqrt(D)
    return out


def refuse_impossible(backend: Backend, problem: Problem, what: str) -> None:
    """Raise MemoryError where a matrix ``(n, m)`` cannot fit."""
    backend.check_memory(
        (problem.n, problem.m),
        problem.X,
        what,
        "use value_and_grad, nearest or pairs=, which never hold it, or Dask arrays",
    )
