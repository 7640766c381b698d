"""D as a matrix, and its square root."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maha_core import checks
from maha_core.operation import Operation
from maha_core.sweeps.assembly import matrix
from maha_core.sweeps.geometry import Geometry
from maha_core.tiles.points import Points

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.library import Library
    from maha_core.problem import Problem

Array = Any


@dataclass(frozen=True)
class Sqdist(Operation[Array]):
    """D ``(n, m)``, written to `out` where that is given."""

    out: Array | None = None

    def run(self, backend: Backend, problem: Problem) -> Array:
        """Return D, tile by tile."""
        if self.out is None:
            refuse_impossible(backend, problem, "D")
        geometry = Geometry(backend, problem, distances=True)

        def tile(points: Points, rows: slice, columns: slice) -> Array:
            self_pairs = geometry.self_pairs(rows, columns)
            others = geometry.columns.part(columns)
            return backend.distance_tile(problem, points, others, self_pairs).D

        return matrix(backend, problem, geometry.rows, tile, self.out)


NEW_SQDIST = Sqdist()
"""D in new memory."""


@dataclass(frozen=True)
class Root(Operation[Array]):
    """The square root of squared distances, which may be overwritten, written to `out` if given."""

    D: Array
    out: Array | None = None
    quiet = False

    def size(self, problem: Problem) -> int:
        """Return 0: nothing is multiplied."""
        return 0

    def run(self, backend: Backend, problem: Problem) -> Array:
        """Return the root in new memory."""
        return root(backend, self.D, problem, self.out)


def root(backend: Library, D: Array, problem: Problem, out: Array | None) -> Array:
    """Return the square root of D; negative entries raise (with precision "fast" they become 0)."""
    xp, D = backend.xp, nonnegative(backend, D, problem)
    if out is None:
        return xp.sqrt(D)
    out[...] = xp.sqrt(D)
    return out


def nonnegative(backend: Library, D: Array, problem: Problem) -> Array:
    """Return D; negative entries raise (with precision "fast" they become 0)."""
    if problem.form.nonnegative:
        return D
    if problem.accurate:
        checks.nonnegative(backend, D)
        return D
    return backend.xp.where(D < 0, backend.xp.zeros_like(D), D)


def refuse_impossible(backend: Library, problem: Problem, what: str) -> None:
    """Raise MemoryError where a matrix ``(n, m)`` cannot fit."""
    checks.fits_in_memory(
        backend,
        (problem.n, problem.m),
        problem.X,
        what,
        "use value_and_grad, nearest or pairs=, which never hold it, or Dask arrays",
    )
