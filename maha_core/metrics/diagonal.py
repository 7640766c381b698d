"""The metric ``M = diag(w)``: one weight per column."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from maha_core import validation
from maha_core.array_types import ArrayT_co
from maha_core.arrays import namespace
from maha_core.formulas import dot
from maha_core.metrics.base import Metric, derived, floating
from maha_core.metrics.factor import Factor
from maha_core.metrics.form import IndefiniteForm, Index, Term

if TYPE_CHECKING:
    from maha_core.library import Library

Array = Any


class Diagonal(Metric[ArrayT_co]):
    """The metric ``D_ij = sum_k w_k (x_ik - y_jk)^2``.

    Parameters
    ----------
    w : array (d,)
        Weights of any sign, such as ``1 / length_scale**2``.

    Raises
    ------
    TypeError
        w is not an array of a supported library, or its dtype is not accepted.
    ValueError
        w is not one-dimensional, or is empty.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> mc.sqdist(np.array([[0.0, 0.0], [1.0, 2.0]]), metric=mc.Diagonal(np.array([1.0, 10.0])))
    array([[ 0., 41.],
           [41.,  0.]])
    """

    __slots__ = ()
    symbol: ClassVar[str] = "w"
    ndim: ClassVar[int] = 1

    def __init__(self, w: ArrayT_co) -> None:
        super().__init__(w)

    @derived
    def matrix(self) -> ArrayT_co:
        """Return ``diag(w)`` ``(d, d)``."""
        w = floating(self.parameter)
        xp = namespace(w)
        return xp.where(xp.eye(w.shape[0], dtype=w.dtype, device=w.device) > 0, w, 0 * w)

    @derived
    def to_factor(self) -> Factor[ArrayT_co]:
        """Return ``Factor(diag(sqrt(w)))``.

        Raises
        ------
        ValueError
            A weight is negative: no factor exists.
        """
        return Factor(Diagonal(self._roots()).matrix())

    def for_embedding(self) -> Diagonal[ArrayT_co]:
        """Return the metric itself, because its factor would be a d x d matrix of mostly zeros."""
        return self

    def embedded(self, X: Array) -> Array:
        """Return ``X * sqrt(w)``."""
        return X * self._roots()

    def _roots(self) -> Array:
        """Return ``sqrt(w)`` ``(d,)``; raise ValueError where a weight is negative."""
        w = floating(self.parameter)
        xp = namespace(w)
        lowest = xp.min(w)
        backend = validation.backend_for(w, self.symbol)
        backend.expect(lambda: lowest >= 0, partial(_refuse_roots, lowest), w)
        return xp.sqrt(w)

    def form(self, backend: Library, parameter: Array) -> DiagonalForm:
        """Return the mathematics of this metric for one call."""
        return DiagonalForm(backend.xp, parameter)


def _refuse_roots(lowest: Array) -> None:
    raise ValueError(
        f"Diagonal(w) has no factor: its smallest weight is {float(lowest):.6g}; "
        "raise negative weights to 0, e.g. Diagonal(xp.clip(w, 0, None))"
    )


class DiagonalForm(IndefiniteForm):
    """``U = W``, ``V = W * w``."""

    def __init__(self, xp: Any, w: Array) -> None:
        super().__init__(xp)
        self.w = w

    def in_widest(self, widen: Callable[[Array], Array]) -> DiagonalForm:
        return self.changed(w=widen(self.w))

    def dual(self, U: Array) -> Array:
        return U * self.w

    def pull(self, W: Array, U: Array, LU: Array) -> Array:
        """``dphi/dw`` = column sums of ``W * (L W)``."""
        return self.xp.sum(U * LU, axis=0)

    def pull_points(self, LU: Array) -> Array:
        """``dphi/dX = 2 (L W) diag(w)``."""
        return 2 * LU * self.w

    def push(self, W: Array, U: Array, tangent: Array) -> Term:
        return Term(W, W * tangent, 1.0)

    def pull_points_along(self, LU: Array, tangent: Array) -> Array:
        """``2 (L W) diag(dw)``."""
        return 2 * LU * tangent

    def columns(self, W: Array, U: Array, index: Index) -> Term:
        (k,) = index
        return Term(W[:, k], W[:, k], 1.0)

    def outer(self, delta: Array) -> Array:
        return delta * delta

    def magnitude(self, W: Array) -> Array:
        return dot(self.xp, W, W * self.xp.abs(self.w))

    def visibility(self) -> Array:
        return self.xp.abs(self.w)

    def norm(self) -> Array:
        return self.xp.max(self.xp.abs(self.w))
