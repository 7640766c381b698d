"""Conditions on values, collected on the device and read by the host once at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from maha_cupy.library import cp

Array = Any


class Status:
    """Conditions that must hold in one call, and functions that raise if one does not."""

    def __init__(self) -> None:
        self._pending: list[tuple[Array, Callable[[], None]]] = []

    def expect(self, holds: Array, on_failure: Callable[[], None]) -> None:
        """Add a condition, a 0-d array on the device."""
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
