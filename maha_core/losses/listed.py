"""The base class of losses with listed pairs only: index lists sorted by row."""

from __future__ import annotations

from typing import Any

from maha_core import validation
from maha_core.arrays import namespace
from maha_core.losses.base import Loss

Array = Any


class ListedLoss(Loss):
    """A loss of lists of row numbers, sorted by the first list."""

    def __init__(self, margin: float, sample_weight: Array | None) -> None:
        self.margin = validation.positive(margin, "margin")
        self.sample_weight = sample_weight


def sorted_by_first(**lists: Array) -> list[Array]:
    """Return index lists of one length, reordered so that the first one ascends.

    Raises
    ------
    TypeError, ValueError
        The lists are not integers, or their libraries or lengths differ.
    """
    (name, first), *_ = lists.items()
    backend, checked = validation.backend_for(first, name), []
    for argument, value in lists.items():
        value = validation.whole_numbers(backend, value, argument, first)
        if value.ndim != 1:
            raise ValueError(f"{argument} must be one-dimensional; its shape is {value.shape}")
        validation.check_shape(value, tuple(first.shape), argument, f"{name} of that length")
        checked.append(value)
    xp = namespace(first)
    order = xp.argsort(checked[0], stable=True)
    return [xp.take(value, order, axis=0) for value in checked]
