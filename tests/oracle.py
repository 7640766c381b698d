"""Brute force in extended precision, from the definition of D and nothing of maha_core.

A metric is a form's name and its one parameter: ("euclidean", None), ("full", M), ("factor", A),
("diagonal", w), ("covariance", S). Every function takes complex input too, so that a complex step
(`complex_step`) differentiates it to the last digit; test_oracle.py holds the closed forms of the
derivatives below against it.

Without Y (`Y=None`) the points meet themselves, and X takes both roles.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

FORMS = ("euclidean", "full", "factor", "diagonal", "covariance")
PARAMETRIC = FORMS[1:]


# ------------------------------------------------------------------------------------- distances


def exact(values):
    """Convert to longdouble (or complex longdouble) without rounding."""
    values = np.asarray(values)
    return values.astype(np.clongdouble if values.dtype.kind == "c" else np.longdouble)


def differences(X, Y=None):
    """Return d_ij = x_i - y_j, (n, m, d)."""
    X = exact(X)
    Y = X if Y is None else exact(Y)
    return X[:, None, :] - Y[None, :, :]


def symmetric_matrix(form, parameter, d):
    """Return the symmetric M (d, d) of a metric."""
    if form == "euclidean":
        return np.eye(d, dtype=np.longdouble)
    parameter = exact(parameter)
    if form == "full":
        return (parameter + parameter.T) / 2
    if form == "factor":
        return parameter.T @ parameter
    if form == "diagonal":
        return np.diag(parameter)
    symmetric = (parameter + parameter.T) / 2
    return _inverse_of_bytes(symmetric.tobytes(), symmetric.dtype, d)


@lru_cache(maxsize=64)
def _inverse_of_bytes(data, dtype, size):
    return inverse(np.frombuffer(data, dtype).reshape(size, size))


def sqdist(X, Y, form, parameter):
    """Return D (n, m)."""
    delta = differences(X, Y)
    if form == "factor":  # A^T A would square what cancels in A
        Z = delta @ exact(parameter).T
        return (Z * Z).sum(axis=2)
    return ((delta @ symmetric_matrix(form, parameter, delta.shape[2])) * delta).sum(axis=2)


def magnitude(X, Y, form, parameter):
    """Return |d|^T |Ms| |d| (n, m): what rounding errors of D are relative to."""
    delta = np.abs(differences(X, Y))
    return ((delta @ np.abs(symmetric_matrix(form, parameter, delta.shape[2]))) * delta).sum(axis=2)


def inverse(matrix):
    """Invert by Gauss-Jordan elimination with pivoting, in the precision of the input."""
    size = len(matrix)
    work = np.concatenate([matrix, np.eye(size, dtype=matrix.dtype)], axis=1)
    for k in range(size):
        pivot = k + np.argmax(np.abs(work[k:, k]))
        work[[k, pivot]] = work[[pivot, k]]
        work[k] /= work[k, k]
        others = np.arange(size) != k
        work[others] -= work[others, k, None] * work[k]
    return work[:, size:]


# ----------------------------------------------------------------------------------- derivatives


class RankOne(NamedTuple):
    """dD_ij/dparameter = factor * u_ij v_ij^T, or factor * u_ij * v_ij for a vector parameter."""

    factor: int
    u: np.ndarray
    v: np.ndarray
    diagonal: bool


def rank_one(X, Y, form, parameter):
    """Return the derivative of every D_ij by the metric's parameter."""
    delta = differences(X, Y)
    if form in ("full", "diagonal"):
        return RankOne(1, delta, delta, form == "diagonal")
    if form == "factor":
        return RankOne(2, delta @ exact(parameter).T, delta, False)
    solved = delta @ symmetric_matrix(form, parameter, delta.shape[2])
    return RankOne(-1, solved, solved, False)


def jacobian(X, Y, form, parameter):
    """Return dD/dparameter, (n, m) + parameter.shape."""
    factor, u, v, diagonal = rank_one(X, Y, form, parameter)
    return factor * (u * v if diagonal else u[..., :, None] * v[..., None, :])


def point_slope(X, Y, form, parameter):
    """Return 2 Ms d_ij, (n, m, d): dD_ij by x_i, and minus dD_ij by y_j."""
    delta = differences(X, Y)
    return 2 * delta @ symmetric_matrix(form, parameter, delta.shape[2])


def jvp(X, Y, form, parameter, *, metric=None, dX=None, dY=None):
    """Return dD (n, m) for the given tangents."""
    total = np.zeros(differences(X, Y).shape[:2], dtype=np.longdouble)
    if metric is not None:
        factor, u, v, diagonal = rank_one(X, Y, form, parameter)
        pushed = v * exact(metric) if diagonal else v @ exact(metric).T
        total = total + factor * (u * pushed).sum(axis=2)
    slope = point_slope(X, Y, form, parameter)
    if dX is not None:
        total = total + (slope * exact(dX)[:, None, :]).sum(axis=2)
        if Y is None:
            total = total - (slope * exact(dX)[None, :, :]).sum(axis=2)
    if dY is not None:
        total = total - (slope * exact(dY)[None, :, :]).sum(axis=2)
    return total


