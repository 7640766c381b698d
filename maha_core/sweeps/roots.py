"""Distances as a matrix, and the pullback of their cotangent: d dist / d D = 1 / (2 dist)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maha_core import checks, formulas
from maha_core.operation import Operation
from maha_core.problem import Gradient
from maha_core.sweeps import distances
from maha_core.sweeps.given_cotangents import GivenCotangent
from maha_core.sweeps.objective import Objective
from maha_core.sweeps.objectives import ValueAndGrad
from maha_core.tiles.tile import Evaluation, Summary, Tile

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any


@dataclass(frozen=True)
class Dist(Operation[Array]):
    """The root of D ``(n, m)``, written to `out` where that is given."""

    out: Array | None = None
    quiet = False

    def size(self, problem: Problem) -> int:
        """Return 0: another operation multiplies."""
        return 0

    def run(self, backend: Backend, problem: Problem) -> Array:
        """Return the root, written to D's memory."""
        D = backend.run(problem, distances.Sqdist(self.out))
        return backend.run(problem, distances.Root(D, self.out))


@dataclass(frozen=True)
class RootPullback(Operation[Gradient]):
    """The gradient of ``sum_ij G_ij dist_ij`` for a cotangent G ``(n, m)``."""

    cotangent: Array
    wrt: frozenset[str]
    quiet = False

    def size(self, problem: Problem) -> int:
        """Return 0: another operation multiplies."""
        return 0

    def run(self, backend: Backend, problem: Problem) -> Gradient:
        """Return the gradient; as in a loss, flagged pairs enter by their differences."""
        objective = Objective(DotProduct(backend, problem, self.cotangent), {}, {})
        gradient = backend.run(problem, ValueAndGrad(objective, self.wrt))[1]
        return gradient.of_metric_and_points


class DotProduct(GivenCotangent):
    """``sum_ij G_ij dist_ij`` with a given G."""

    def __init__(self, backend: Backend, problem: Problem, cotangent: Array) -> None:
        self.backend = backend
        self.problem = problem
        self.cotangent = cotangent

    def evaluate(self, tile: Tile, summary: Summary | None, wrt: frozenset[str]) -> Evaluation:
        """Return the cotangent ``G / (2 dist)``, 0 where dist is 0; the value is not computed."""
        dist = distances.root(self.backend, tile.sqdist, self.problem, None)
        G = formulas.of_root(tile.xp, dist, self.cotangent[tile.rows, tile.columns])
        if self.problem.options.check_finite:
            checks.finite(self.backend, G, "cotangent")
        return Evaluation(tile.xp.zeros_like(G[:1, :1]), tile.fill_self(G, 0.0))
