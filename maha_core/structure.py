"""Map a function over the parts of nested dataclasses, tuples and mappings, with their paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

ATOMS = frozenset({type(None), bool, int, float, str, frozenset})
"""Types of values that are never replaced and have no parts."""


def mapped(value: Any, change: Callable[[str, Any], Any], path: str = "") -> Any:
    """Return a value with the parts replaced for which `change` does not return None.

    `change` is called with the path of a part, such as ``"objective.row_data.y"``, and the part. A
    value without changed parts is returned itself.
    """
    if type(value) in ATOMS:
        return value
    found = change(path, value)
    if found is not None:
        return found
    if is_dataclass(value) and not isinstance(value, type):
        given = {f.name: getattr(value, f.name) for f in fields(value) if f.init}
        new = _changed(given, change, path)
        return replace(value, **new) if new else value
    if isinstance(value, tuple | list):
        names = getattr(value, "_fields", range(len(value)))
        given = dict(zip(map(str, names), value, strict=True))
        parts = list((given | _changed(given, change, path)).values())
        if all(new is old for new, old in zip(parts, value, strict=True)):
            return value
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, Mapping):
        named = _changed(value, change, path)
        return {**value, **named} if named else value
    return value


def _changed(
    given: Mapping[str, Any], change: Callable[[str, Any], Any], path: str
) -> dict[str, Any]:
    """Return the named parts that have changed."""
    found = {}
    for name, part in given.items():
        new = mapped(part, change, f"{path}.{name}" if path else name)
        if new is not part:
            found[name] = new
    return found
