"""Arithmetic of derivatives: None is 0, and numbers and signs are moved to the front of products.

The user's expressions are computed as written; only derivatives are rearranged. Results are cached,
because sweeps need the same ones for every tile.
"""

from __future__ import annotations

from functools import lru_cache
from math import isinf

from maha_core.expressions.expression import Expression, is_constant, ordered
from maha_core.expressions.operation import Tangent, apply, number

ONE = number(1)
ZERO = number(0)


@lru_cache(maxsize=2048)
def plus(x: Tangent, y: Tangent) -> Tangent:
    """Return ``x + y``."""
    if x is None or y is None:
        return y if x is None else x
    if y.operation == "negative":
        return apply("subtract", x, y.arguments[0])
    if x.operation == "negative":
        return apply("subtract", y, x.arguments[0])
    return apply("add", x, y)


def negative(x: Tangent) -> Tangent:
    """Return ``-x``."""
    return times(number(-1), x)


def minus(x: Tangent, y: Tangent) -> Tangent:
    """Return ``x - y``."""
    return plus(x, negative(y))


@lru_cache(maxsize=2048)
def times(x: Tangent, y: Tangent) -> Tangent:
    """Return ``x y``."""
    if x is None or y is None:
        return None
    (a, u), (b, v) = _factored(x), _factored(y)
    if u is None or v is None:
        return _scaled(a * b, v if u is None else u)
    return _scaled(a * b, apply("multiply", u, v))


def divided(x: Tangent, y: Expression) -> Tangent:
    """Return ``x / y``."""
    if x is None:
        return None
    if is_constant(y) and y.value:
        return times(number(1 / float(y.value)), x)
    a, u = _factored(x)
    if u is None:
        return apply("divide", number(a), y)
    return _scaled(a, apply("divide", u, y))


def where(condition: Expression, x: Tangent, y: Tangent) -> Tangent:
    """Return x where a condition holds, else y."""
    if x is None and y is None:
        return None
    return apply("where", condition, x or ZERO, y or ZERO)


def positive(x: Expression) -> Expression:
    """Return the condition ``x > 0``."""
    return apply("greater", x, ZERO)


def weighted(weight: Expression, x: Expression) -> Expression:
    """Return an expression times a weight."""
    return apply("multiply", weight, x)


def finite_at(D: Expression, x: Expression) -> Expression:
    """Return x, with 0 in place of values that are not finite where D is 0."""
    finite = apply("less", apply("abs", x), number(float("inf")))
    return apply("where", apply("logical_or", apply("not_equal", D, ZERO), finite), x, ZERO)


STEADY = frozenset(
    {"input", "constant", "real", "add", "subtract", "multiply", "negative", "exp", "tanh", "abs"}
    | {"sign", "maximum", "minimum", "where", "matern32", "matern52", "greater", "greater_equal"}
    | {"less", "less_equal", "equal", "not_equal", "logical_and", "logical_or", "logical_not"}
)
"""Operations whose values are finite at 0 and beyond where their arguments are not too large."""


def stays_finite(x: Expression) -> bool:
    """Tell whether an expression is known to be finite at D = 0."""
    return all(
        part.operation in STEADY and not (is_constant(part) and isinf(float(part.value or 0)))
        for part in ordered([x])
    )


def _factored(x: Expression) -> tuple[float, Expression | None]:
    """Return the numeric factor and the rest of a product; None stands for a rest of 1."""
    if is_constant(x):
        return float(x.value or 0), None
    if x.operation == "negative":
        factor, rest = _factored(x.arguments[0])
        return -factor, rest
    if x.operation == "multiply":
        u, v = x.arguments
        if is_constant(u) or is_constant(v):
            c, other = (u, v) if is_constant(u) else (v, u)
            return float(c.value or 0), other
    return 1.0, x


def _scaled(c: float, x: Expression | None) -> Tangent:
    if c == 0:
        return None
    if x is None:
        return number(c)
    if c == -1 and x.operation == "subtract":
        return apply("subtract", *reversed(x.arguments))
    return apply("multiply", number(c), x)
