"""The table of operations. To add an operation, add a row.

The derivative of a root is 0 where the root is 0, not infinite, because the first derivatives of D
vanish there. If two arguments of a maximum are equal, the derivative is that of the one that does
not depend on the input.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from maha_core.expressions import matern
from maha_core.expressions.algebra import (
    ONE,
    ZERO,
    divided,
    minus,
    negative,
    plus,
    positive,
    times,
    where,
)
from maha_core.expressions.expression import Expression, is_constant
from maha_core.expressions.operation import (
    OPERATIONS,
    Operation,
    Tangent,
    apply,
    branches,
    comparable,
    conditions,
    number,
    reals,
    unchanged,
)

Number = float | int | bool


# --------------------------------------------------------------------------- exact simplifications


def _is(x: Expression, value: float) -> bool:
    return is_constant(x) and x.value == value


def _of_product(x: Expression, y: Expression) -> Expression | None:
    for factor, other in ((x, y), (y, x)):
        if _is(factor, 1):
            return other
        if _is(factor, -1):
            return apply("negative", other)
    return None


def _of_power(x: Expression, y: Expression) -> Expression | None:
    if _is(y, 0):
        return ONE
    if _is(y, 0.5):
        return apply("sqrt", x)
    return x if _is(y, 1) else None


def _of_difference(x: Expression, y: Expression) -> Expression | None:
    return x if is_constant(y) and repr(y.value) == "0.0" else None


def _undone(name: str) -> Callable[[Expression], Expression | None]:
    return lambda x: x.arguments[0] if x.operation == name else None


def _if_equal(x: Expression, y: Expression) -> Expression | None:
    return x if x is y else None


def _of_choice(condition: Expression, x: Expression, y: Expression) -> Expression | None:
    if is_constant(condition):
        return x if condition.value else y
    return _if_equal(x, y)


# ----------------------------------------------------------------------------------------- tangents


def _none(f: Expression, *tangents: Tangent) -> Tangent:
    return None


def _chained(
    slope: Callable[[Expression, Expression], Tangent],
) -> Callable[[Expression, Tangent], Tangent]:
    """Return a tangent ``slope(f, x) dx``."""

    def tangent(f: Expression, dx: Tangent) -> Tangent:
        return None if dx is None else times(slope(f, f.arguments[0]), dx)

    return tangent


def _over(
    below: Callable[[Expression], Expression],
) -> Callable[[Expression, Tangent], Tangent]:
    """Return a tangent ``dx / below(x)``."""
    return lambda f, dx: None if dx is None else divided(dx, below(f.arguments[0]))


def _of_root(f: Expression, x: Expression) -> Tangent:
    inside = positive(f)
    return where(inside, divided(number(0.5), apply("where", inside, f, ONE)), None)


def _times(f: Expression, dx: Tangent, dy: Tangent) -> Tangent:
    x, y = f.arguments
    return plus(times(dx, y), times(x, dy))


def _divide(f: Expression, dx: Tangent, dy: Tangent) -> Tangent:
    return divided(minus(dx, times(f, dy)), f.arguments[1])


def _power(f: Expression, dx: Tangent, dy: Tangent) -> Tangent:
    x, y = f.arguments
    in_base = None if dx is None else times(_of_base(x, y), dx)
    if dy is None:
        return in_base
    inside = positive(x)
    logarithm = apply("log", apply("where", inside, x, ONE))
    return plus(in_base, where(inside, times(times(logarithm, f), dy), None))


def _of_base(x: Expression, y: Expression) -> Tangent:
    """Return ``y x^(y - 1)``, 0 where x = 0 and y < 1."""
    less = apply("subtract", y, ONE)
    if not is_constant(y):
        edge = apply("logical_and", apply("equal", x, ZERO), apply("less", y, ONE))
        away = apply("where", edge, ONE, x)
        return where(edge, None, times(y, apply("power", away, less)))
    if not 0 < float(y.value or 0) < 1:
        return times(y, apply("power", x, less))
    inside = positive(x)
    away = apply("where", inside, x, ONE)
    return where(inside, times(y, apply("power", away, less)), None)


def _logaddexp(f: Expression, dx: Tangent, dy: Tangent) -> Tangent:
    x, y = f.arguments
    return plus(times(_share(x, y), dx), times(_share(y, x), dy))


def _share(x: Expression, other: Expression) -> Expression:
    """Return ``exp(x) / (exp(x) + exp(other))`` without overflow, with all digits."""
    exponent = apply("logaddexp", ZERO, apply("subtract", other, x))
    return apply("exp", apply("negative", exponent))


def _extreme(beyond: str) -> Callable[[Expression, Tangent, Tangent], Tangent]:
    def tangent(f: Expression, dx: Tangent, dy: Tangent) -> Tangent:
        x, y = f.arguments
        if dx is None:
            return where(apply(beyond, y, x), dy, None)
        return where(apply(beyond, x, y), dx, dy)

    return tangent


def _where(f: Expression, _: Tangent, dx: Tangent, dy: Tangent) -> Tangent:
    return where(f.arguments[0], dx, dy)


# ------------------------------------------------------------------------------------------ numbers


def _sign(x: float) -> float:
    return x if math.isnan(x) else (x > 0) - (x < 0)


def _larger(x: float, y: float) -> float:
    return x if x >= y or math.isnan(x) else y


def _smaller(x: float, y: float) -> float:
    return x if x <= y or math.isnan(x) else y


def _log_of_sum(x: float, y: float) -> float:
    return x + math.log(2) if x == y else max(x, y) + math.log1p(math.exp(-abs(x - y)))


def _choose(condition: bool, x: Number, y: Number) -> Number:
    return x if condition else y


# -------------------------------------------------------------------------------------------- rows


def _function(
    slope: Callable[[Expression, Tangent], Tangent],
    value: Callable[[float], float],
    name: str,
    *spellings: str,
) -> Operation:
    """Return the row of a function with the same name in Python's math module and in C++."""
    return Operation(
        reals, "real", value, f"math.{name}({{0}})", f"{name}({{0}})", slope, spellings=spellings
    )


