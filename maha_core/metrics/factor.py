"""The metric ``M = A^T A``: a squared Euclidean distance after the linear map A."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from maha_core.array_types import ArrayT_co
from maha_core.formulas import dot, plus
from maha_core.metrics.base import Metric, derived, floating
from maha_core.metrics.form import Form, Index, Rounding, Term

if TYPE_CHECKING:
    from maha_core.library import Library

Array = Any


class Factor(Metric[ArrayT_co]):
    """The metric ``D_ij = |A (x_i - y_j)|^2``, that is ``M = A^T A``.

    Parameters
    ----------
    A : array (k, d)
        Any real matrix; k below d gives a metric of rank k and an embedding in k dimensions. As in
        all metrics, leading axes make it a batch of metrics; see `sqdist`.

    Raises
    ------
    TypeError
        A is not an array of a supported library, or its dtype is not accepted.
    ValueError
        A is not two-dimensional, or has no columns.

    Notes
    -----
    ``dD_ij / dA_kl = 2 (A d)_k d_l`` with ``d = x_i - y_j``; Weinberger & Tesauro 2007.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> A = np.array([[1.0, 0.0], [1.0, 1.0]])
    >>> mc.Factor(A).matrix()
    array([[2., 1.],
           [1., 1.]])
    """

    __slots__ = ()
    symbol: ClassVar[str] = "A"
    ndim: ClassVar[int] = 2

    def __init__(self, A: ArrayT_co) -> None:
        super().__init__(A)

    @derived
    def matrix(self) -> ArrayT_co:
        """Return ``A^T A`` ``(d, d)``."""
        A = floating(self.parameter)
        return A.T @ A

    def to_factor(self) -> Factor[ArrayT_co]:
        """Return the metric itself."""
        return self

    def form(self, backend: Library, parameter: Array) -> FactorForm:
        """Return the mathematics of this metric for one call."""
        return FactorForm(backend.xp, parameter)


class FactorForm(Form):
    """``U = V = W A^T``."""

    turns = True

    def __init__(self, xp: Any, A: Array) -> None:
        super().__init__(xp)
        self.A = A

    def operand(self, W: Array) -> Array:
        return self.product(W, self.A.T)

    def pull(self, W: Array, U: Array, LU: Array) -> Array:
        """``dphi/dA = 2 (L Z)^T W``."""
        return 2 * (LU.T @ W)

    def one_sided(self, W: Array, U: Array) -> Array:
        return W

    def pull_one_sided(self, W: Array, U: Array, R: Array) -> Array:
        """``2 A (W^T R + R^T W)``; the products with the smaller terms come first."""
        return 2 * (U.T @ R) + self.pull(W, U, self.operand(R))

    def pull_points(self, LU: Array) -> Array:
        """``dphi/dX = 2 (L Z) A``."""
        return 2 * (LU @ self.A)

    def push(self, W: Array, U: Array, tangent: Array) -> Term:
        return Term(U, W @ tangent.T, 2.0)

    def moved(self, W: Array, dW: Array | None, tangent: Array | None) -> Array:
        """``Z_t = W dA^T + W_t A^T``."""
        if tangent is None:
            return self.operand(self.xp.zeros_like(W) if dW is None else dW)
        return plus(W @ tangent.T, None if dW is None else self.operand(dW))

    def pull_points_along(self, LU: Array, tangent: Array) -> Array:
        """``2 (L Z) dA``."""
        return 2 * (LU @ tangent)

    def columns(self, W: Array, U: Array, index: Index) -> Term:
        k, l = index
        return Term(U[:, k], W[:, l], 2.0)

    def outer(self, delta: Array) -> Array:
        return 2 * self.operand(delta)[..., :, None] * delta[..., None, :]

    def rounding(self, W: Array, norms: Array) -> Rounding:
        # A point far out along a direction that A shrinks leaves its rounding errors in u.
        xp = self.xp
        size = xp.abs(W) @ xp.abs(self.A).T
        return Rounding(norms, dot(xp, size, size))

    def coarse_rounding(self, W: Array, norms: Array) -> Rounding:
        # | |A| |w| | <= sum_l |A_:l| |w_l| needs no product and depends on the columns' scales.
        xp = self.xp
        lengths = xp.sqrt(xp.sum(self.A * self.A, axis=0))
        size = dot(xp, xp.abs(W), xp.broadcast_to(lengths, W.shape))
        return Rounding(norms, size * size)

    def largest_rounding(self, W: Array, norms: Array, largest: Array) -> Rounding:
        # | |A| |w| |^2 <= |A|^2 |w|^2: the root of a sum of squares bounds the largest |w|^2, and
        # times sqrt(k) the sum of the k rows of A.
        xp, rows = self.xp, self.A.shape[0]
        a, w = xp.vecdot(self.A, self.A), xp.vecdot(W, W)
        return Rounding(largest, xp.sqrt(rows * xp.vecdot(a, a) * xp.vecdot(w, w)))

    def visibility(self) -> Array | None:
        return self.xp.sum(self.A * self.A, axis=0)

    def pull_rounding(self, relative: float) -> Array | float:
        """``pull`` has ``(A d) w_i^T`` where the pair has ``(A d) d^T``."""
        return 8 * relative**2 * self.xp.sum(self.A * self.A)
