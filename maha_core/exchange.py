"""Exchange the arrays of a problem and an operation for arrays of another library, and back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from maha_core.dispatch import insist, insisted
from maha_core.metrics import Metric
from maha_core.reductions.array_sum import ArraySum
from maha_core.structure import mapped

Array = Any


class Lender(Protocol):
    """A library whose arrays are lent to an engine; see `maha_core.door.Door` for the methods."""

    def owns(self, value: object) -> bool: ...

    def lent(self, value: Array) -> Array: ...

    def lent_to_be_written(self, value: Array) -> Array: ...

    def taken(self, value: Array, like: Array) -> Array: ...

    def shown(self, value: Array, like: Array) -> Array: ...

    def calling(self) -> AbstractContextManager[None]: ...


class Exchange:
    """Arrays lent to an engine for one operation, and the results.

    Parameters
    ----------
    lender : Lender
        The library whose arrays are lent.
    like : array
        An array of that library; the results are on its device.
    """

    def __init__(self, lender: Lender, like: Array) -> None:
        self.lender = lender
        self.like = like
        self._given: dict[int, tuple[Array, Array]] = {}

    def lend(self, value: Array) -> Array:
        """Return an array of the engine's library that shares memory with one of the user's."""
        found = self.lender.lent(value)
        self._given[id(found)] = found, value
        return found

    def changed(self, value: Any) -> Any:
        """Return a problem or an operation with arrays of the engine's library."""
        return mapped(value, self._changed)

    def returned(self, owns: Callable[[object], bool], value: Any) -> Any:
        """Return a result with arrays of the user's library; lent arrays are the originals."""

        def back(_: str, part: Any) -> Any:
            if id(part) in self._given:
                return self._given[id(part)][1]
            if isinstance(part, Metric) and owns(part.parameter):
                return type(part)(back(_, part.parameter))
            return self.lender.taken(part, self.like) if owns(part) else None

        return mapped(value, back)

    def _changed(self, _: str, value: Any) -> Any:
        if self.lender.owns(value):
            return self.lend(value)
        if isinstance(value, Metric) and self.lender.owns(value.parameter):
            return type(value)(self.lend(value.parameter))
        if isinstance(value, ArraySum):
            return value.with_function(self._with_own_arrays(value.e))
        return None

    def _with_own_arrays(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """Return a user's function, wrapped to take and return the user's arrays."""
        lender, like, wanted = self.lender, self.like, insisted()

        def lent(_: str, part: Any) -> Any:
            return lender.lent_to_be_written(part) if lender.owns(part) else None

        def called(*arrays: Array) -> Any:
            # A user's function may call maha_core, too.
            with insist(wanted), lender.calling():
                return mapped(f(*(lender.shown(array, like) for array in arrays)), lent)

        return called
