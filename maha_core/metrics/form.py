"""What a metric must be able to do inside one call: the rows of the design's table as verbs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib import import_module
from operator import matmul
from typing import Any, NamedTuple

from maha_core.formulas import dot

Array = Any
Index = tuple[int, ...]


class Term(NamedTuple):
    """One difference form ``factor * (u_i - u'_j) . (v_i - v'_j)``."""

    U: Array
    V: Array
    factor: float


class Rounding(NamedTuple):
    """How large the quantities are whose rounding errors reach D, one entry per point.

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

    def __init__(self, xp: Any) -> None:
        self.xp = xp
        self.product: Callable[[Array, Array], Array] = matmul

    def __getstate__(self) -> dict[str, Any]:
        # A module cannot be pickled: its name stands for it.
        return {**self.__dict__, "xp": self.xp.__name__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, xp=import_module(state["xp"]))

    def row_by_row(self) -> Form:
        """Return the form with products that take each row on its own.

        A matrix product may round equal rows differently, according to where they stand in it.
        """

        def product(W: Array, B: Array) -> Array:
            return dot(self.xp, W[:, None, :], B.T[None, :, :])

        form = object.__new__(type(self))  # copy() would look for the namespace by its name
        form.__dict__.update(self.__dict__, product=product)
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

    @abstractmethod
    def pull_points(self, LU: Array) -> Array:
        """Return the gradient of the points from the Laplacian product."""

    @abstractmethod
    def push(self, W: Array, U: Array, tangent: Array) -> Term:
        """Return the derivative of D along a direction of the parameter, as a form."""

    @abstractmethod
    def columns(self, W: Array, U: Array, index: Index) -> Term:
        """Return ``dD / dparameter[index]`` as a form of single columns."""

    @abstractmethod
    def outer(self, delta: Array) -> Array:
        """Return ``dD / dparameter`` for differences ``(..., d)``, ``(...,) + parameter.shape``."""

    def push_points(self, dW: Array, U: Array) -> Term:
        """Return the derivative of D along a direction of the points, as a form."""
        return Term(self.operand(dW), self.dual(U), 2.0)

    def direct(self, delta: Array) -> Array:
        """Return D ``(p,)`` from differences ``(p, d)``: no cancellation between points."""
        U = self.operand(delta)
        return dot(self.xp, U, self.dual(U))

    def rounding(self, W: Array, norms: Array) -> Rounding:
        """Return what the guard's thresholds are made of; norms are ``u_i . v_i``."""
        return Rounding(norms, None)

    def coarse_rounding(self, W: Array, norms: Array) -> Rounding:
        """Return numbers no less than those of `rounding`, for less work."""
        return self.rounding(W, norms)

    def largest_rounding(self, W: Array, norms: Array) -> Rounding:
        """Return numbers that `rounding` does not exceed for any of the points."""
        magnitude, embedding = self.rounding(W, norms)
        largest = None if embedding is None else self.xp.max(embedding)
        return Rounding(self.xp.max(magnitude), largest)

    def visibility(self) -> Array | None:
        """Return the weight ``(d,)`` of each column in D; None where `pull`, too, sees U alone."""
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

    def direct(self, delta: Array) -> Array:
        """Return D, a negative entry that rounding explains as 0."""
        F = super().direct(delta)
        if not bool(self.xp.any(F < 0)):
            return F
        eps = self.xp.finfo(F.dtype).eps
        bound = (delta.shape[-1] + 2) * eps * self.magnitude(delta)
        return self.xp.where((F < 0) & (-bound <= F), self.xp.zeros_like(F), F)

    def rounding(self, W: Array, norms: Array) -> Rounding:
        return Rounding(self.magnitude(W), None)

    @abstractmethod
    def norm(self) -> Array:
        """Return a bound of the spectral norm of Ms."""

    def pull_rounding(self, relative: float) -> Array:
        """``pull`` has ``w_i w_i^T`` where the pair has ``d d^T``."""
        return relative * self.norm()
