"""What rounding may do to an expression: its exact value and a bound on the error, by mpmath."""

import mpmath

from maha_core.expressions.expression import ordered
from maha_core.expressions.lowering import lowered
from pair_functions import EXACTLY, KinkError

UNITS = 4
"""So many units in the last place may the value of one operation be off."""

SLOPES = {
    "add": lambda f, x, y: (1, 1),
    "subtract": lambda f, x, y: (1, 1),
    "multiply": lambda f, x, y: (y, x),
    "divide": lambda f, x, y: (1 / y, x / y**2),
    "negative": lambda f, x: (1,),
    "exp": lambda f, x: (f,),
    "expm1": lambda f, x: (mpmath.exp(x),),
    "log": lambda f, x: (1 / x,),
    "log1p": lambda f, x: (1 / (1 + x),),
    "sqrt": lambda f, x: (0 if x == 0 else 1 / (2 * f),),
    "tanh": lambda f, x: (1 - f * f,),
    "abs": lambda f, x: (1,),
    "logaddexp": lambda f, x, y: (1, 1),
    "maximum": lambda f, x, y: (1, 1),
    "minimum": lambda f, x, y: (1, 1),
    "real": lambda f, x: (1,),
}
"""Derivatives, or more, of operations on real numbers."""

CHOICES = ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal")


def bounded(outputs, inputs, eps):
    """Return ``(value, error)`` of each expression, of inputs by name.

    Raises
    ------
    KinkError
        Rounding may choose another branch, or the dtype does not hold a value.
    """
    known = {}
    lowest = lowered(tuple(outputs))
    for part in ordered(lowest):
        if part.operation == "input":
            known[part] = mpmath.mpf(float(inputs[part.value])), mpmath.mpf(0)
        elif part.operation == "constant":
            exact = part.value if part.kind == "bool" else mpmath.mpf(part.value)
            known[part] = exact, 0 if part.kind == "bool" else eps * abs(exact)
        else:
            known[part] = _of(part.operation, [known[a] for a in part.arguments], eps)
    return [known[output] for output in lowest]


def _of(operation, given, eps):
    values, errors = [value for value, _ in given], [error for _, error in given]
    if operation in ("log", "sqrt") and values[0] <= 0 < errors[0]:
        raise KinkError
    value = EXACTLY[operation](*values)
    if operation in CHOICES or operation == "sign":
        x, y = values if len(values) == 2 else (values[0], 0)
        if abs(x - y) <= 4 * sum(errors) and sum(errors):
            raise KinkError
        return value, 0
    if operation.startswith("logical"):
        return value, 0
    if operation == "where":
        return value, errors[1] if values[0] else errors[2]
    if abs(value) > 1e37 or not mpmath.isfinite(value):
        raise KinkError
    slopes = SLOPES[operation](value, *values)
    carried = sum(abs(s) * e for s, e in zip(slopes, errors, strict=True))
    scale = max(map(abs, values)) if operation == "logaddexp" else 0
    return value, carried + UNITS * eps * max(abs(value), scale) + mpmath.mpf(1e-36)
