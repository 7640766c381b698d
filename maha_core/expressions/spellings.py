"""The functions that a user may call on symbols, by their names in array libraries."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from maha_core.expressions.expression import Expression, constant, is_constant
from maha_core.expressions.operation import apply, number, real
from maha_core.expressions.operations import TABLE

DTYPE = object()
"""A placeholder of the dtype of D."""


def function(name: str) -> Callable[..., Expression] | None:
    """Return the function of expressions that a name stands for, or None."""
    return _functions().get(name)


def _functions() -> dict[str, Callable[..., Expression]]:
    if not _FUNCTIONS:
        for name, operation in TABLE.items():
            called = partial(_applied, name)
            _FUNCTIONS.update(dict.fromkeys((name, *operation.spellings), called))
        del _FUNCTIONS["real"]
        _FUNCTIONS.update(COMPOSED)
    return _FUNCTIONS


_FUNCTIONS: dict[str, Callable[..., Expression]] = {}


def _applied(name: str, /, *arguments: Expression) -> Expression:
    expected = TABLE[name].arity
    if len(arguments) != expected:
        raise TypeError(f"{name} takes {expected} arguments; got {len(arguments)}")
    return apply(name, *arguments)


def _clip(
    x: Expression,
    a_min: Expression | None = None,
    a_max: Expression | None = None,
    *,
    min: Expression | None = None,  # noqa: A002  # the array API's name
    max: Expression | None = None,  # noqa: A002
) -> Expression:
    lower, upper = a_min or min, a_max or max
    x = x if lower is None else apply("maximum", x, lower)
    return x if upper is None else apply("minimum", x, upper)


def _astype(x: Expression, dtype: Any, *, copy: Expression | None = None) -> Expression:
    if dtype is DTYPE or (dtype is float and x.kind != "real"):
        return real(x)
    raise TypeError(f"it converts to {dtype!r}; what it computes has the dtype of its arguments")


def _full_like(x: Expression, fill_value: Expression, dtype: Any = None) -> Expression:
    if x.kind == "real" or dtype is DTYPE:
        return real(fill_value)
    if dtype is not None or not is_constant(fill_value):
        raise TypeError("full_like of a condition or a label takes a number, and no dtype")
    return constant((bool if x.kind == "bool" else int)(fill_value.value or 0))


def _ones_like(x: Expression, dtype: Any = None) -> Expression:
    return _full_like(x, number(1), dtype)


def _zeros_like(x: Expression, dtype: Any = None) -> Expression:
    return _full_like(x, number(0), dtype)


def _isfinite(x: Expression) -> Expression:
    return apply("less", apply("abs", x), number(float("inf")))


def _isinf(x: Expression) -> Expression:
    return apply("equal", apply("abs", x), number(float("inf")))


COMPOSED: dict[str, Callable[..., Expression]] = {
    "asarray": lambda x: x,
    "astype": _astype,
    "clamp": _clip,
    "clip": _clip,
    "full_like": _full_like,
    "isfinite": _isfinite,
    "isinf": _isinf,
    "isnan": lambda x: apply("not_equal", x, x),
    "ones_like": _ones_like,
    "positive": lambda x: x,
    "pos": lambda x: x,
    "reciprocal": lambda x: apply("divide", number(1), x),
    "square": lambda x: apply("power", x, number(2)),
    "zeros_like": _zeros_like,
}
