"""A loss of a linear map A plus a penalty of its size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maha_core.learn.streamed import Streamed

Matrix = NDArray[np.float64]


class Penalised:
    """An objective plus ``alpha |A|^2``."""

    def __init__(self, loss: Streamed, alpha: float) -> None:
        self.loss = loss
        self.alpha = alpha

    def __call__(self, A: Matrix) -> tuple[float, Matrix]:
        """Return value and gradient."""
        found, gradient = self.loss(A)
        self._check(A)
        return found + self.alpha * float(np.sum(A * A)), gradient + 2 * self.alpha * A

    def hessian_product(self, A: Matrix, direction: Matrix) -> Matrix:
        """Return the product of the Hessian with a direction."""
        return self.loss.hessian_product(A, direction) + 2 * self.alpha * direction

    def _check(self, A: Matrix) -> None:
        """Raise ValueError where the square of the gradient overflows: no step is left."""
        limit = np.sqrt(np.finfo(A.dtype).max / A.size)
        if self.alpha * float(np.max(np.abs(A))) >= limit / 2:
            raise ValueError(
                f"alpha={self.alpha:.6g} is too large: the penalty alpha |A|^2 leaves the range of "
                f"{A.dtype}; write a smaller one, such as alpha=1"
            )
