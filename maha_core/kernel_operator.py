"""The matrix of a kernel as a linear operator: products without storing the matrix."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan
from typing import TYPE_CHECKING, Any, Generic

from maha_core.array_types import ArrayT, ArrayT_co
from maha_core.arrays import device_of, is_array, namespace
from maha_core.call import prepare
from maha_core.distance import sqdist
from maha_core.kernel_matrices import check_kernel
from maha_core.reducing import reduce
from maha_core.reductions import PointData, Sum

if TYPE_CHECKING:
    from maha_core.array_types import ArrayProtocol
    from maha_core.kernels import Kernel
    from maha_core.metrics import Metric

Array = Any


class KernelOperator(Generic[ArrayT_co]):
    """The matrix ``K_ij = k(D_ij)`` of a kernel as a linear operator; K is never stored.

    Parameters
    ----------
    kernel : maha_core.kernels.Kernel
        A kernel, such as ``maha_core.kernels.Gaussian()``.
    X : array (n, d)
        Points as rows, as in `sqdist`.
    Y : array (m, d), optional
        Other points. If not given, Y is X, and the diagonal is ``k(0)``.
    metric : Full, Factor, Diagonal or Covariance, optional
        The metric, which holds the length scales; the Euclidean one if not given.

    Attributes
    ----------
    shape : tuple of int
        (n, m).
    dtype
        That of X (integers are taken as the widest float).
    ndim : int
        2.

    Raises
    ------
    TypeError, ValueError
        As in `kernel_matrix`; a product also raises where its other factor does not fit.

    Notes
    -----
    A product takes time O(n m (k + c)) for a metric of k rows and c columns of the other factor,
    and memory O((n + m)(d + c)) and a few tiles. It uses the `options` in force when it is
    computed. Where X is a NumPy array, SciPy's iterative solvers accept the operator, and
    ``scipy.sparse.linalg.aslinearoperator`` converts it to SciPy's class, which can be added to
    other operators.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X, b = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 0.0, -1.0])
    >>> K = mc.KernelOperator(mc.kernels.Gaussian(), X)
    >>> (K @ b).round(4)
    array([ 0.8647,  0.    , -0.8647])
    >>> K.T.shape, K.diagonal()
    ((3, 3), array([1., 1., 1.]))
    """

    ndim = 2

    def __init__(
        self,
        kernel: Kernel,
        X: ArrayT_co,
        Y: ArrayProtocol | None = None,
        *,
        metric: Metric | None = None,
    ) -> None:
        check_kernel(kernel)
        problem = prepare(X, Y, metric).problem
        self.kernel = kernel
        self.X, self.Y, self.metric = problem.X, problem.Y, metric
        self.shape = (problem.n, problem.m)
        self.dtype = problem.X.dtype

    def __repr__(self) -> str:
        n, m = self.shape
        return f"KernelOperator({self.kernel!r}, {n} x {m})"

    def __matmul__(self, B: ArrayT) -> ArrayT:
        """Return ``K B`` for B ``(m,)`` or ``(m, c)``, of X's library."""
        return self._product(B, "B")

    __array_ufunc__ = None  # so that ``array @ operator`` calls `__rmatmul__`

    def __rmatmul__(self, B: ArrayT) -> ArrayT:
        """Return ``B K`` for B ``(n,)`` or ``(c, n)``."""
        if not is_array(B) or B.ndim == 1:
            return self.T @ B
        transposed: Array = B
        return (self.T @ transposed.T).T

    @property
    def T(self) -> KernelOperator[Any]:
        """The transposed matrix."""
        if self.Y is None:
            return self
        return KernelOperator(self.kernel, self.Y, self.X, metric=self.metric)

    @property
    def H(self) -> KernelOperator[Any]:
        """The adjoint, which is the transposed matrix."""
        return self.T

    def adjoint(self) -> KernelOperator[Any]:
        """Return the transposed matrix."""
        return self.T

    def transpose(self) -> KernelOperator[Any]:
        """Return the transposed matrix."""
        return self.T

    def matvec(self, b: ArrayT) -> ArrayT:
        """Return ``K b`` for b ``(m,)`` or ``(m, 1)``."""
        _check(b, "b", _is_column, "(m,) or (m, 1)")
        return self._product(b, "b")

    def matmat(self, B: ArrayT) -> ArrayT:
        """Return ``K B`` for B ``(m, c)``."""
        _check(B, "B", _is_matrix, "(m, c)")
        return self._product(B, "B")

    def rmatvec(self, b: ArrayT) -> ArrayT:
        """Return ``K^T b`` for b ``(n,)`` or ``(n, 1)``."""
        return self.T.matvec(b)

    def rmatmat(self, B: ArrayT) -> ArrayT:
        """Return ``K^T B`` for B ``(n, c)``."""
        return self.T.matmat(B)

    def diagonal(self) -> ArrayT_co:
        """Return the entries ``K_ii`` for i below n and m; all are ``k(0)`` without Y.

        Raises
        ------
        ValueError
            Y is given, and the number of points of a Dask array is not known.
        """
        if self.Y is None:
            return self.kernel(self.X[:, 0] * 0)
        if any(map(isnan, self.shape)):
            raise ValueError(
                f"K of shape {self.shape} has a diagonal of unknown length; write "
                "compute_chunk_sizes() on X and Y first"
            )
        i = namespace(self.X).arange(min(self.shape), device=device_of(self.X))
        return self.kernel(sqdist(self.X, self.Y, metric=self.metric, pairs=(i, i)))

    def _product(self, B: Array, argument: str) -> Array:
        width = B.shape[1:] if is_array(B) and B.ndim == 2 else ()
        shape, why = (self.shape[1], *width), f"K of shape {self.shape}"
        B = prepare(self.X, self.Y, self.metric).finite_operand(B, argument, shape, why)
        return reduce(_Product(self.kernel, B, argument), self.X, self.Y, metric=self.metric)


class _Product(Sum):
    """The sum of a kernel times B; error messages call the values B, as the user does."""

    def __init__(self, kernel: Kernel, B: Array, argument: str) -> None:
        super().__init__(kernel, B)
        self.argument = argument

    def point_data(self) -> tuple[PointData, ...]:
        """Return B."""
        return tuple(given._replace(columns_name=self.argument) for given in super().point_data())


def _is_column(shape: tuple[int, ...]) -> bool:
    """Tell whether an array is a vector, or a matrix of one column."""
    return len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)


def _is_matrix(shape: tuple[int, ...]) -> bool:
    """Tell whether an array is a matrix."""
    return len(shape) == 2


def _check(B: Array, argument: str, fits: Callable[[Any], bool], wanted: str) -> None:
    """Raise ValueError for an array whose axes do not fit this product."""
    if is_array(B) and not fits(B.shape):
        raise ValueError(f"{argument} has shape {tuple(B.shape)}; this product asks for {wanted}")
