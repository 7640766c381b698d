"""Symbols: the arguments with which a function is called to trace it.

They support Python's operators and functions of NumPy, torch and the array API, each of which
returns a symbol. Operations that need a value, or would silently drop or change something, raise an
error; tracing then fails even if the function catches the error.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from math import e, inf, nan, pi
from numbers import Integral, Real
from typing import Any, NoReturn

import array_api_compat

from maha_core.arrays import describe, is_array
from maha_core.expressions.expression import Expression, constant
from maha_core.expressions.spellings import DTYPE, function
from maha_core.followed import is_followed


class UntraceableError(Exception):
    """A function cannot be traced; the message says why."""


class _NoAttributeError(UntraceableError, AttributeError):
    """The same for a missing attribute; it is also an AttributeError, for `hasattr`."""


refusals: ContextVar[list[UntraceableError] | None] = ContextVar("refusals", default=None)
"""The errors raised during the current trace."""


def refuse(reason: str, kind: type[UntraceableError] = UntraceableError) -> NoReturn:
    """Raise `UntraceableError`, and remember it in case the function catches it."""
    error, refused = kind(reason), refusals.get()
    if refused is not None:
        refused.append(error)
    raise error


class Symbol:
    """An expression as an argument of a user's function."""

    __slots__ = ("expression",)

    expression: Expression

    def __init__(self, expression: Expression) -> None:
        self.expression = expression

    def __repr__(self) -> str:
        return f"Symbol({self.expression!r})"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "expression":
            raise AttributeError(name)
        refuse(f"it asks for .{name} of an argument", _NoAttributeError)

    @property
    def dtype(self) -> object:
        """The dtype, an argument of `astype`."""
        return DTYPE

    def astype(self, dtype: Any, copy: bool = True) -> Symbol:
        """Return a condition or a label as a number."""
        return called("astype", (self, dtype), {})

    def clip(self, *arguments: Any, **options: Any) -> Symbol:
        """Return the values within bounds."""
        return called("clip", (self, *arguments), options)

    def __array_namespace__(self, *, api_version: str | None = None) -> Namespace:
        return NAMESPACE

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Symbol:
        if method != "__call__":
            refuse(f"it calls {ufunc.__name__}.{method}")
        return called(ufunc.__name__, inputs, options)

    def __array_function__(
        self, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Symbol:
        if func.__module__ != "numpy":
            refuse(f"it calls {func.__module__}.{func.__name__}")
        return called(func.__name__, args, kwargs)

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Symbol:
        return called(func.__name__, args, kwargs or {})


class Namespace:
    """The array API's functions, on symbols."""

    __name__ = __name__  # array_api_compat asks for it
    pi, e, inf, nan = pi, e, inf, nan

    def __getattr__(self, name: str) -> Callable[..., Symbol]:
        if name.startswith("__"):
            raise AttributeError(name)
        if function(name) is None:
            refuse(f"it asks for xp.{name}", _NoAttributeError)
        return lambda *arguments, **options: called(name, arguments, options)


NAMESPACE = Namespace()


def called(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Symbol:
    """Return a function of symbols and numbers."""
    of_expressions = function(name)
    if of_expressions is None:
        refuse(f"it calls {name}, which is none of the operations that can be derived")
    for option, value in options.items():
        if option in ("out", "where", "casting", "order", "subok", "axis"):
            refuse(f"it calls {name} with {option}={describe(value)}")
    named = {option: _operand(value) for option, value in options.items()}
    return Symbol(of_expressions(*map(_operand, arguments), **named))


def _operand(value: Any) -> Any:
    """Return a symbol or a number as an expression; return None and dtypes unchanged."""
    if isinstance(value, Symbol):
        return value.expression
    if isinstance(value, float | int | Real):  # the abstract class last: it is slow
        return constant(_number(value))
    if value is None or value is DTYPE or isinstance(value, type):
        return value
    if not is_array(value) or array_api_compat.is_dask_array(value):
        refuse(f"it combines an argument with {describe(value)}")
    if value.ndim:
        refuse(
            f"it uses {describe(value)}, an array that is not one of its arguments; numbers of the "
            "points are given as data"
        )
    if is_followed(value):
        refuse(
            "it uses a tensor that requires grad, or a JAX tracer, which is none of its arguments; "
            "detach that, or take it from outside of the program"
        )
    return _operand(value.item())


def _number(value: Any) -> bool | int | float:
    if type(value) in (bool, int, float):
        return value
    return int(value) if isinstance(value, Integral) else float(value)


BINARY = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "pow": "power",
    "and": "logical_and",
    "or": "logical_or",
}
COMPARISONS = {
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "eq": "equal",
    "ne": "not_equal",
}
UNARY = {"neg": "negative", "pos": "positive", "abs": "abs", "invert": "logical_not"}
VALUES = ("bool", "float", "int", "index", "complex", "len", "iter", "array")


def _operator(name: str) -> Callable[..., Symbol]:
    return lambda *operands: called(name, operands, {})


def _reflected(name: str) -> Callable[..., Symbol]:
    return lambda right, left: called(name, (left, right), {})


def _refused(name: str) -> Callable[..., NoReturn]:
    why = "as in `if` or `and`" if name == "bool" else f"by __{name}__"
    return lambda *arguments, **options: refuse(f"it asks for the value of an argument, {why}")


for _name, _operation in (BINARY | COMPARISONS | UNARY).items():
    setattr(Symbol, f"__{_name}__", _operator(_operation))
for _name, _operation in BINARY.items():
    setattr(Symbol, f"__r{_name}__", _reflected(_operation))
for _name in VALUES:
    setattr(Symbol, f"__{_name}__", _refused(_name))
