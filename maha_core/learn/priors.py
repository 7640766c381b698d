"""Priors and starts: a metric M0 ``(d, d)`` before any learning."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.linalg import LinAlgError
from numpy.typing import NDArray
from sklearn.datasets import make_spd_matrix
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import StrOptions

from maha_core.learn.data import numbers_on_host
from maha_core.learn.definite_matrices import is_definite, power, rounding, symmetric
from maha_core.learn.tuples import Tuples

Array = Any
Matrix = NDArray[np.float64]

PRIORS: list[Any] = [StrOptions({"identity", "covariance", "random"}), "array-like"]
"""What scikit-learn's check of parameters is told."""


class Prior:
    """A positive definite metric that a parameter asks for.

    Parameters
    ----------
    argument : str
        The parameter's name, "prior" or "init".
    value : {"identity", "covariance", "random"} or array (d, d)
        "covariance" is the inverse of the covariance of the points that are in the tuples, equal
        points once; "random" a random positive definite matrix.
    random_state : int, RandomState or None
    """

    def __init__(self, argument: str, value: Any, random_state: Any) -> None:
        self.argument = argument
        self.value = value
        self.random_state = random_state

    def matrix(self, tuples: Tuples) -> Matrix:
        """Return M0 ``(d, d)``.

        Raises
        ------
        ValueError
            A matrix that is not symmetric and positive definite, or of another shape.
        LinAlgError
            A singular matrix, or points whose covariance is singular; it is a ValueError, too.
        """
        d = int(tuples.X.shape[1])
        if not isinstance(self.value, str):
            return self._given(d)
        if self.value == "covariance":
            return self._inverse_covariance(tuples.distinct_points())
        if self.value == "random":
            return np.asarray(
                make_spd_matrix(d, random_state=check_random_state(self.random_state))
            )
        return np.eye(d)

    def _inverse_covariance(self, points: Matrix) -> Matrix:
        if len(points) > 1:
            S = np.atleast_2d(np.cov(points, rowvar=False))
            if is_definite(S):
                return power(S, -1.0)
        raise LinAlgError(
            f"{self.argument}='covariance' needs points whose covariance is not singular; the "
            f"{len(points)} distinct points of the tuples have {points.shape[1]} columns, some of "
            "them constant or combinations of others: leave those out, for instance by "
            f"sklearn.decomposition.PCA, or write {self.argument}='identity'"
        )

    def _given(self, d: int) -> Matrix:
        M: Matrix = check_array(
            numbers_on_host(self.value, self.argument),
            dtype=np.float64,
            input_name=self.argument,
        )
        if M.shape != (d, d):
            raise ValueError(
                f"{self.argument} has shape {M.shape}; for points of {d} columns it is ({d}, {d})"
            )
        if np.abs(M - M.T).max() > 1e-10 * np.abs(M).max():
            raise ValueError(
                f"{self.argument} is not symmetric; pass (M + M.T) / 2 if that is meant"
            )
        M = symmetric(M)
        if not is_definite(M):
            values: Matrix = np.linalg.eigvalsh(M).astype(np.float64)
            lowest = values.min()
            kind: type[ValueError] = ValueError
            if lowest >= -rounding(values):
                kind = LinAlgError
            raise kind(
                f"{self.argument} is not positive definite: its smallest eigenvalue is "
                f"{lowest:.3g}; add a multiple of the identity"
            )
        return M
