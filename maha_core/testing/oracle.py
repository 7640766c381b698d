"""Brute force in extended precision, from definitions, with NumPy alone and nothing of maha_core.

A metric is the name of its form and its one parameter. Derivatives of D are closed forms;
derivatives of functions of D are complex steps, exact to rounding without any cancellation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Values = np.ndarray[Any, Any]
RowTerms = Callable[[Values], Values]
"""From D ``(n, m)``, real or complex, to a term per row ``(n,)`` of which entry i needs row i."""

FORMS = ("euclidean", "full", "factor", "diagonal", "covariance")
STEP = 1e-30


def exact(values: Any) -> Values:
    """Return real numbers in the longest dtype, without rounding."""
    return np.asarray(values).astype(np.longdouble)


# --- D and its derivatives -------------------------------------------------------------------


def differences(X: Values, Y: Values) -> Values:
    """Return ``x_i - y_j (n, m, d)``."""
    return np.asarray(exact(X)[:, None, :] - exact(Y)[None, :, :])


def matrix(form: str, parameter: Values | None, d: int) -> Values:
    """Return the symmetric matrix of a metric ``(d, d)``."""
    if parameter is None:
        return np.eye(d, dtype=np.longdouble)
    given = exact(parameter)
    if form == "full":
        return np.asarray((given + given.T) / 2)
    if form == "factor":
        return np.asarray(given.T @ given)
    if form == "diagonal":
        return np.diag(given)
    return inverse(given)


def inverse(S: Values) -> Values:
    """Return the inverse of a well-conditioned symmetric matrix."""
    found = np.linalg.inv(S.astype(np.float64)).astype(np.longdouble)
    refined = found @ (2 * np.eye(len(S)) - S @ found)  # one step of Newton's iteration
    return np.asarray((refined + refined.T) / 2)


def sqdist(X: Values, Y: Values, M: Values) -> Values:
    """Return D ``(n, m)``."""
    delta = differences(X, Y)
    return np.asarray(((delta @ M) * delta).sum(axis=2))


def jacobian(form: str, parameter: Values, delta: Values, M: Values) -> Values:
    """Return the derivative of D by the parameter, ``(n, m) + parameter.shape``."""
    if form == "diagonal":
        return np.asarray(delta**2)
    if form == "full":
        return np.asarray(delta[..., :, None] * delta[..., None, :])
    if form == "factor":
        mapped = delta @ exact(parameter).T
        return np.asarray(2 * mapped[..., :, None] * delta[..., None, :])
    solved = delta @ M
    return np.asarray(-solved[..., :, None] * solved[..., None, :])


# --- functions of D --------------------------------------------------------------------------


def slope(f: Callable[[Values], Values], D: Values) -> Values:
    """Return the derivative of a function that is applied entry by entry."""
    return np.asarray(f(D + 1j * STEP).imag / STEP)


def cotangent(terms: RowTerms, D: Values) -> Values:
    """Return the derivative ``(n, m)`` of the sum of all rows' terms by every entry of D."""
    columns = []
    for j in range(D.shape[1]):
        moved = D.astype(np.clongdouble)
        moved[:, j] += 1j * STEP
        columns.append(terms(moved).imag / STEP)
    return np.stack(columns, axis=1) if columns else np.zeros(D.shape, np.longdouble)


def gradient(f: Callable[[Values], Any], at: Values) -> Values:
    """Return the derivative of a number by every entry of an array."""
    found = np.zeros(at.shape, dtype=np.longdouble)
    for index in np.ndindex(at.shape):
        moved = at.astype(np.clongdouble)
        moved[index] += 1j * STEP
        found[index] = f(moved).imag / STEP
    return found


# --- sums over rows --------------------------------------------------------------------------


def softmax(e: Values, counted: Values) -> Values:
    """Return weights ``(n, m)`` proportional to exp(e) among the pairs that count."""
    weights = _shifted(e, counted)[1]
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def log_sum_exp(e: Values, counted: Values) -> Values:
    """Return ``log sum_j exp(e_ij)`` of the pairs that count, -inf where there are none."""
    shift, weights = _shifted(e, counted)
    there = counted.any(axis=1)
    sums = np.where(there, weights.sum(axis=1), 1)
    return np.where(there, np.log(sums) + shift[:, 0], -np.inf)


def _shifted(e: Values, counted: Values) -> tuple[Values, Values]:
    largest = np.where(counted, e.real, -np.inf).max(axis=1, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(largest), largest, 0)
    with np.errstate(under="ignore"):
        return shift, np.exp(np.where(counted, e - shift, 0)) * counted


def positive_part(values: Values) -> Values:
    """Return the larger of a number and 0, by its real part."""
    return np.where(values.real > 0, values, 0)
