"""An expression of one pair, with the arrays that it needs in addition to the points' data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from maha_core.expressions import Expression

Array = Any


class Term(NamedTuple):
    """Part of a cotangent.

    Attributes
    ----------
    expression : Expression
        Of D, of the points' numbers and of `inputs`.
    inputs : mapping of str to array
        The arrays by their names in the expression.
    over : tuple of str
        The inputs that may be overwritten.
    """

    expression: Expression
    inputs: Mapping[str, Array]
    over: tuple[str, ...] = ()
