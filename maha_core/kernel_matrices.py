"""The matrix of a kernel between all points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core.batches import given, is_batch, over_members
from maha_core.call import prepare
from maha_core.distance import check_out
from maha_core.kernels import Kernel
from maha_core.sweeps.kernel_matrices import KernelMatrix

if TYPE_CHECKING:
    from maha_core.array_types import ArrayProtocol, ArrayT
    from maha_core.metrics import Metric

Array = Any


def kernel_matrix(
    kernel: Kernel,
    X: ArrayT,
    Y: ArrayProtocol | None = None,
    *,
    metric: Metric | None = None,
    out: ArrayT | None = None,
) -> ArrayT:
    """Return the matrix of a kernel, ``K_ij = k(D_ij)`` with D as in `sqdist`.

    Parameters
    ----------
    kernel : maha_core.kernels.Kernel
        A kernel, such as ``maha_core.kernels.Gaussian()``, or ``maha_core.kernels.Kernel(f)`` for
        any function f of D.
    X : array (n, d)
        Points as rows, as in `sqdist`.
    Y : array (m, d), optional
        Other points. If not given, Y is X: the result is exactly symmetric, and its diagonal is
        ``k(0)``.
    metric : Full, Factor, Diagonal or Covariance, optional
        The metric, which holds the length scales; the Euclidean one if not given.
    out : array (n, m), optional
        Where to write the result, in libraries whose arrays can be written.

    Returns
    -------
    K : array (n, m)
        In X's library, device and dtype.

    Raises
    ------
    TypeError
        `kernel` is not a kernel, or an argument is not an array that `sqdist` accepts.
    ValueError
        As in `sqdist`; also where the metric makes a squared distance negative, as in `dist`.
    MemoryError
        K cannot fit in memory.

    Notes
    -----
    The kernel is applied to each tile of D as soon as it is computed, so that no second matrix is
    stored.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X = np.array([[0.0, 0.0], [3.0, 4.0]])
    >>> mc.kernel_matrix(mc.kernels.Laplace(), X, metric=mc.Diagonal(np.array([1.0, 0.0]))).round(4)
    array([[1.    , 0.0498],
           [0.0498, 1.    ]])
    """
    check_kernel(kernel)
    if is_batch(X, Y, metric):

        def member(X: Array, Y: Array | None, metric: Metric | None) -> Array:
            return kernel_matrix(kernel, X, Y, metric=metric)

        return over_members(member, X, Y, metric, alone=given(out=out))
    call = prepare(X, Y, metric)
    problem = call.problem
    if out is not None:
        check_out(call, out, (problem.n, problem.m))
    return call.backend.run(problem, KernelMatrix(kernel.expression, out))


def check_kernel(kernel: object) -> None:
    """Raise TypeError for a value that is not a kernel."""
    if isinstance(kernel, Kernel):
        return
    if isinstance(kernel, type) and issubclass(kernel, Kernel):
        advice = f"write {kernel.__name__}() for the kernel instead of its class"
    elif callable(kernel):
        advice = "write maha_core.kernels.Kernel(f) for a function f(D)"
    else:
        advice = "write e.g. maha_core.kernels.Gaussian()"
    raise TypeError(f"kernel must be a kernel of maha_core.kernels; got {kernel!r:.80}: {advice}")
