"""Who takes part in which operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.problem import Problem


@dataclass(frozen=True)
class Job:
    """A prepared call.

    `share` is the part of the operation that `run` does, for what would take minutes otherwise and
    is proportional to the number of rows; `answer` turns what `run` returns into what is compared
    between contestants, None where there is nothing to compare.
    """

    run: Callable[[], Any]
    share: float = 1.0
    answer: Callable[[Any], Any] | None = np.asarray


Factory = Callable[[Problem], Job]
_entered: dict[str, dict[str, Factory]] = {}

OURS = "maha_core"
LIMIT = "products"
BY_HAND = "torch, addmm to out"  # stands beside the usual forms, not among them


def enter(operation: str, name: str) -> Callable[[Factory], Factory]:
    """Enter a factory of jobs; `name` is the library, and a comma before the form, if several."""

    def register(factory: Factory) -> Factory:
        _entered.setdefault(operation, {})[name] = factory
        return factory

    return register


def entered(operation: str) -> dict[str, Factory]:
    return dict(_entered[operation])


def library(name: str) -> str:
    return name.partition(",")[0]


def gradient(result: tuple[Any, Any]) -> np.ndarray:
    """What value_and_grad's contestants are compared by."""
    return np.asarray(result[1])
