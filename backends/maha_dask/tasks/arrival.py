"""Restore the memory layout of arrays after a transfer between processes.

A received array uses the memory of the message, often at an unaligned address. Libraries have other
code for unaligned memory, which may sum in another order.
"""

from __future__ import annotations

from copy import copy
from dataclasses import is_dataclass, replace
from typing import Any

from maha_core.arrays import is_array
from maha_core.dispatch import backend_of
from maha_core.metrics.form import Form
from maha_core.sweeps.terms import Terms


def canonical(value: Any) -> Any:
    """Return a task's argument with every array aligned as its library needs it."""
    if is_array(value):
        return backend_of(value, "a chunk").canonical(value)
    if isinstance(value, dict):
        return {name: canonical(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        parts = [canonical(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, Form):
        return _with_canonical(value, vars(value))
    if isinstance(value, Terms):
        return _terms(value)
    if is_dataclass(value) and not isinstance(value, type) and hasattr(value, "form"):
        return replace(value, form=canonical(value.form))
    return value


def _terms(value: Terms) -> Terms:
    """Return terms with aligned arrays; only their listed items have arrays."""
    items = value.pair_term
    if items is None or items.rows is None:
        return value
    items = replace(items, rows=canonical(items.rows), data=canonical(dict(items.data)))
    return replace(value, pair_term=items)


def _with_canonical(value: Any, attributes: dict[str, Any]) -> Any:
    arrays = {name: part for name, part in attributes.items() if is_array(part)}
    moved = {name: canonical(part) for name, part in arrays.items()}
    if all(moved[name] is part for name, part in arrays.items()):
        return value
    value = copy(value)
    for name, part in moved.items():
        setattr(value, name, part)
    return value
