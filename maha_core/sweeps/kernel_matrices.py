"""A function of every entry of D as a matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maha_core.expressions import Expression, evaluate
from maha_core.operation import Operation
from maha_core.sweeps import distances
from maha_core.sweeps.assembly import matrix
from maha_core.sweeps.geometry import Geometry
from maha_core.tiles.points import Points

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any


@dataclass(frozen=True)
class KernelMatrix(Operation[Array]):
    """An expression of D ``(n, m)``, written to `out` where that is given."""

    expression: Expression
    out: Array | None = None

    def run(self, backend: Backend, problem: Problem) -> Array:
        """Return the matrix, tile by tile."""
        if self.out is None:
            distances.refuse_impossible(backend, problem, "the kernel matrix")
        geometry = Geometry(backend, problem, distances=True)

        def tile(points: Points, rows: slice, columns: slice) -> Array:
            self_pairs, others = geometry.self_pairs(rows, columns), geometry.columns.part(columns)
            D = backend.distance_tile(problem, points, others, self_pairs).D
            D = distances.nonnegative(backend, D, problem)
            with backend.quiet():  # in the thread that computes the tile
                return evaluate([self.expression], backend.xp, {"D": D}, over=("D",))[0]

        return matrix(backend, problem, geometry.rows, tile, self.out)