@np.errstate(under="ignore")
def pullback(G, X, Y, form, parameter):
    """Return {"metric", "X", "Y"}: the gradients of sum G_ij D_ij."""
    G = exact(G)
    result = {"metric": None, "X": None, "Y": None}
    if form != "euclidean":
        factor, u, v, diagonal = rank_one(X, Y, form, parameter)
        if diagonal:
            result["metric"] = factor * (G[..., None] * u * v).sum(axis=(0, 1))
        else:
            pulled = (G[..., None] * u).reshape(-1, u.shape[2]).T @ v.reshape(-1, v.shape[2])
            result["metric"] = factor * pulled
    by_point = G[..., None] * point_slope(X, Y, form, parameter)
    result["X"] = by_point.sum(axis=1) - (by_point.sum(axis=0) if Y is None else 0)
    if Y is not None:
        result["Y"] = -by_point.sum(axis=0)
    return result


def pullback_magnitude(G, X, Y, form, parameter):
    """Return what rounding errors of a pullback are relative to, a scalar per gradient."""
    G = np.abs(exact(G))
    points = (G * np.abs(point_slope(X, Y, form, parameter)).max(axis=2, initial=0)).sum()
    result = {"X": points, "Y": points, "metric": None}
    if form != "euclidean":
        factor, u, v, _ = rank_one(X, Y, form, parameter)
        sizes = np.abs(u).max(axis=2, initial=0) * np.abs(v).max(axis=2, initial=0)
        result["metric"] = abs(factor) * (G * sizes).sum()
    return result


def complex_step(function, at, direction):
    """Return the derivative of an analytic function of one real array along a direction."""
    step = np.longdouble(10) ** -30
    return function(exact(at) + 1j * step * exact(direction)).imag / step


def central(function, at, direction, step):
    """Return the central difference of a function of one real array along a direction."""
    at, move = exact(at), step * exact(direction)
    return (function(at + move) - function(at - move)) / (2 * np.longdouble(step))


# ---------------------------------------------------------------------------------------- losses


@np.errstate(under="ignore")
def softmax_rows(D, self_pairs):
    """Return p_ij proportional to exp(-D_ij), without j = i unless there are self-pairs."""
    left_out = np.zeros(D.shape, bool) if self_pairs else np.eye(*D.shape, dtype=bool)
    nearest = np.where(left_out, np.inf, D.real).min(axis=1, keepdims=True, initial=np.inf)
    weights = np.exp(np.where(left_out, 0, nearest - D)) * ~left_out
    return weights / weights.sum(axis=1, keepdims=True)


@np.errstate(under="ignore")
def mlkr(D, y, y_Y=None, weight=None):
    """Return MLKR's value from D, by the definition."""
    predicted = softmax_rows(D, y_Y is not None) @ exact(y if y_Y is None else y_Y)
    return (_weights(weight, len(D)) * (predicted - exact(y)) ** 2).sum()


@np.errstate(under="ignore")
def mlkr_cotangent(D, y, y_Y=None, weight=None):
    """Return dphi/dD of MLKR: 2 w_i (y_i - yhat_i) p_ij (y_j - yhat_i)."""
    p = softmax_rows(D, y_Y is not None)
    targets = exact(y if y_Y is None else y_Y)
    predicted = p @ targets
    outer = 2 * _weights(weight, len(D)) * (exact(y) - predicted)
    return outer[:, None] * p * (targets[None, :] - predicted[:, None])


def nca(D, labels, labels_Y=None, weight=None, *, log=False):
    """Return NCA's value from D, by the definition; rows without a partner of their class add 0."""
    same = labels[:, None] == (labels if labels_Y is None else labels_Y)[None, :]
    if labels_Y is None:
        same = same & ~np.eye(len(labels), dtype=bool)
    right = (softmax_rows(D, labels_Y is not None) * same).sum(axis=1)
    there = same.any(axis=1)
    terms = np.log(np.where(there, right, 1)) if log else right
    return -(_weights(weight, len(D)) * terms).sum()


def lmnn(D, labels, targets, mu=0.5, margin=1.0, weight=None):
    """Return LMNN's value from D, triple by triple."""
    total = 0
    for i, w in enumerate(_weights(weight, len(D))):
        for j in targets[i]:
            total = total + w * mu * D[i, j]
            for l in range(len(D)):
                slack = margin + D[i, j] - D[i, l]
                if labels[l] != labels[i] and slack.real > 0:
                    total = total + w * (1 - mu) * slack
    return total


def contrastive(D, i, j, same, margin=1.0, weight=None):
    """Return the contrastive loss of listed pairs from D."""
    d = np.sqrt(D[i, j])
    apart = np.where(d.real < margin, margin - d, 0) ** 2
    return (_weights(weight, len(D))[i] * np.where(same, d * d, apart)).sum()


def triplet(D, anchor, positive, negative, margin=1.0, weight=None):
    """Return the triplet loss of listed triples from D."""
    slack = margin + D[anchor, positive] - D[anchor, negative]
    return (_weights(weight, len(D))[anchor] * np.where(slack.real > 0, slack, 0)).sum()


def _weights(weight, n):
    return np.ones(n, dtype=np.longdouble) if weight is None else exact(weight)


# ------------------------------------------------------------------------------------------ data


def parameter(form, d, rng, dtype=np.float64, k=None):
    """Return a well-conditioned parameter of a form for points of d columns."""
    if form == "euclidean":
        return None
    scale = 1 / np.sqrt(d)
    if form == "full":
        return (rng.standard_normal((d, d)) * scale).astype(dtype)  # indefinite, not symmetric
    if form == "factor":
        k = max(1, d - 1) if k is None else k
        return (rng.standard_normal((k, d)) * scale).astype(dtype)
    if form == "diagonal":
        return rng.standard_normal(d).astype(dtype)  # of any sign
    root = rng.standard_normal((d, d)) * scale
    S = (root @ root.T + np.eye(d)).astype(dtype)
    return (S + S.T) / 2
