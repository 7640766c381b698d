"""Whole operations that CuPy does better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core.sweeps import distances
from maha_core.sweeps.distances import Root, Sqdist
from maha_core.sweeps.objectives import Reduced, Summaries, Value, ValueAndGrad
from maha_cupy import expressed
from maha_cupy.backend import CupyBackend
from maha_cupy.library import cp
from maha_cupy.matrix import write_matrix

if TYPE_CHECKING:
    from maha_core.problem import Problem, ReductionGradient
    from maha_core.tiles.tile import Summary

Array = Any


@CupyBackend.register(Sqdist)
def sqdist(backend: CupyBackend, problem: Problem, asked: Sqdist) -> Array:
    """Return D ``(n, m)``."""
    D = asked.out
    if D is None:
        distances.refuse_impossible(backend, problem, "D")
        D = cp.empty((problem.n, problem.m), dtype=problem.X.dtype)
    write_matrix(backend, problem, D)
    return D


@CupyBackend.register(Root)
def root(backend: CupyBackend, problem: Problem, asked: Root) -> Array:
    """Return the square root of squared distances, in their own memory."""
    D = asked.D
    if problem.form.nonnegative:
        cp.sqrt(D, out=D)
        return D
    return distances.root(backend, D, problem, D)


@CupyBackend.register(Summaries)
def summaries(backend: CupyBackend, problem: Problem, asked: Summaries) -> Summary:
    """Return the pieces of a loss's reductions of all rows."""
    if expressed.is_expressible(problem, asked.objective):
        return expressed.summaries(backend, problem, asked.objective)
    return asked.run(backend, problem)


@CupyBackend.register(Reduced)
def reduced(backend: CupyBackend, problem: Problem, asked: Reduced) -> Array:
    """Return the one reduction ``(n, w)`` of an objective."""
    if expressed.is_expressible(problem, asked.objective):
        return expressed.reduce(backend, problem, asked.objective)
    return asked.run(backend, problem)


@CupyBackend.register(Value)
def value(backend: CupyBackend, problem: Problem, asked: Value) -> Array:
    """Return a loss of D alone, streamed."""
    if expressed.is_expressible(problem, asked.objective):
        return expressed.value(backend, problem, asked.objective)
    return asked.run(backend, problem)


@CupyBackend.register(ValueAndGrad)
def value_and_grad(
    backend: CupyBackend, problem: Problem, asked: ValueAndGrad
) -> tuple[Array, ReductionGradient]:
    """Return a loss of D and its gradient, streamed."""
    if expressed.is_expressible(problem, asked.objective, asked.wrt):
        return expressed.value_and_grad(backend, problem, asked.objective, asked.wrt)
    return asked.run(backend, problem)
