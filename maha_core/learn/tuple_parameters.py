"""Checks of the parameters that learners from tuples share, for scikit-learn."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval

from maha_core.learn.priors import PRIORS

POSITIVE: list[Any] = [Interval(Real, 0, np.inf, closed="neither")]
NOT_NEGATIVE: list[Any] = [Interval(Real, 0, np.inf, closed="left")]
COUNT: list[Any] = [Interval(Integral, 1, None, closed="left")]

COMMON: dict[str, list[Any]] = {
    "preprocessor": ["array-like", callable, None],
    "random_state": ["random_state"],
}
WITH_PRIOR: dict[str, list[Any]] = {**COMMON, "prior": PRIORS}
ITERATIVE: dict[str, list[Any]] = {
    "max_iter": COUNT,
    "tol": NOT_NEGATIVE,
    "verbose": ["verbose"],
}
