"""The pullback of a cotangent of a kernel's matrix; D is recomputed, tile by tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maha_core import checks
from maha_core.expressions import Expression
from maha_core.expressions.algebra import stays_finite
from maha_core.operation import Operation
from maha_core.problem import Gradient
from maha_core.sweeps.coincident import without_infinite
from maha_core.sweeps.given_cotangents import GivenCotangent
from maha_core.sweeps.objective import Objective
from maha_core.sweeps.objectives import ValueAndGrad
from maha_core.tiles.tile import Evaluation, Summary, Tile

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any


@dataclass(frozen=True)
class KernelPullback(Operation[Gradient]):
    """The gradient of ``sum_ij G_ij k(D_ij)`` for a cotangent G ``(n, m)``.

    `slope` is the kernel's derivative in D.
    """

    slope: Expression
    cotangent: Array
    wrt: frozenset[str]
    quiet = False

    def size(self, problem: Problem) -> int:
        """Return 0: the products are part of another operation."""
        return 0

    def run(self, backend: Backend, problem: Problem) -> Gradient:
        """Return the gradient; as in a loss, flagged pairs enter by their differences."""
        objective = Objective(OfKernel(backend, problem, self.slope, self.cotangent), {}, {})
        gradient = backend.run(problem, ValueAndGrad(objective, self.wrt))[1]
        return gradient.of_metric_and_points


class OfKernel(GivenCotangent):
    """``sum_ij G_ij k(D_ij)`` with a given G."""

    of_kernel = True

    def __init__(
        self, backend: Backend, problem: Problem, slope: Expression, cotangent: Array
    ) -> None:
        self.backend = backend
        self.problem = problem
        self.slope = slope
        self.cotangent = cotangent

    def evaluate(self, tile: Tile, summary: Summary | None, wrt: frozenset[str]) -> Evaluation:
        """Return the cotangent ``G k'``, 0 where k' is not finite and D is 0."""
        (slope,) = tile.evaluate([self.slope])
        if not stays_finite(self.slope):
            slope = without_infinite(tile.xp, slope, tile.sqdist == 0)
        G = self.cotangent[tile.rows, tile.columns] * slope
        if self.problem.options.check_finite:
            checks.finite(self.backend, G, "cotangent")
        return Evaluation(tile.xp.zeros_like(G[:1, :1]), tile.fill_self(G, 0.0))
