"""The mathematics of a metric inside one call: D and its derivatives as difference forms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib import import_module
from math import sqrt
from operator import matmul
from typing import Any, NamedTuple, Self

from maha_core.formulas import dot

Array = Any
Index = tuple[int, ...]

EXPLAINED = 8
"""A metric's own entries are rounded: so many eps of |d|^T |Ms| |d| below 0 still count as 0."""


class Term(NamedTuple):
    """One difference form ``factor * (u_i - u'_j) . (v_i - v'_j)``."""

    U: Array
    V: Array
    factor: float


class Rounding(NamedTuple):
    """Magnitudes of the quantities whose rounding errors enter D, one entry per point.

    ``magnitude`` bounds the terms that cancel in ``a_i + b_j - 2 u_i . v_j``; ``embedding`` is the
    squared size of the sums behind u_i itself (``None`` where u_i is the point).
    """

    magnitude: Array
    embedding: Array | None


class Form(ABC):
    """A metric bound to one call: its array cast to X's dtype and factorised once.

    ``W`` always stands for points or differences of points as rows, ``U = operand(W)``, and
    ``LU`` for the Laplacian product of U.
    """

    nonnegative = True
    turns = False
    """Whether U changes with the parameter."""
    curved = False
    """Whether `pull` of one LU changes with the parameter: `pull_along` tells how."""

    def __init__(self, xp: Any) -> None:
        self.xp = xp
        self.product: Callable[[Array, Array], Array] = matmul

    def __getstate__(self) -> dict[str, Any]:
        # A module cannot be pickled: store its name instead.
        return {**self.__dict__, "xp": self.xp.__name__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, xp=import_module(state["xp"]))

    def row_by_row(self) -> Form:
        """Return the form with matrix products computed row by row.

        A matrix product may round equal rows differently, according to where they stand in it.
        """

        def product(W: Array, B: Array) -> Array:
            return dot(self.xp, W[:, None, :], B.T[None, :, :])

        return self.changed(product=product)

    def changed(self, **attributes: Any) -> Self:
        """Return a copy with other attributes."""
        form = object.__new__(type(self))  # copy() would go through the pickle methods
        form.__dict__.update(self.__dict__, **attributes)
        return form

    @abstractmethod
    def operand(self, W: Array) -> Array:
        """Return U, so that ``D_ij = (u_i - u_j) . (v_i - v_j)`` with ``V = dual(U)``."""

    def dual(self, U: Array) -> Array:
        """Return V for U; the same array where D is a squared Euclidean distance of U."""
        return U

    @abstractmethod
    def pull(self, W: Array, U: Array, LU: Array) -> Array:
        """Return the gradient of the parameter from the Laplacian product."""

    def one_sided(self, W: Array, U: Array) -> Array:
        """Return the points B whose product with a cotangent suffices for `pull_one_sided`."""
        return U

    def pull_one_sided(self, W: Array, U: Array, R: Array) -> Array:
        """Return ``W^T R + R^T W`` in terms of the parameter, for ``R = r * B - G B'``."""
        return self.pull(W, U, 2 * R)

    @abstractmethod
    def pull_points(self, LU: Array) -> Array:
        """Return the gradient of the points from the Laplacian product."""

    @abstractmethod
    def push(self, W: Array, U: Array, tangent: Array) -> Term:
        """Return the derivative of D along a direction of the parameter, as a form of U."""

    @abstractmethod
    def columns(self, W: Array, U: Array, index: Index) -> Term:
        """Return ``dD / dparameter[index]`` as a form of single columns."""

    @abstractmethod
    def outer(self, delta: Array) -> Array:
        """Return ``dD / dparameter`` for differences ``(..., d)``, ``(...,) + parameter.shape``."""

    def push_points(self, dW: Array, U: Array) -> Term:
        """Return the derivative of D along a direction of the points, as a form of U."""
        return Term(U, self.dual(self.operand(dW)), 2.0)

    def moved(self, W: Array, dW: Array | None, tangent: Array | None) -> Array:
        """Return the change of U along directions of the points and of the parameter."""
        return self.xp.zeros_like(W) if dW is None else self.operand(dW)

    def pull_points_along(self, LU: Array, tangent: Array) -> Array:
        """Return the change of `pull_points` of the same LU along a direction of the parameter."""
        raise NotImplementedError

    def pull_along(self, pulled: Array, tangent: Array) -> Array:
        """Return the change of `pull`'s result where only the metric's parameter changes."""
        raise NotImplementedError

    def direct(self, delta: Array) -> Array:
        """Return D ``(p,)`` from differences ``(p, d)``: no cancellation between points."""
        U = self.operand(delta)
        return dot(self.xp, U, self.dual(U))

    def rounding(self, W: Array, norms: Array) -> Rounding:
        """Return the magnitudes for the guard's thresholds; norms are ``u_i . v_i``."""
        return Rounding(norms, None)

    def coarse_rounding(self, W: Array, norms: Array) -> Rounding:
        """Return upper bounds of `rounding`, which are cheaper to compute."""
        return self.rounding(W, norms)

    def largest_rounding(self, W: Array, norms: Array, largest: Array) -> Rounding:
        """Return upper bounds of `rounding` for all points; `largest` is the largest norm."""
        magnitude, embedding = self.rounding(W, norms)
        largest = None if embedding is None else self.xp.max(embedding)
        return Rounding(self.xp.max(magnitude), largest)

    def visibility(self) -> Array | None:
        """Return the weight ``(d,)`` of each column in D; None where `pull` depends on U alone."""
        return None

    def pull_rounding(self, relative: float) -> Array | float:
        """Return D over ``|w_i|^2`` of pairs whose part in `pull` has an error of u / `relative`.

        The Laplacian product holds terms of the size of W where the pair's are of that of d, and
        ``D_ij <= |M| |d_ij|^2`` tells that d is long.
        """
        return 0.0


