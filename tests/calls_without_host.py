"""Calls that promise to read nothing from the device, with all kinds of input to them."""

import numpy as np

import maha_core as mc

WIDTHS = {"narrow": 5, "wide": 70}  # one kernel of ours; cuBLAS and its epilogue


def points(gpu, width, dtype="float32", n=150):
    """Points in two far clusters with a duplicate: the guard has work."""
    rng = np.random.default_rng(width)
    X = rng.standard_normal((n, width))
    X[: n // 2] += 1e3
    X[7] = X[9]
    return gpu.asarray(X.astype(dtype))


def metrics(gpu, width, dtype="float32"):
    rng = np.random.default_rng(1)
    A = rng.standard_normal((width, width)).astype(dtype)
    return mc.Factor(gpu.asarray(A)), mc.Diagonal(gpu.asarray(A[0]))


def covariance(gpu, width, dtype="float32"):
    S = np.cov(np.random.default_rng(2).standard_normal((width, 3 * width)))
    return mc.Covariance(gpu.asarray(np.atleast_2d(S).astype(dtype)))


def sqdist(gpu, X, Y, metric):
    return mc.sqdist(X, Y, metric=metric)


def sqdist_out(gpu, X, Y, metric):
    m = X.shape[0] if Y is None else Y.shape[0]
    return mc.sqdist(X, Y, metric=metric, out=gpu.empty((X.shape[0], m), dtype=X.dtype))


def jvp(gpu, X, Y, metric):
    tangent = gpu.ones_like(metric.parameter)
    return mc.jvp(X, Y, metric=metric, metric_tangent=tangent, X_tangent=X)


def vjp(gpu, X, Y, metric):
    m = X.shape[0] if Y is None else Y.shape[0]
    G = gpu.ones((X.shape[0], m), dtype=X.dtype)
    return mc.vjp(X, Y, metric=metric, cotangent=G, wrt=("metric", "X"))


def mlkr(gpu, X, Y, metric):
    loss = mc.losses.MLKR(X[:, 0], None if Y is None else Y[:, 0])
    return mc.value_and_grad(loss, X, Y, metric=metric, wrt=("metric", "X"))


def pairwise(gpu, X, Y, metric):
    loss = mc.losses.Pairwise(lambda D: (D * D, 2 * D), symmetric=True)
    return mc.value_and_grad(loss, X, Y, metric=metric, wrt=("metric", "X"))


def expressed(gpu, X, Y, metric):
    loss = mc.losses.Pairwise(lambda D: D * D, symmetric=True)
    return mc.value_and_grad(loss, X, Y, metric=metric, wrt=("metric", "X"))


CALLS = (sqdist, sqdist_out, jvp, vjp, mlkr, pairwise, expressed)