def _lowered(
    name: str,
    value: Callable[[float], float],
    slope: Callable[[Expression, Expression], Tangent],
) -> Operation:
    """Return the row of a function that `lowered` replaces before evaluation."""
    text = f"{name}({{0}})"
    return Operation(reals, "real", value, text, text, _chained(slope))


def _comparison(sign: str, value: Callable[[Number, Number], bool], *spellings: str) -> Operation:
    text = f"{{0}} {sign} {{1}}"
    return Operation(comparable, "bool", value, text, text, _none, spellings=spellings)


def _arithmetic(
    sign: str,
    value: Callable[[float, float], float],
    tangent: Callable[..., Tangent],
    simpler: Callable[..., Expression | None],
    *spellings: str,
) -> Operation:
    text = f"{{0}} {sign} {{1}}"
    return Operation(reals, "real", value, text, text, tangent, simpler, spellings)


def _largest(
    sign: str, value: Callable[[float, float], float], beyond: str, *spellings: str
) -> Operation:
    """Return the row of a maximum or minimum; NaN propagates."""
    return Operation(
        reals,
        "real",
        value,
        f"({{0}} if {{0}} {sign} {{1}} or {{0}} != {{0}} else {{1}})",
        f"({{0}} {sign} {{1}} || {{0}} != {{0}} ? {{0}} : {{1}})",
        _extreme(beyond),
        _if_equal,
        spellings,
    )


LOG_2 = repr(math.log(2))

TABLE = {
    "add": _arithmetic("+", operator.add, lambda f, dx, dy: plus(dx, dy), lambda x, y: None),
    "subtract": _arithmetic(
        "-", operator.sub, lambda f, dx, dy: minus(dx, dy), _of_difference, "sub"
    ),
    "multiply": _arithmetic("*", operator.mul, _times, _of_product, "mul"),
    "divide": _arithmetic(
        "/",
        operator.truediv,
        _divide,
        lambda x, y: x if _is(y, 1) else None,
        *("div", "truediv", "true_divide"),
    ),
    "power": Operation(
        reals,
        "real",
        math.pow,
        "math.pow({0}, {1})",
        "pow({0}, {1})",
        _power,
        _of_power,
        ("pow",),
    ),
    "negative": Operation(
        *(reals, "real", operator.neg, "-{0}", "-{0}", lambda f, dx: negative(dx)),
        *(_undone("negative"), ("neg",)),
    ),
    "exp": _function(_chained(lambda f, x: f), math.exp, "exp"),
    "expm1": _function(_chained(lambda f, x: apply("exp", x)), math.expm1, "expm1"),
    "log": _function(_over(lambda x: x), math.log, "log"),
    "log1p": _function(_over(lambda x: apply("add", x, ONE)), math.log1p, "log1p"),
    "sqrt": _function(_chained(_of_root), math.sqrt, "sqrt"),
    "tanh": _function(_chained(lambda f, x: minus(ONE, times(f, f))), math.tanh, "tanh"),
    "abs": _function(
        _chained(lambda f, x: apply("sign", x)), math.fabs, "fabs", "absolute", "fabs"
    ),
    "sign": Operation(
        *(reals, "real", _sign),
        "({real}(1) if {0} > 0 else {real}(-1) if {0} < 0 else {0})",
        "({0} > 0 ? {real}(1) : {0} < 0 ? {real}(-1) : {0})",
        _none,
    ),
    "logaddexp": Operation(
        reals,
        "real",
        _log_of_sum,
        f"({{0}} + {{real}}({LOG_2}) if {{0}} == {{1}} else "
        "max({0}, {1}) + math.log1p(math.exp(-math.fabs({0} - {1}))))",
        f"({{0}} == {{1}} ? {{0}} + {{real}}({LOG_2}) : "
        "({0} > {1} ? {0} : {1}) + log1p(exp(-fabs({0} - {1}))))",
        _logaddexp,
    ),
    "matern32": _lowered("matern32", matern.number_32, matern.slope_32),
    "matern52": _lowered("matern52", matern.number_52, matern.slope_52),
    "maximum": _largest(">=", _larger, "greater"),
    "minimum": _largest("<=", _smaller, "less"),
    "greater": _comparison(">", operator.gt, "gt"),
    "greater_equal": _comparison(">=", operator.ge, "ge"),
    "less": _comparison("<", operator.lt, "lt"),
    "less_equal": _comparison("<=", operator.le, "le"),
    "equal": _comparison("==", operator.eq, "eq"),
    "not_equal": _comparison("!=", operator.ne, "ne"),
    "logical_and": Operation(
        *(conditions, "bool", operator.and_, "{0} & {1}", "{0} & {1}", _none, _if_equal),
        ("bitwise_and", "and"),
    ),
    "logical_or": Operation(
        *(conditions, "bool", operator.or_, "{0} | {1}", "{0} | {1}", _none, _if_equal),
        ("bitwise_or", "or"),
    ),
    "logical_not": Operation(
        *(conditions, "bool", operator.not_, "not {0}", "!{0}", _none),
        *(_undone("logical_not"), ("bitwise_invert", "bitwise_not", "invert")),
    ),
    "where": Operation(
        *(branches, None, _choose, "({1} if {0} else {2})", "({0} ? {1} : {2})"),
        *(_where, _of_choice),
    ),
    "real": Operation(unchanged, "real", float, "{real}({0})", "{real}({0})", _none),
}
OPERATIONS.update(TABLE)
