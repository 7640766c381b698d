"""Checks of values at run time, for calls whose arrays were tracers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core import checks
from maha_core.problem import Pairs
from maha_core.structure import mapped

if TYPE_CHECKING:
    from maha_core.engine import Engine


def check(engine: Engine, problem: Any, operation: Any) -> None:
    """Raise ValueError for points that are not finite, and for indices of pairs out of range."""
    if problem.options.check_finite:
        checks.finite(engine, problem.X, "X")
        if problem.Y is not None:
            checks.finite(engine, problem.Y, "Y")

    def of_pairs(path: str, part: Any) -> None:
        if isinstance(part, Pairs):
            checks.index(engine, part.i, problem.n, "pairs[0]")
            checks.index(engine, part.j, problem.m, "pairs[1]")
            if path == "objective.listed":
                checks.ascending(engine, part.i, "pairs[0]")

    mapped(operation, of_pairs)
