"""The system ``(K + ridge / w) alpha = Y`` of kernel machines, solved without K where n is large.

Up to `DIRECT` points K is made on the host in float64, and solved by Cholesky; above, it is never
made: conjugate gradients on `KernelOperator`, where the points are, with Nystroem's preconditioner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, LinAlgWarning, cho_factor, cho_solve
from sklearn.exceptions import ConvergenceWarning

from maha_core.arrays import namespace
from maha_core.blas import one_thread
from maha_core.kernel_matrices import kernel_matrix
from maha_core.kernel_operator import KernelOperator
from maha_core.kernels import Kernel
from maha_core.learn.conjugate_gradients import Solved, conjugate_gradients
from maha_core.learn.host import computed, like, to_host
from maha_core.learn.nystroem import nystroem
from maha_core.learn.user_line import warn
from maha_core.metrics import Metric

Array = Any
Matrix = NDArray[np.float64]

DIRECT = 4096
"""The most points whose K is made: 128 MiB in float64, and its factor as much again."""


@dataclass(frozen=True)
class System:
    """The symmetric system ``(S K S + ridge I) b = S Y`` with ``alpha = S b``.

    Parameters
    ----------
    kernel : Kernel
    X : array (n, d)
        The points of K, of any library.
    metric : Metric or None
    ridge : float
    sample_weight : array (n,) or None
        Weights w of the points, of X's library; S is diag(sqrt(w)), so that points of weight 0
        have no effect.
    name : str
        The estimator's name, for warnings.
    """

    kernel: Kernel
    X: Array
    metric: Metric | None
    ridge: float
    sample_weight: Array | None
    name: str

    def solve(self, Y: Array, *, tol: float, max_iter: int, start: Array | None = None) -> Solved:
        """Return alpha ``(n, c)``, in the library and dtype of X (of its chunks, beside Dask).

        Parameters
        ----------
        Y : array (n, c)
            Right sides.
        tol : float
            The relative residual at which conjugate gradients stop.
        max_iter : int
            Most iterations of conjugate gradients.
        start : array (n, c), optional
            Where they start.

        Warns
        -----
        LinAlgWarning
            The matrix is singular, and a ridge was added.
        ConvergenceWarning
            The residual is larger than `tol`.
        """
        (Y,) = computed(Y)
        n = int(self.X.shape[0])
        with one_thread():
            found = self._direct(Y) if n <= DIRECT else self._iterated(Y, tol, max_iter, start)
        if not found.residual <= tol:
            warn(f"{self.name} {self._too_large(found, tol, n)}", ConvergenceWarning)
        return found

    # ------------------------------------------------------------------------------- by Cholesky

    def _direct(self, Y: Array) -> Solved:
        """Solve on the host in float64, and return the residual in Y's dtype, too."""
        (right,) = _wide(Y)
        scale = self._scale_on_host()
        K = self._matrix()
        A = K if self.sample_weight is None else scale * K * scale.T
        solution, ridge = self._by_cholesky(A, scale * right, _eps(Y))
        dual = scale * solution
        kept = like(dual, Y)
        (rounded,) = _wide(kept)
        left = scale * (right - K @ rounded)
        left -= ridge * np.divide(rounded, scale, out=np.zeros_like(rounded), where=scale > 0)
        return Solved(kept, _relative(left, scale * right), 1)

    def _matrix(self) -> Matrix:
        (X,) = _wide(self.X)
        return np.asarray(kernel_matrix(self.kernel, X, metric=on_host(self.metric)))

    def _by_cholesky(self, A: Matrix, right: Matrix, eps: float) -> tuple[Matrix, float]:
        """Return the solution, and the ridge with which there is one."""
        ridge, n, size = self.ridge, len(A), float(np.max(np.diag(A)))
        found = _cholesky(A, ridge, n * np.finfo(np.float64).eps * size)
        if found is None:
            ridge += float(np.sqrt(eps)) * size
            warn(
                f"{self.name} met a singular matrix, as equal points and alpha={self.ridge:g} make "
                f"it, and was solved with {ridge:.3g} in place of alpha: write a larger alpha, or "
                "leave out points that repeat others",
                LinAlgWarning,
            )
            found = _cholesky(A, ridge, 0.0)
        if found is None:
            raise ValueError(
                f"kernel is not positive definite on these points: K + {ridge:.3g} I has no "
                "Cholesky factor; write another kernel, or a larger alpha"
            )
        return np.asarray(cho_solve(found, right)), ridge

    # --------------------------------------------------------------------- by conjugate gradients

    def _iterated(self, Y: Array, tol: float, max_iter: int, start: Array | None) -> Solved:
        K = KernelOperator(self.kernel, self.X, metric=self.metric)
        scale = self._scale(Y)
        precondition = nystroem(self.kernel, self.X, self.metric, self.ridge, scale)

        def product(P: Array) -> Array:
            (found,) = computed(K @ (P if scale is None else scale * P))
            return (found if scale is None else scale * found) + self.ridge * P

        found = conjugate_gradients(
            product,
            Y if scale is None else scale * Y,
            precondition=precondition or (lambda R: R),
            start=None if start is None else _divided(start, scale),
            tol=tol,
            max_iter=max_iter,
        )
        if scale is None:
            return found
        return Solved(scale * found.solution, found.residual, found.n_iter)

    def _scale(self, Y: Array) -> Array | None:
        """Return S as a column, in Y's library."""
        if self.sample_weight is None:
            return None
        (weight,) = computed(self.sample_weight)
        return namespace(Y).sqrt(weight)[:, None]

    def _scale_on_host(self) -> Matrix:
        if self.sample_weight is None:
            return np.ones((int(self.X.shape[0]), 1))
        (weight,) = _wide(self.sample_weight)
        return np.asarray(np.sqrt(weight)[:, None])

    def _too_large(self, found: Solved, tol: float, n: int) -> str:
        where = f"after {found.n_iter} iterations" if n > DIRECT else f"in {found.solution.dtype}"
        return (
            f"has a relative residual of {found.residual:.2g} {where}, more than {tol:.2g}; write "
            "a larger alpha, tol or max_iter, or take X in float64"
        )


