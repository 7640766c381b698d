"""A streamed loss as a function of the metric's parameter, on the host; the points stay."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maha_core.call import prepare
from maha_core.hessian import hvp
from maha_core.learn.host import like, to_host, whole
from maha_core.losses.base import Loss
from maha_core.losses.drawn import DrawnLoss, taken
from maha_core.metrics import Factor
from maha_core.objective import evaluated, objective_of, value
from maha_core.sweeps.objective import Objective

Array = Any
Matrix = NDArray[np.float64]
Rows = NDArray[np.int64]

METRIC = frozenset({"metric"})
"""What the loss is differentiated with respect to."""


class Streamed:
    """Loss, gradient and Hessian products of points X at a linear map A ``(k, d)``."""

    def __init__(self, loss: Loss, X: Array) -> None:
        self.loss = loss
        self.X = X
        self._objective: Objective | None = None

    def __call__(self, A: Matrix) -> tuple[float, Matrix]:
        """Return the loss and its gradient."""
        call = prepare(self.X, None, self.metric(A))
        if self._objective is None:
            self._objective = objective_of(self.loss, call)
        found, gradient = evaluated(self.loss, self._objective, call, METRIC)
        found, slope = to_host(found, gradient.metric)
        return float(found), slope

    def value(self, A: Matrix) -> float:
        """Return the loss alone."""
        return float(to_host(value(self.loss, self.X, metric=self.metric(A)))[0])

    def hessian_product(self, A: Matrix, direction: Matrix) -> Matrix:
        """Return the product of the Hessian with a direction ``(k, d)``."""
        moved = like(direction, self.X)
        product = hvp(self.loss, self.X, metric=self.metric(A), metric_tangent=moved)
        return to_host(product.metric)[0]

    def metric(self, A: Matrix) -> Factor:
        """Return the metric of a linear map."""
        return Factor(like(A, self.X))


def of_drawn(loss: Loss, X: Array, rows: Rows, others: Rows) -> Streamed:
    """Return a loss of points X, estimated from drawn rows among themselves and other points."""
    index = whole(np.concatenate([np.sort(rows), np.sort(others)]), X)
    drawn = DrawnLoss(loss, int(X.shape[0]), index, len(rows), X.dtype)
    return Streamed(drawn, taken(X, index))
