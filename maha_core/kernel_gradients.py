"""Gradients of sums of kernels at given points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core.call import prepare
from maha_core.expressions import derivative
from maha_core.kernel_matrices import check_kernel
from maha_core.kernels.base import DISTANCE
from maha_core.sweeps.kernel_gradients import KernelGradient

if TYPE_CHECKING:
    from maha_core.array_types import ArrayProtocol, ArrayT
    from maha_core.kernels import Kernel
    from maha_core.metrics import Metric

Array = Any


def kernel_gradient(
    kernel: Kernel,
    X: ArrayT,
    Y: ArrayProtocol,
    *,
    values: ArrayProtocol,
    metric: Metric | None = None,
) -> ArrayT:
    """Return the gradient of ``f(x) = sum_j k(x, y_j) b_j`` at every point of X.

    Parameters
    ----------
    kernel : maha_core.kernels.Kernel
        A kernel, such as ``maha_core.kernels.Gaussian()``.
    X : array (n, d)
        The points at which the gradient is computed, as rows.
    Y : array (m, d)
        The points over which the sum runs.
    values : array (m,) or (m, c)
        b: a number or a vector for each point of Y.
    metric : Full, Factor, Diagonal or Covariance, optional
        The metric, which holds the length scales; the Euclidean one if not given.

    Returns
    -------
    gradient : array (n, d) or (n, c, d)
        ``2 sum_j k'(D_ij) b_jc Ms (x_i - y_j)``, in X's library, device and dtype.

    Raises
    ------
    TypeError, ValueError
        As in `kernel_matrix`; ValueError where there is no Y.

    Notes
    -----
    Time O(n m k c) for a metric of k rows; memory for the result and a few tiles. Where x_i equals
    y_j, a derivative of k that is not finite counts as 0. Pairs that are much closer to each other
    than the points are spread enter by their differences.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X, Y, b = np.array([[0.0], [1.0]]), np.array([[0.0]]), np.array([1.0])
    >>> mc.kernel_gradient(mc.kernels.Gaussian(), X, Y, values=b).round(4)
    array([[ 0.    ],
           [-0.6065]])
    """
    check_kernel(kernel)
    if Y is None:
        raise ValueError(
            "Y must be the points of the sum; got None: pass X itself for its own points"
        )
    call = prepare(X, Y, metric)
    problem = call.problem
    vectors = getattr(values, "ndim", 1) == 2
    shape = (problem.m, values.shape[1]) if vectors else (problem.m,)
    b = call.finite_operand(values, "values", shape, f"Y with {problem.m} points")
    with call.backend.on_device_of(problem.X):
        b = b if vectors else b[:, None]
    slope = derivative(kernel.expression, DISTANCE)
    found = call.backend.run(problem, KernelGradient(slope, b))
    return found if vectors else found[:, 0, :]
