"""The metric given by a square matrix M, definite or not, symmetric or not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from maha_core import validation
from maha_core.array_types import ArrayT_co
from maha_core.formulas import symmetric_part
from maha_core.metrics.base import Metric, derived, eigen, floating
from maha_core.metrics.factor import Factor
from maha_core.metrics.form import IndefiniteForm, Index, Term

if TYPE_CHECKING:
    from maha_core.library import Library

Array = Any


class Full(Metric[ArrayT_co]):
    """The metric ``D_ij = (x_i - y_j)^T M (x_i - y_j)``.

    Parameters
    ----------
    M : array (d, d)
        Any real square matrix. D depends only on its symmetric part ``Ms = (M + M^T) / 2``, which
        may be indefinite; D then has negative entries.

    Raises
    ------
    TypeError
        M is not an array of a supported library, or its dtype is not accepted.
    ValueError
        M is not square, or is empty.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> metric = mc.Full(np.array([[2.0, 1.0], [0.0, 1.0]]))
    >>> metric.matrix()
    array([[2. , 0.5],
           [0.5, 1. ]])
    >>> metric.is_psd()
    True
    """

    __slots__ = ()
    symbol: ClassVar[str] = "M"
    ndim: ClassVar[int] = 2

    def __init__(self, M: ArrayT_co) -> None:
        super().__init__(M)
        validation.check_square(M, self.symbol)

    @derived
    def matrix(self) -> ArrayT_co:
        """Return the symmetric part of M ``(d, d)``."""
        return symmetric_part(floating(self.parameter))

    @derived
    def is_psd(self) -> bool:
        """Tell whether M is positive semi-definite, up to rounding of its eigenvalues.

        Examples
        --------
        >>> import numpy as np, maha_core as mc
        >>> mc.Full(np.array([[0.0, 1.0], [1.0, 0.0]])).is_psd()
        False
        """
        xp, values, _, level = eigen(self.matrix())
        return bool(xp.min(values) >= -level)

    @derived
    def nearest_psd(self) -> Full[ArrayT_co]:
        """Return the positive semi-definite metric nearest in the Frobenius norm.

        Returns
        -------
        metric : Full
            ``V max(lambda, 0) V^T`` for the eigenvalues lambda of Ms (Higham 1988, "Computing a
            nearest symmetric positive semidefinite matrix").

        Examples
        --------
        >>> import numpy as np, maha_core as mc
        >>> mc.Full(np.diag([1.0, -1.0])).nearest_psd().matrix()
        array([[1., 0.],
               [0., 0.]])
        """
        xp, values, vectors, _ = eigen(self.matrix())
        clipped = xp.where(values > 0, values, xp.zeros_like(values))
        return Full(symmetric_part((vectors * clipped) @ vectors.T))

    @derived
    def to_factor(self) -> Factor[ArrayT_co]:
        """Return ``Factor(A)`` with ``A^T A = Ms``.

        Raises
        ------
        ValueError
            Ms has an eigenvalue that is negative beyond rounding; use `nearest_psd` first.
        """
        xp, values, vectors, level = eigen(self.matrix())
        lowest = xp.min(values)
        backend = validation.backend_for(values, self.symbol)
        backend.expect(lambda: lowest >= -level, partial(_refuse_factor, lowest), values)
        roots = xp.sqrt(xp.where(values > level, values, xp.zeros_like(values)))
        return Factor((vectors * roots).T)

    def form(self, backend: Library, parameter: Array) -> FullForm:
        """Return the mathematics of this metric for one call."""
        return FullForm(backend.xp, symmetric_part(parameter))


def _refuse_factor(lowest: Array) -> None:
    raise ValueError(
        f"Full(M) has no factor: M has the negative eigenvalue {float(lowest):.6g}; "
        "project it first with metric.nearest_psd()"
    )


class FullForm(IndefiniteForm):
    """``U = W``, ``V = W Ms``."""

    def __init__(self, xp: Any, Ms: Array) -> None:
        super().__init__(xp)
        self.Ms = Ms

    def in_widest(self, widen: Callable[[Array], Array]) -> FullForm:
        return self.changed(Ms=widen(self.Ms))

    def dual(self, U: Array) -> Array:
        return self.product(U, self.Ms)

    def pull(self, W: Array, U: Array, LU: Array) -> Array:
        """``dphi/dM = W^T (L W)``, symmetric in exact arithmetic and made so in rounding."""
        return symmetric_part(U.T @ LU)

    def pull_points(self, LU: Array) -> Array:
        """``dphi/dX = 2 (L W) Ms``."""
        return 2 * (LU @ self.Ms)

    def push(self, W: Array, U: Array, tangent: Array) -> Term:
        return Term(W, W @ symmetric_part(tangent), 1.0)

    def pull_points_along(self, LU: Array, tangent: Array) -> Array:
        """``2 (L W) sym(dM)``."""
        return 2 * (LU @ symmetric_part(tangent))

    def columns(self, W: Array, U: Array, index: Index) -> Term:
        k, l = index
        return Term(W[:, k], W[:, l], 1.0)

    def outer(self, delta: Array) -> Array:
        return delta[..., :, None] * delta[..., None, :]

    def magnitude(self, W: Array) -> Array:
        size = self.xp.abs(W)
        return self.xp.sum(size * (size @ self.xp.abs(self.Ms)), axis=-1)

    def visibility(self) -> Array:
        return self.xp.abs(self.xp.linalg.diagonal(self.Ms))

    def norm(self) -> Array:
        return self.xp.max(self.xp.sum(self.xp.abs(self.Ms), axis=0))
