"""The base class of kernels: an expression of D, from which derivatives and code follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from maha_core import options, validation
from maha_core.expressions import (
    NAMESPACE,
    Expression,
    Symbol,
    UntraceableError,
    substituted,
    trace,
    variable,
)
from maha_core.expressions.expression import ordered

Array = Any

DISTANCE = variable("D")

xp: Any = NAMESPACE
"""The functions for writing a kernel."""

LONGEST = 60
"""The largest number of parts of an expression that is shown as text."""


class Kernel:
    """A kernel ``k(x, y) = f(D)``, D the squared distance of x and y.

    Parameters
    ----------
    f : callable
        A function of one squared distance, written with operators, functions of NumPy or the array
        API (``xp = D.__array_namespace__()``), and ``np.where`` in place of `if`. It is called
        once, when the kernel is made, with a symbol in place of an array.

    Attributes
    ----------
    expression : Expression
        The expression that f computes.

    Raises
    ------
    TypeError
        f cannot be called, or its derivative cannot be derived. The message names the line of f
        that is the reason.

    Notes
    -----
    Kernels are equal if their expressions are equal. They can be pickled for any f. Positive
    definiteness is not checked.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> cauchy = mc.kernels.Kernel(lambda D: 1 / (1 + D))
    >>> cauchy
    Kernel(divide(1.0, add(1.0, D)))
    >>> cauchy(np.array([0.0, 1.0, 3.0]))
    array([1.  , 0.5 , 0.25])

    Kernels can be called in the functions of losses, reductions and other kernels:

    >>> mixed = mc.kernels.Kernel(lambda D: (cauchy(D) + mc.kernels.Gaussian()(2 * D)) / 2)
    >>> mixed(np.array([0.0]))
    array([1.])
    """

    expression: Expression

    def __init__(self, f: Callable[[Any], Any]) -> None:
        if not callable(f):
            raise TypeError(f"f must be callable, a function f(D); got {f!r:.80}")
        try:
            self.expression = trace(f, (DISTANCE,))
        except UntraceableError as error:
            raise TypeError(
                f"f cannot be a kernel, because its derivative cannot be derived: {error}. Write f "
                "with operators, NumPy's functions or those of xp = D.__array_namespace__(), and "
                "np.where in place of if"
            ) from error

    def __call__(self, D: Array) -> Array:
        """Return the kernel of squared distances, entry by entry.

        Parameters
        ----------
        D : array
            Squared distances, of any shape, in any library that `maha_core.sqdist` accepts.

        Returns
        -------
        array
            An array of D's shape, library, device and dtype (integers become the widest float).

        Raises
        ------
        TypeError
            D is not an accepted array.
        ValueError
            D holds NaN, infinity or negative numbers.
        """
        if isinstance(D, Symbol):
            return Symbol(substituted(self.expression, DISTANCE, D.expression))
        backend = validation.backend_for(D, "D")
        D = validation.points(backend, D, "D")
        return backend.entrywise(self.expression, D, options.current())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Kernel):
            return NotImplemented
        return self.expression is other.expression

    def __hash__(self) -> int:
        return hash(self.expression)

    def __repr__(self) -> str:
        return f"Kernel({_shown(self.expression)})"


def _shown(expression: Expression) -> str:
    """Return an expression as text, or its size where the text would be very long."""
    sizes: dict[Expression, int] = {}
    for part in ordered([expression]):
        sizes[part] = 1 + sum(sizes[inner] for inner in part.arguments)
    if sizes[expression] > LONGEST:
        return f"<{len(sizes)} parts>"
    return repr(expression)
