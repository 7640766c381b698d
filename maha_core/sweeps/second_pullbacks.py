"""The change of the pullback of a given cotangent along a direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maha_core.operation import Operation
from maha_core.problem import Gradient
from maha_core.sweeps.given_cotangents import GivenCotangent
from maha_core.sweeps.hessian_products import HessianProduct
from maha_core.sweeps.objective import Objective
from maha_core.tiles.tile import Second, Summary, Tile

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem, Tangents

Array = Any


@dataclass(frozen=True)
class PullbackAlong(Operation[Gradient]):
    """The change of the gradient of ``sum_ij G_ij D_ij`` along directions, for a constant G.

    It is a Hessian product: the Hessian is symmetric.
    """

    cotangent: Array
    directions: Tangents
    wrt: frozenset[str]
    quiet = False

    def size(self, problem: Problem) -> int:
        """Return 0: another operation multiplies."""
        return 0

    def run(self, backend: Backend, problem: Problem) -> Gradient:
        """Return the product with the Hessian of ``sum_ij G_ij D_ij``."""
        objective = Objective(Linear(self.cotangent), {}, {})
        return backend.run(problem, HessianProduct(objective, self.directions, self.wrt))


class Linear(GivenCotangent):
    """``sum_ij G_ij D_ij``, whose cotangent G does not change with D."""

    def __init__(self, cotangent: Array) -> None:
        self.cotangent = cotangent

    def refuse_twice(self) -> None:
        """Do not raise: second derivatives in D are 0."""

    def tangents(self, tile: Tile, summary: Summary, dD: Array) -> Summary:
        """Return no tangents."""
        return ()

    def evaluate_along(self, tile: Tile, summary: Summary, sums: Summary, dD: Array) -> Second:
        """Return G, and no change of it."""
        G = tile.xp.asarray(self.cotangent[tile.rows, tile.columns], copy=True)
        return Second(tile.fill_self(G, 0.0), tile.xp.zeros_like(G))
