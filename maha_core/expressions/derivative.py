"""The derivative of an expression in one of its inputs, an expression again."""

from functools import lru_cache

from maha_core.expressions.algebra import ONE, ZERO
from maha_core.expressions.expression import Expression, ordered
from maha_core.expressions.operation import Tangent, real
from maha_core.expressions.operations import TABLE


@lru_cache(maxsize=512)
def derivative(expression: Expression, of: Expression) -> Expression:
    """Return the derivative of an expression in one of its inputs.

    Parameters
    ----------
    expression : Expression
        Conditions count as 0 and 1.
    of : Expression
        An input of real numbers.

    Returns
    -------
    Expression

    Notes
    -----
    The derivative of ``where(c, x, y)`` is ``where(c, x', y')``. At jumps and kinks it is the
    derivative of the branch taken.

    Examples
    --------
    >>> from maha_core.expressions import derivative, trace, variable
    >>> D = variable("D")
    >>> derivative(trace(lambda D: D**3, [D]), D)
    multiply(3.0, power(D, 2.0))
    """
    if of.operation != "input" or of.kind != "real":
        raise ValueError(f"a derivative is taken in an input of real numbers; got {of!r}")
    tangents: dict[Expression, Tangent] = {of: ONE}
    for part in ordered([real(expression)]):
        if part.arguments:
            inner = [tangents.get(argument) for argument in part.arguments]
            if any(tangent is not None for tangent in inner):
                tangents[part] = TABLE[part.operation].tangent(part, *inner)
    return tangents.get(real(expression)) or ZERO
