"""The penalty of MLKR that predicts best on points that were left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.model_selection import KFold

from maha_core import losses
from maha_core.learn.best_scale import best_scale
from maha_core.learn.data import Training, part
from maha_core.learn.host import computed, to_host
from maha_core.learn.kernel_regression import kernel_regression
from maha_core.learn.penalised import Penalised
from maha_core.learn.streamed import Streamed

Array = Any
Matrix = NDArray[np.float64]

SHARES = 1.0, 0.3, 0.1, 0.03, 0.01, 0.003
"""The penalties that are tried make up these shares of the loss of the start."""

FOLDS = 3
MOST_POINTS = 1000
ITERATIONS = 30
"""Of L-BFGS for each penalty, from where the one before has led."""


def chosen_penalty(data: Training, start: Matrix, loss: float, rng: np.random.RandomState) -> float:
    """Return the penalty that predicts best, infinite where no search from the start does better.

    Parameters
    ----------
    data : Training
        In units of the standard deviations; of many points, 1000 are drawn.
    start : array (k, d)
        Of the best scale.
    loss : float
        Its loss of all points.

    Returns
    -------
    alpha : float
        The same number for all points as for those drawn: the more points, the less it weighs.
    """
    n = int(data.X.shape[0])
    if not (np.any(start) and loss > n * np.finfo(float).eps):
        return np.inf
    if n < FOLDS + 1:
        return 0.0
    order = rng.permutation(n)[:MOST_POINTS]
    scale = loss * len(order) / n / float(np.sum(start * start))
    alphas = [np.inf, *(share * scale for share in SHARES)]
    errors = np.zeros(len(alphas))
    for train, test in KFold(FOLDS).split(order):
        learned, left_out = (part(data, np.sort(order[rows])) for rows in (train, test))
        errors += list(_errors(_in_memory(learned), _in_memory(left_out), start, alphas, rng))
    return float(alphas[int(np.argmin(errors))])


def _in_memory(data: Training) -> Training:
    X, y, weight = computed(data.X, data.y, data.sample_weight)
    return Training(X, y, weight)


def _errors(
    learned: Training,
    left_out: Training,
    start: Matrix,
    alphas: list[float],
    rng: np.random.RandomState,
) -> Iterator[float]:
    """Yield the squared errors of points left out for every penalty, the largest first."""
    loss = Streamed(losses.MLKR(learned.y, sample_weight=learned.sample_weight), learned.X)
    A, _ = best_scale(learned, [start], None, rng)
    for alpha in alphas:
        if np.isfinite(alpha):
            A = _lower(Penalised(loss, alpha), A)
        yield _error(A, learned, left_out)


def _lower(objective: Penalised, start: Matrix) -> Matrix:
    """Return what a short search finds; numbers that are not finite end it."""

    def evaluate(flat: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        value, gradient = objective(flat.reshape(start.shape))
        return value, np.asarray(gradient, dtype=np.float64).ravel()

    found = minimize(
        evaluate,
        start.ravel(),
        method="L-BFGS-B",
        jac=True,
        options={"maxiter": ITERATIONS, "maxcor": ITERATIONS},
    )
    return found.x.reshape(start.shape) if np.isfinite(found.fun) else start


def _error(A: Matrix, learned: Training, left_out: Training) -> float:
    metric = Streamed(losses.MLKR(learned.y), learned.X).metric(A)
    predicted = kernel_regression(metric.embed(left_out.X), metric.embed(learned.X), learned.y)
    truth, found = to_host(left_out.y, predicted)
    weight = 1.0 if left_out.sample_weight is None else to_host(left_out.sample_weight)[0]
    error = float(np.sum(weight * (truth.astype(np.float64) - found) ** 2))
    return error if np.isfinite(error) else np.inf
