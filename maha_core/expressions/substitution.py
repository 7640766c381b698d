"""Substitution of an expression for an input."""

from __future__ import annotations

from functools import lru_cache

from maha_core.expressions.expression import Expression, ordered
from maha_core.expressions.operation import apply


@lru_cache(maxsize=512)
def substituted(expression: Expression, argument: Expression, by: Expression) -> Expression:
    """Return an expression in which an input is replaced by another expression.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.expressions import substituted, trace, variable
    >>> D, E = variable("D"), variable("E")
    >>> substituted(trace(lambda D: np.exp(-D), [D]), D, E)
    exp(negative(E))
    """
    new = {argument: by}
    for part in ordered([expression]):
        if part not in new:
            arguments = [new[inner] for inner in part.arguments]
            new[part] = apply(part.operation, *arguments) if arguments else part
    return new[expression]
