"""Uses and misuses of the public functions, read by type checkers and never run.

A line that must be refused says so at its end; every other line must be accepted.
"""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import maha_core as mc

Points = NDArray[np.float64]


class Tensor:
    """An array of a library of its own, which has no more than torch's tensors have."""

    shape: tuple[int, ...]
    ndim: int
    dtype: str

    def __getitem__(self, key: Any) -> "Tensor":
        return self


def the_same_array_comes_out(X: Points, T: Tensor) -> None:
    assert_type(mc.sqdist(X), Points)
    assert_type(mc.sqdist(T), Tensor)
    assert_type(mc.dist(X, X, metric=mc.Factor(X)), Points)
    assert_type(mc.nearest(T, k=3).sqdist, Tensor)
    assert_type(mc.within(T, radius=1.0).sqdist, Tensor)
    assert_type(mc.jacobian(T, metric=mc.Full(T)), Tensor)
    assert_type(mc.jvp(T, X_tangent=T, of="dist"), Tensor)
    assert_type(mc.vjp(T, cotangent=T, wrt="X").X, Tensor | None)
    assert_type(mc.value(mc.losses.MLKR(T), T), Tensor)
    assert_type(mc.kernel_matrix(mc.kernels.Gaussian(), T), Tensor)
    assert_type(mc.KernelOperator(mc.kernels.Laplace(), T) @ T, Tensor)
    assert_type(mc.reduce(mc.reductions.LogSumExp(), T), Tensor)
    value, gradient = mc.value_and_grad(mc.losses.NCA(X), X, wrt=("metric", "X"))
    assert_type(value, Points)
    assert_type(gradient, mc.Gradient[Points])
    X[mc.nearest(X, k=1).index[:, 0]]


def parameters_have_their_own_names(X: Points, T: Tensor) -> None:
    assert_type(mc.Factor(A=T), mc.Factor[Tensor])
    assert_type(mc.Diagonal(w=T).parameter, Tensor)
    assert_type(mc.Full(M=X).to_factor(), mc.Factor[Points])
    assert_type(mc.Covariance(S=T).embed(X), Points)
    assert_type(mc.Covariance.from_points(X), mc.Covariance[Points])


def a_metric_needs_no_type_argument(metric: mc.Factor, X: Points) -> Points:
    return mc.sqdist(X, metric=metric)


def wrong_arrays(X: Points) -> None:
    mc.sqdist([[0.0], [1.0]])  # refused
    mc.sqdist(X, "Y")  # refused
    mc.sqdist(X, pairs=X)  # refused
    mc.Factor(A=[[1.0]])  # refused
    mc.Diagonal(2.0)  # refused
    mc.losses.MLKR("price")  # refused
    mc.losses.NCA([0, 1])  # refused


def wrong_metrics_losses_and_kernels(X: Points) -> None:
    mc.sqdist(X, metric=X)  # refused
    mc.sqdist(X, metric=mc.Factor)  # refused
    mc.value(mc.kernels.Gaussian(), X)  # refused
    mc.value(mc.losses.MLKR, X)  # refused
    mc.kernel_matrix("rbf", X)  # refused
    mc.reduce(mc.losses.MLKR(X), X)  # refused
    mc.losses.Pairwise(2.0)  # refused
    mc.losses.LMNN(X, X, weight="half")  # refused
    mc.reductions.Sum(X)  # refused


def wrong_names_and_options(X: Points) -> None:
    mc.vjp(X, cotangent=X, wrt="x")  # refused
    mc.vjp(X, cotangent=X, wrt=("metric", "values"))  # refused
    mc.vjp(X, cotangent=X, of="sqrt")  # refused
    mc.Factor(parameter=X)  # refused
    mc.nearest(X)  # refused
    mc.nearest(X, k="3")  # refused
    mc.options(precision="high")  # refused
    mc.sqdist(X, X, mc.Full(X))  # refused
