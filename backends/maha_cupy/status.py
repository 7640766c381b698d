"""What the host must know of the values: collected on the device, read once at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from maha_cupy.library import cp

Array = Any


class Status:
    """Conditions of one call that must hold, and what raises where one does not."""

    def __init__(self) -> None:
        self._pending: list[tuple[Array, Callable[[], None]]] = []

    def expect(self, holds: Array, on_failure: Callable[[], None]) -> None:
        """Note a condition, a 0-d array of the device."""
        self._pending.append((holds, on_failure))

    def read(self) -> None:
        """Read all conditions at once; raise for the first that does not hold."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        found = cp.stack([holds for holds, _ in pending]).get()
        for holds, (_, on_failure) in zip(found.tolist(), pending, strict=True):
            if not holds:
                on_failure()
