"""The change along a direction of a reduction's gradient in its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maha_core.arrays import device_of
from maha_core.formulas import plus
from maha_core.operation import Operation
from maha_core.sweeps.hessian_products import HessianSweep
from maha_core.sweeps.objectives import as_rows, reduced_width
from maha_core.sweeps.terms import Terms

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem, Tangents
    from maha_core.sweeps.objective import Objective

Array = Any


@dataclass(frozen=True)
class ValuesAlong(Operation[Array]):
    """The change ``(m, w)`` of the gradient of ``sum_i g_i . s_i`` in the values of s."""

    objective: Objective
    cotangent: Array
    directions: Tangents
    quiet = False

    def size(self, problem: Problem) -> int:
        """Return the multiplications of each entry of D with a vector."""
        return problem.pullback_size

    def run(self, backend: Backend, problem: Problem) -> Array:
        """Return the change, streamed."""
        total, sweep = None, ValuesSweep(backend, problem, self)
        for found in backend.map_ordered(sweep.values, sweep.partition.rows, problem.options):
            total = plus(total, found)
        xp, X = backend.xp, problem.X
        if total is None:
            shape = (problem.m, reduced_width(self.objective))
            return xp.zeros(shape, dtype=X.dtype, device=device_of(X))
        return xp.astype(total, X.dtype, copy=False)


class ValuesSweep(HessianSweep):
    """Visits of every tile: for the reduction, for its tangent, and for the values."""

    def __init__(self, backend: Backend, problem: Problem, asked: ValuesAlong) -> None:
        super().__init__(backend, problem, asked.objective, asked.directions, frozenset())
        self.cotangent = asked.cotangent

    def values(self, part: slice) -> Array:
        """Return the contribution ``(m, w)`` of some rows."""
        terms, rows = self.objective.terms, self._rows(part)
        assert isinstance(terms, Terms)
        (reduction,), blocks = terms.reductions.values(), self.partition.of_row(part)
        g, found = as_rows(self.cotangent[part, ...]), []
        with self.backend.quiet():
            own = self._moving_rows(rows)
            (pieces,), (sums,) = self._of_whole_rows(rows, blocks, own)
            for block in blocks:
                visit = self._visit(rows, block)
                dD = self._along(visit, own)
                moved = reduction.values_cotangent_along(visit.tile, pieces, sums, dD, g)
                found.append(self.backend.widen(moved))
        return found[0] if len(found) == 1 else self.backend.xp.concat(found)
