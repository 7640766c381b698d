"""The metric ``M = S^-1``: the classical Mahalanobis distance of a covariance matrix S."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from maha_core import checks, collinear, definite, validation
from maha_core.array_types import ArrayT, ArrayT_co
from maha_core.arrays import device_of
from maha_core.formulas import symmetric_part
from maha_core.metrics.base import Metric, derived, floating
from maha_core.metrics.factor import Factor, FactorForm
from maha_core.metrics.form import Index, Term

if TYPE_CHECKING:
    from maha_core.library import Library

Array = Any


class Covariance(Metric[ArrayT_co]):
    """The metric ``D_ij = (x_i - y_j)^T S^-1 (x_i - y_j)``.

    Parameters
    ----------
    S : array (d, d)
        A symmetric positive definite matrix. Gradients are those of its symmetric part.

    Raises
    ------
    TypeError
        S is not an array of a supported library, or its dtype is not accepted.
    ValueError
        S is not square or is empty; at the first use: S is asymmetric by more than rounding,
        singular or not positive definite. S counts as singular if its rounding errors determine D:
        the correlation matrix has an eigenvalue below 4 eps of S's dtype, or below 50 sqrt(d) eps
        of the device's widest float, in which S is factored.

    Notes
    -----
    With ``S = C C^T`` (Cholesky), ``D_ij = |C^-1 (x_i - y_j)|^2`` and
    ``dphi/dS = -S^-1 (W^T L W) S^-1``. Mahalanobis 1936, "On the generalised distance in
    statistics".

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> metric = mc.Covariance(np.diag([4.0, 1.0]))
    >>> mc.dist(np.array([[0.0, 0.0], [2.0, 0.0]]), metric=metric)
    array([[0., 1.],
           [1., 0.]])
    """

    __slots__ = ()
    symbol: ClassVar[str] = "S"
    ndim: ClassVar[int] = 2

    def __init__(self, S: ArrayT_co) -> None:
        super().__init__(S)
        validation.check_square(S, self.symbol)

    @classmethod
    def from_points(cls, X: ArrayT, ridge: float = 0.0) -> Covariance[ArrayT]:
        """Return the metric of the covariance of points: the classical Mahalanobis distance.

        Parameters
        ----------
        X : array (n, d)
            Points as rows, n at least 2.
        ridge : float
            A number added to the diagonal, in squared units of X. It makes S definite if there are
            few points or the columns are linearly dependent.

        Returns
        -------
        metric : Covariance
            ``S = sum_i (x_i - mean)(x_i - mean)^T / (n - 1) + ridge I``.

        Raises
        ------
        TypeError, ValueError
            X is not accepted (as in `sqdist`), n is below 2, a variance is outside the range of the
            dtype's normal numbers, or ridge is negative; without a ridge: n is too small for d, or
            columns are constant or linear combinations of others, up to rounding of their values.

        Examples
        --------
        >>> import numpy as np, maha_core as mc
        >>> X = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 4.0], [2.0, 4.0]])
        >>> mc.Covariance.from_points(X).parameter.round(3)
        array([[1.333, 0.   ],
               [0.   , 5.333]])
        """
        backend = validation.backend_for(X, "X")
        points = validation.rows_of_points(backend, X, "X")
        validation.check_ridge(ridge)
        n, d = points.shape
        check_enough_points(n, d, ridge)
        return Covariance(backend.covariance(points, float(ridge)))

    @derived
    def matrix(self) -> ArrayT_co:
        """Return ``S^-1`` ``(d, d)``."""
        A: Array = self.to_factor().parameter
        return A.T @ A

    @derived
    def to_factor(self) -> Factor[ArrayT_co]:
        """Return ``Factor(C^-1)`` for the Cholesky factor C of S."""
        backend = validation.backend_for(self.parameter, self.symbol)
        return Factor(inverse_cholesky(backend, floating(self.parameter)))

    def form(self, backend: Library, parameter: Array) -> CovarianceForm:
        """Return the mathematics of this metric for one call."""
        return CovarianceForm(backend.xp, inverse_cholesky(backend, parameter))


class CovarianceForm(FactorForm):
    """``U = V = W C^-T``: a factor ``A = C^-1`` whose parameter is ``S = C C^T``."""

    turns = False
    curved = True

    def pull(self, W: Array, U: Array, LU: Array) -> Array:
        """``dphi/dS = -S^-1 (W^T L W) S^-1 = -A^T (U^T L U) A``."""
        return -symmetric_part(self.A.T @ (U.T @ LU) @ self.A)

    def one_sided(self, W: Array, U: Array) -> Array:
        return U

    def pull_one_sided(self, W: Array, U: Array, R: Array) -> Array:
        return self.pull(W, U, 2 * R)

    def visibility(self) -> None:
        return None

    def push(self, W: Array, U: Array, tangent: Array) -> Term:
        return Term(U, U @ (self.A @ symmetric_part(tangent) @ self.A.T), -1.0)

    def moved(self, W: Array, dW: Array | None, tangent: Array | None) -> Array:
        """Return ``U_t = W_t A^T``: A stays, and the parameter's part is in `pull_along`."""
        return super().moved(W, dW, None)

    def pull_points_along(self, LU: Array, tangent: Array) -> Array:
        """``-2 (L W) N dS N`` with ``N = S^-1``."""
        return -(self.pull_points(LU) @ symmetric_part(tangent)) @ self.A.T @ self.A

    def pull_along(self, pulled: Array, tangent: Array) -> Array:
        """``N dS N T N + N T N dS N`` with ``T = W^T L W``; what was pulled is ``-N T N``."""
        half = self.A.T @ (self.A @ symmetric_part(tangent)) @ pulled
        return -(half + half.T)

    def columns(self, W: Array, U: Array, index: Index) -> Term:
        k, l = index
        return Term(U @ self.A[:, k], U @ self.A[:, l], -1.0)

    def outer(self, delta: Array) -> Array:
        P = self.operand(delta) @ self.A
        return -P[..., :, None] * P[..., None, :]


def check_enough_points(n: int, d: int, ridge: float) -> None:
    """Raise ValueError where n points of d columns have no covariance, or a singular one."""
    if n < 2:
        raise ValueError(f"X has {n} row(s); a covariance needs at least 2")
    if n <= d and not ridge:
        raise ValueError(
            f"X has {n} points in {d} dimensions, whose covariance is singular; pass a ridge, "
            "e.g. Covariance.from_points(X, ridge=1e-3), or at least d + 1 points"
        )


def inverse_cholesky(backend: Library, S: Array) -> Array:
    """Return ``C^-1`` with ``S = C C^T``, in the device's widest float and then S's dtype."""
    xp = backend.xp
    checks.symmetric(backend, S)
    wide = symmetric_part(backend.widen(S))
    of = definite.correlation(xp, wide)
    level = definite.rounding_level(xp, of.R, S.dtype)
    refuse = partial(collinear.refuse_covariance, xp, wide, of, level)
    checks.positive_definite(backend, of.R, level, refuse)
    identity = xp.eye(S.shape[0], dtype=wide.dtype, device=device_of(wide))
    A = xp.linalg.solve(xp.linalg.cholesky(of.R), identity) / of.deviation[None, :]
    return xp.astype(A, S.dtype, copy=False)
