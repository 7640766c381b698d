"""Operations and their application: arguments are cast, and operations on constants folded."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import NamedTuple

from maha_core.expressions.expression import Expression, Kind, constant, is_constant, node

Arguments = tuple[Expression, ...]
Tangent = Expression | None
"""A derivative, or None for 0, where nothing depends on the input."""


class Operation(NamedTuple):
    """One row of the table of operations.

    Attributes
    ----------
    cast : callable
        ``cast(*arguments)`` returns the arguments in the kinds that the operation needs.
    gives : {"real", "bool"} or None
        The kind of its values; None for the kind of its last argument.
    number : callable
        Its value for numbers.
    python, cuda : str
        Its value for one pair, with ``{0}``, ``{1}`` for its arguments and ``{real}`` for the type.
    tangent : callable
        ``tangent(itself, *tangents of the arguments)`` returns its tangent.
    simpler : callable
        ``simpler(*arguments)`` returns the same values by fewer operations, or None.
    spellings : tuple of str
        Further names of the function in NumPy, torch and Python's operators.
    """

    cast: Callable[..., Arguments]
    gives: Kind | None
    number: Callable[..., float | int | bool]
    python: str
    cuda: str
    tangent: Callable[..., Tangent]
    simpler: Callable[..., Expression | None] = lambda *arguments: None
    spellings: tuple[str, ...] = ()

    @property
    def arity(self) -> int:
        """The number of arguments."""
        return _arity(self.python)


@cache
def _arity(text: str) -> int:
    return 1 + max(int(digit) for digit in re.findall(r"\{(\d)\}", text))


OPERATIONS: dict[str, Operation] = {}
"""By its name in the array API standard; `maha_core.expressions.operations` fills it in."""


@lru_cache(maxsize=2048)
def apply(name: str, *arguments: Expression) -> Expression:
    """Return an operation on arguments, or a simpler expression with exactly the same values."""
    operation = OPERATIONS[name]
    arguments = operation.cast(*arguments)
    if all(map(is_constant, arguments)):
        folded = _folded(operation, arguments)
        if folded is not None:
            return folded
    simpler = operation.simpler(*arguments)
    if simpler is not None:
        return simpler
    return node(name, arguments, operation.gives or arguments[-1].kind)


def number(value: float) -> Expression:
    """Return a real number."""
    return constant(float(value))


def real(expression: Expression) -> Expression:
    """Return an expression as real numbers of D's dtype; True is 1."""
    return expression if expression.kind == "real" else apply("real", expression)


def reals(*arguments: Expression) -> Arguments:
    """Return all arguments as real numbers."""
    return tuple(map(real, arguments))


def unchanged(*arguments: Expression) -> Arguments:
    """Return arguments of any kind."""
    return arguments


def comparable(x: Expression, y: Expression) -> Arguments:
    """Return both sides of a comparison; labels stay integers where the other side is whole."""
    x, y = _whole_beside(x, y), _whole_beside(y, x)
    return (x, y) if x.kind == y.kind == "integer" else reals(x, y)


def conditions(*arguments: Expression) -> Arguments:
    """Return arguments that all are conditions."""
    for argument in arguments:
        if argument.kind != "bool":
            raise TypeError(
                "&, | and ~ combine comparisons, such as (D > 1) & (a == b); got numbers"
            )
    return arguments


def branches(condition: Expression, x: Expression, y: Expression) -> Arguments:
    """Return a condition and both of its branches in one kind."""
    if condition.kind != "bool":
        condition = apply("not_equal", condition, number(0))
    if x.kind != y.kind or (x.kind == "integer" and is_constant(x) and is_constant(y)):
        x, y = reals(x, y)
    return condition, x, y


def _whole_beside(x: Expression, other: Expression) -> Expression:
    """Return a whole number as an integer where it stands beside integers."""
    if other.kind == "integer" and is_constant(x) and float(x.value).is_integer():  # type: ignore[arg-type]
        return constant(int(x.value))  # type: ignore[arg-type]
    return x


def _folded(operation: Operation, arguments: Arguments) -> Expression | None:
    """Return an operation on constants as a constant, unless Python raises an error."""
    try:
        value = operation.number(*(argument.value for argument in arguments))
    except (ArithmeticError, ValueError):
        return None
    kind = operation.gives or arguments[-1].kind
    return number(value) if kind == "real" else constant(value)
