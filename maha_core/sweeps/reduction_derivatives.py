"""The pullback and the pushforward of a reduction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from maha_core.operation import Operation
from maha_core.problem import ReductionGradient
from maha_core.sweeps.hessian_products import SummaryTangents
from maha_core.sweeps.objectives import Summaries, ValueAndGrad, reduced_width
from maha_core.sweeps.terms import Terms, with_cotangent

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem, Tangents
    from maha_core.sweeps.objective import Objective

Array = Any


@dataclass(frozen=True)
class ReducedPullback(Operation[ReductionGradient]):
    """The gradient of ``sum_i g_i . s_i`` for the one reduction s of an objective."""

    objective: Objective
    cotangent: Array
    wrt: frozenset[str]
    quiet = False

    def size(self, problem: Problem) -> int:
        """Return 0: another operation multiplies."""
        return 0

    def run(self, backend: Backend, problem: Problem) -> ReductionGradient:
        """Return the gradient, streamed."""
        objective = linear(self.objective, self.cotangent)
        return backend.run(problem, ValueAndGrad(objective, self.wrt))[1]


def linear(objective: Objective, cotangent: Array) -> Objective:
    """Return the objective ``sum_i g_i . s_i`` for the objective of a reduction."""
    terms = objective.terms
    assert isinstance(terms, Terms)
    rows = {**objective.row_data, "cotangent": cotangent}
    return replace(objective, terms=with_cotangent(terms), row_data=rows)


@dataclass(frozen=True)
class ReducedPushforward(Operation[Array]):
    """The change ``(n, w)`` of the one reduction of an objective along directions."""

    objective: Objective
    directions: Tangents
    quiet = False

    def size(self, problem: Problem) -> int:
        """Return 0: another operation multiplies."""
        return 0

    def run(self, backend: Backend, problem: Problem) -> Array:
        """Return the change, streamed."""
        objective, xp, X = self.objective, backend.xp, problem.X
        if not problem.n:
            shape = (0, reduced_width(objective))
            return xp.zeros(shape, dtype=X.dtype, device=X.device)
        terms = objective.terms
        assert isinstance(terms, Terms)
        (reduction,) = terms.reductions.values()
        (pieces,) = backend.run(problem, Summaries(objective))
        (sums,) = backend.run(problem, SummaryTangents(objective, self.directions))
        return xp.astype(reduction.finish_tangent(pieces, sums), X.dtype, copy=False)
