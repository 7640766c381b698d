"""What docs/accuracy.md promises, as the largest error that an entry may have."""

import numpy as np

import cancelling
import oracle
from closeness import EPS

DISTANCE = {"float64": 1e-9, "float32": 1e-5}
GRADIENT = {"float64": 1e-8, "float32": 1e-3}
SOME = 50
"""So many eps are "some eps"."""


def distances(problem):
    """Return D ``(n, m)`` and the error of each entry, of the promise's table."""
    X, Y, form, parameter, dtype = problem
    D = oracle.sqdist(X, Y, form, parameter)
    lost = cancelling.cancellation(X, Y, form, parameter)
    allowed = DISTANCE[dtype] * (lost if form in ("full", "diagonal") else D)
    if form == "factor":
        allowed = allowed + 20 * EPS[dtype] * lost
    if form == "covariance":
        allowed = allowed + of_covariance(parameter, dtype) * D
    columns = max(X.shape[1], 1 if parameter is None else len(parameter))
    return D, allowed + columns * float(np.finfo(dtype).smallest_normal)


def of_covariance(S, dtype):
    """Return the relative error of D by the factorisation of S and the rounding of its factor."""
    deviation = np.sqrt(np.diag(S).astype(float))
    smallest = np.linalg.eigvalsh(S / deviation / deviation[:, None])[0]
    root = np.sqrt(len(S))
    return 0.4 * root * (EPS["float64"] / smallest + EPS[dtype] / np.sqrt(smallest)) + EPS[dtype]


def absolute_metric(form, parameter, d):
    """Return what stands for |Ms| in the terms of a product, ``(d, d)``."""
    if form == "factor":
        A = np.abs(oracle.exact(parameter))
        return A.T @ A
    if form == "covariance":
        A = np.abs(oracle.inverse(np.linalg.cholesky(parameter.astype(float))))
        return A.T @ A
    return np.abs(oracle.symmetric_matrix(form, parameter, d))


def absolute_tangent(form, parameter, tangent):
    """Return the same of the form that a direction of the parameter gives."""
    T = np.abs(oracle.exact(tangent))
    if form == "factor":
        return 2 * np.abs(oracle.exact(parameter)).T @ T
    if form == "diagonal":
        return np.diag(T)
    if form == "full":
        return (T + T.T) / 2
    M = absolute_metric(form, parameter, len(T))
    return M @ (T + T.T) @ M / 2


def centred(points, X):
    """Return |w|, the points as they are in a product: less X's centre, which is rounded."""
    W = oracle.exact(points)
    if not len(W) or not len(X):
        return np.abs(W)
    eps = EPS[points.dtype.name if points.dtype.kind == "f" else "float64"]
    return np.abs(W - oracle.exact(X).mean(axis=0)) + 2 * eps * np.abs(oracle.exact(X)).max(axis=0)


def sizes(X, Y, listed):
    """Return what stands for |d| in the terms of a pair, ``(n, m, d)``: |d| itself if listed."""
    if listed:
        return np.abs(oracle.differences(X, Y))
    return centred(X, X)[:, None, :] + centred(X if Y is None else Y, X)[None, :, :]


def form(left, M, right):
    """Return ``left^T M right`` of every pair."""
    return ((left @ M) * right).sum(axis=2)