class IndefiniteForm(Form):
    """A form with ``U = W`` whose D may be negative: ``V = dual(W)`` with any symmetric map."""

    nonnegative = False

    def operand(self, W: Array) -> Array:
        return W

    @abstractmethod
    def magnitude(self, W: Array) -> Array:
        """Return ``|w_i|^T |Ms| |w_i|`` ``(n,)``, which bounds every term of D."""

    @abstractmethod
    def in_widest(self, widen: Callable[[Array], Array]) -> IndefiniteForm:
        """Return the form with its array in the widest float, as `widen` gives it."""

    def may_be_zero(self, D: Array, delta: Array) -> Array:
        """Tell where D, evaluated in its own dtype, is not above 0 by more than rounding."""
        part = 2 * _explained(self.xp, delta.shape[-1], D.dtype, D.dtype)
        size = part * self.norm() * dot(self.xp, delta, delta)
        return (size >= D) & (-size <= D)

    def signed(self, delta: Array, dtype: Any) -> Array:
        """Return D of X's dtype, a negative entry that rounding explains as 0.

        The differences are of the widest float, in which all libraries agree on the sign of D.
        """
        xp, D = self.xp, self.direct(delta)
        bound = _explained(xp, delta.shape[-1], dtype, delta.dtype) * self.magnitude(delta)
        return xp.astype(xp.where((D < 0) & (-bound <= D), xp.zeros_like(D), D), dtype, copy=False)

    def rounding(self, W: Array, norms: Array) -> Rounding:
        return Rounding(self.magnitude(W), None)

    @abstractmethod
    def norm(self) -> Array:
        """Return a bound of the spectral norm of Ms."""

    def pull_rounding(self, relative: float) -> Array:
        """``pull`` has ``w_i w_i^T`` where the pair has ``d d^T``."""
        return relative * self.norm()


def _explained(xp: Any, width: int, dtype: Any, evaluated: Any) -> float:
    """Return the part of its magnitude that D of X's dtype may be below 0 by rounding.

    The metric's entries are rounded in that dtype, however D is evaluated; the sum of `width` terms
    is rounded in the dtype of its evaluation.
    """
    own, sums = xp.finfo(dtype).eps, xp.finfo(evaluated).eps / 2
    return float(EXPLAINED * own + sqrt(width) * sums)
