"""Matern functions of x = r^2 as operations: the derivative of each is the next one.

    m_1(r) = e^-r,    m_3(r) = (1 + r) e^-r,    m_5(r) = (1 + r + r^2 / 3) e^-r
    d m_5 / dx = -m_3 / 6,    d m_3 / dx = -m_1 / 2

If the functions were composed of sqrt and exp, their derivatives would be differences of large
numbers near x = 0, and undefined there.
"""

from __future__ import annotations

import math

from maha_core.expressions.algebra import ONE, times
from maha_core.expressions.expression import Expression
from maha_core.expressions.operation import Tangent, apply, number

FARTHEST = 1e4
"""From here on e^-r is 0 in every dtype; a polynomial of an infinite r would make that NaN."""


def number_32(x: float) -> float:
    """Return m_3 of a number."""
    r = math.sqrt(x)
    return (1 + r) * math.exp(-r)


def number_52(x: float) -> float:
    """Return m_5 of a number."""
    r = math.sqrt(x)
    return (1 + r + x / 3) * math.exp(-r)


def slope_32(itself: Expression, x: Expression) -> Tangent:
    """Return the derivative of m_3 in x."""
    return times(number(-1 / 2), apply("exp", apply("negative", apply("sqrt", x))))


def slope_52(itself: Expression, x: Expression) -> Tangent:
    """Return the derivative of m_5 in x."""
    return times(number(-1 / 6), apply("matern32", x))


def lowered_32(x: Expression) -> Expression:
    """Return m_3 in terms of standard operations."""
    r = _bounded_root(x)
    return _decayed(apply("add", ONE, r), r)


def lowered_52(x: Expression) -> Expression:
    """Return m_5 in terms of standard operations."""
    r = _bounded_root(x)
    inner = apply("add", ONE, apply("multiply", number(1 / 3), r))
    return _decayed(apply("add", ONE, apply("multiply", inner, r)), r)


def _bounded_root(x: Expression) -> Expression:
    return apply("minimum", apply("sqrt", x), number(FARTHEST))


def _decayed(polynomial: Expression, r: Expression) -> Expression:
    return apply("multiply", polynomial, apply("exp", apply("negative", r)))
