"""Short representations of objects: one line, with arrays by shape and dtype."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maha_core.arrays import describe, is_array

LONGEST = 80
"""The largest number of characters of a value that is not an array."""


def summary(name: str, parts: Mapping[str, Any]) -> str:
    """Return a name with its parts, arrays by their shape and dtype; parts of None are left out.

    Examples
    --------
    >>> summary("LMNN", {"margin": 1.0, "labels": None})
    'LMNN(margin=1.0)'
    """
    shown = (_part(part, value) for part, value in parts.items() if value is not None)
    return f"{name}({', '.join(shown)})"


def _part(name: str, value: Any) -> str:
    if is_array(value):
        return f"{name}: {describe(value)}"
    text = getattr(value, "__qualname__", None) if callable(value) else None
    return f"{name}={text or repr(value):.{LONGEST}}"
