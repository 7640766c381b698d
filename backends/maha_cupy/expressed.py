"""A loss that speaks of D in CUDA expressions alone: its summaries, its value, its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core.losses.base import Tile
from maha_core.sweeps.objectives import scalar
from maha_cupy.every_pair import EveryPair
from maha_cupy.pullback import Pullback

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.losses.base import Summary
    from maha_core.problem import Gradient, Objective, Problem

Array = Any


def summaries(backend: Backend, problem: Problem, objective: Objective) -> Summary:
    """Return a row-wise loss's summaries of all rows, each array ``(n, ...)``."""
    every_pair = EveryPair(backend, problem, frozenset())
    return objective.loss.summarise(_tile(backend, problem, objective, every_pair))


def value_and_grad(
    backend: Backend, problem: Problem, objective: Objective, wrt: frozenset[str]
) -> tuple[Array, Gradient]:
    """Return the loss, a 0-d array, and its gradient."""
    loss = objective.loss
    tile = _tile(backend, problem, objective, EveryPair(backend, problem, wrt))
    summary = loss.summarise(tile) if loss.row_wise else None
    value, pullback, *_ = loss.evaluate(tile, summary)
    if not isinstance(pullback, Pullback):
        raise TypeError(
            f"{type(loss).__name__}.evaluate returned {type(pullback).__name__} as its cotangent; "
            "a loss that is by_expressions returns what tile.fused.entries gave it"
        )
    return scalar(backend, problem, backend.total(value)), pullback.gradient()


def _tile(backend: Backend, problem: Problem, objective: Objective, every_pair: EveryPair) -> Tile:
    """Return all of D as one tile, of which there is nothing but what `every_pair` answers."""
    return Tile(
        xp=backend.xp,
        sqdist=None,
        rows=slice(0, problem.n),
        columns=slice(0, problem.m),
        row_data={name: values[:, None] for name, values in objective.row_data.items()},
        column_data={name: values[None, :] for name, values in objective.column_data.items()},
        listed=None,
        opens_row=True,
        itself=None,
        smallest=None,
        exp=backend.exp,
        difference=backend.difference,
        fused=every_pair,
    )
