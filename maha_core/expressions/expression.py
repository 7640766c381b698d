"""An expression of one pair of points: a graph in which equal parts are one node."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from threading import Lock
from typing import Literal
from weakref import WeakValueDictionary

Kind = Literal["real", "integer", "bool"]
Value = str | float | int | bool | None

ROWS, COLUMNS = 1, 2
PAIRS = ROWS | COLUMNS


class Expression:
    """An operation and its arguments, an input, or a constant.

    Use `node`, `constant` and `variable` to make expressions.

    Attributes
    ----------
    operation : str
        A name in `maha_core.expressions.operations`, ``"input"`` or ``"constant"``.
    arguments : tuple of Expression
        The arguments of the operation.
    value : str, float, int, bool or None
        An input's name, a constant's number.
    kind : {"real", "integer", "bool"}
        The kind of its values; real numbers have the dtype of D.
    axes : int
        The points on which its values depend: `ROWS`, `COLUMNS`, both (`PAIRS`), or neither (0).

    Notes
    -----
    Equal expressions are the same object, so that they are compared by ``is``.
    """

    __slots__ = ("__weakref__", "arguments", "axes", "kind", "operation", "value")

    operation: str
    arguments: tuple[Expression, ...]
    value: Value
    kind: Kind
    axes: int

    def __repr__(self) -> str:
        if not self.arguments:
            return str(self.value)
        return f"{self.operation}({', '.join(map(repr, self.arguments))})"

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (_records(self),)


_known: WeakValueDictionary[object, Expression] = WeakValueDictionary()
_lock = Lock()


def node(operation: str, arguments: tuple[Expression, ...], kind: Kind) -> Expression:
    """Return an operation on arguments, without simplification."""
    axes = 0
    for argument in arguments:
        axes |= argument.axes
    return _one(operation, arguments, None, kind, axes)


def constant(value: float | int | bool) -> Expression:
    """Return a constant; its kind follows from the Python type of the number."""
    if isinstance(value, bool):
        return _one("constant", (), value, "bool", 0)
    return _one("constant", (), value, "integer" if isinstance(value, int) else "real", 0)


@lru_cache(maxsize=512)
def variable(name: str, axes: int = PAIRS, kind: Kind = "real") -> Expression:
    """Return an input: a number of every pair (such as D), of every row or of every column.

    Parameters
    ----------
    name : str
    axes : int
        `PAIRS`, `ROWS` or `COLUMNS`.
    kind : {"real", "integer", "bool"}

    Examples
    --------
    >>> from maha_core.expressions import ROWS, variable
    >>> variable("a", ROWS) is variable("a", ROWS)
    True
    """
    return _one("input", (), name, kind, axes)


def is_constant(expression: Expression) -> bool:
    """Tell whether an expression is a number."""
    return expression.operation == "constant"


def ordered(outputs: Iterable[Expression]) -> list[Expression]:
    """Return all parts of some expressions once, in topological order (arguments first)."""
    found: dict[Expression, None] = {}
    waiting = list(outputs)[::-1]
    while waiting:
        missing = [part for part in waiting[-1].arguments if part not in found]
        if missing:
            waiting.extend(reversed(missing))
        else:
            found[waiting.pop()] = None
    return list(found)


def _one(
    operation: str, arguments: tuple[Expression, ...], value: Value, kind: Kind, axes: int
) -> Expression:
    """Return the unique node; keys use repr, which tells 0.0 from -0.0 and equates NaN."""
    key = operation, arguments, repr(value), kind, axes
    with _lock:
        found = _known.get(key)
        if found is None:
            found = Expression()
            found.operation, found.arguments, found.value = operation, arguments, value
            found.kind, found.axes = kind, axes
            _known[key] = found
    return found


Record = tuple[str, tuple[int, ...], Value, Kind, int]


def _records(expression: Expression) -> list[Record]:
    """Return the graph as a flat list, in which arguments are numbers of earlier records."""
    parts = ordered([expression])
    number = {part: i for i, part in enumerate(parts)}
    return [
        (e.operation, tuple(number[part] for part in e.arguments), e.value, e.kind, e.axes)
        for e in parts
    ]


def _restored(records: list[Record]) -> Expression:
    parts: list[Expression] = []
    for operation, arguments, value, kind, axes in records:
        parts.append(_one(operation, tuple(parts[i] for i in arguments), value, kind, axes))
    return parts[-1]
