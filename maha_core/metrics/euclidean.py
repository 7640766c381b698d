"""The Euclidean metric of ``metric=None``: M is the identity, without a parameter."""

from functools import cache
from typing import Any, NoReturn

from maha_core.metrics.form import Form, Index, Rounding, Term

Array = Any


class EuclideanForm(Form):
    """``U = V = W``; only the points can be differentiated."""

    def operand(self, W: Array) -> Array:
        return W

    def largest_rounding(self, W: Array, norms: Array, largest: Array) -> Rounding:
        return Rounding(largest, None)

    def pull_points(self, LU: Array) -> Array:
        """``dphi/dX = 2 L W``."""
        return 2 * LU

    def pull(self, W: Array, U: Array, LU: Array) -> NoReturn:
        raise ValueError("metric=None is the Euclidean metric and has no parameter")

    def push(self, W: Array, U: Array, tangent: Array) -> Term:
        self.pull(W, U, tangent)

    def columns(self, W: Array, U: Array, index: Index) -> Term:
        self.pull(W, U, U)

    def outer(self, delta: Array) -> Array:
        self.pull(delta, delta, delta)


@cache
def euclidean(xp: Any) -> EuclideanForm:
    """Return the form for a library; it does not depend on the call."""
    return EuclideanForm(xp)