def on_host(metric: Metric | None) -> Metric | None:
    """Return a metric with its array on the host in float64."""
    return None if metric is None else type(metric)(_wide(metric.parameter)[0])


def _cholesky(A: Matrix, ridge: float, level: float) -> Any:
    """Return the factor of ``A + ridge I`` for `cho_solve`, None if it is singular or indefinite.

    Pivots whose squares are not above the level are rounding errors.
    """
    raised = A.copy()
    raised[np.diag_indices_from(raised)] += ridge
    try:
        # The transposed matrix is the same one, in the order that LAPACK needs no copy of.
        found = cho_factor(raised.T, lower=True, overwrite_a=True, check_finite=False)
    except LinAlgError:
        return None
    return found if np.min(np.diag(found[0])) ** 2 > level else None


def _relative(R: Matrix, B: Matrix) -> float:
    sizes = np.linalg.norm(B, axis=0)
    return float(np.max(np.linalg.norm(R, axis=0) / np.where(sizes > 0, sizes, 1.0), initial=0.0))


def _divided(alpha: Array, scale: Array | None) -> Array:
    """Return ``S^-1 alpha``, 0 for points of weight 0."""
    if scale is None:
        return alpha
    xp = namespace(alpha)
    one = xp.ones_like(scale)
    return xp.where(scale > 0, alpha, 0 * alpha) / xp.where(scale > 0, scale, one)


def _wide(*values: Array) -> list[Matrix]:
    return [np.asarray(value, dtype=np.float64) for value in to_host(*values)]


def _eps(values: Array) -> float:
    return float(namespace(values).finfo(values.dtype).eps)
