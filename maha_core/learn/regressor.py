"""Regressors on arrays of any library: predictions are scored on the host."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from maha_core.learn.data import numbers_on_host
from maha_core.learn.host import to_host

Array = Any


class Regressor(RegressorMixin):
    """A regressor of scikit-learn whose `predict` returns arrays of X's library."""

    def score(self, X: Array, y: Array, sample_weight: Array | None = None) -> float:
        """Return R2 of the predictions, computed on the host.

        Parameters
        ----------
        X : array-like (m, d)
        y : array-like (m,) or (m, c)
        sample_weight : array-like (m,), optional

        Returns
        -------
        score : float
        """
        truth, (predicted,) = numbers_on_host(y, "y"), to_host(self.predict(X))
        weight = None if sample_weight is None else numbers_on_host(sample_weight, "sample_weight")
        with np.errstate(under="ignore"):  # of a residual's square
            return float(r2_score(truth, predicted, sample_weight=weight))
