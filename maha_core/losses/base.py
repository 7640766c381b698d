"""What a loss is: reductions of every row of D, and a row function of them.

From this follow its value, its cotangent and everything that is derived of them, on every backend.
Write a loss by subclassing `Loss`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from maha_core.reductions import PointData, Reduction
from maha_core.summaries import summary

Array = Any

WEIGHTS = "sample_weight"
"""The point data that weigh the terms of every loss."""


class Loss:
    """A sum over the rows of D: ``sum_i w_i rho(s_i1, s_i2, ..., a_i)``.

    The s are reductions of row i of D, a the numbers of its point, w sample weights. A subclass
    says which reductions (`reductions`), with which numbers of the points (`point_data`), and what
    the row function rho is (`row_function`). No derivative is written down: it is derived.

    A loss may also have listed pairs (`pairs`), with a term for each item of the list
    (`pair_term`), or those alone.

    Attributes
    ----------
    sample_weight : array (n,) or None
        Weights w of the rows' own terms.
    symmetric : bool
        The promise that i and j are treated alike; half of the tiles may then be skipped where the
        loss is a plain sum over pairs.
    self_only : bool
        True where the loss has no meaning between two sets; Y is then a ValueError.
    weighted_rows : int or None
        The promise that rows from this one on have a sample weight of 0 and no listed pairs; they
        need not be visited.

    Notes
    -----
    A loss must be free of side effects. Its methods are called once in every call of a function
    that takes a loss, with symbols in place of numbers: write them with operators, NumPy's
    functions or the array API's, and ``np.where`` in place of `if`.

    Examples
    --------
    The leave-one-out error of kernel regression, in absolute values:

    >>> import numpy as np, maha_core as mc
    >>> class AbsoluteError(mc.losses.Loss):
    ...     def __init__(self, y):
    ...         self.y = y
    ...
    ...     def point_data(self):
    ...         return (mc.losses.PointData("y", self.y),)
    ...
    ...     def reductions(self):
    ...         return {"fit": mc.reductions.SoftmaxMean("y")}
    ...
    ...     def row_function(self, row):
    ...         return abs(row.y - row.fit)
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0])
    >>> value, gradient = mc.value_and_grad(AbsoluteError(y), X)
    >>> round(float(value), 4)
    2.0949
    """

    sample_weight: Array | None = None
    symmetric: bool = False
    self_only: bool = False
    weighted_rows: int | None = None

    def point_data(self) -> tuple[PointData, ...]:
        """Return the numbers of the points, `sample_weight` apart."""
        return ()

    def reductions(self) -> Mapping[str, Reduction]:
        """Return the reductions by the names that the row function knows them by.

        Their `data` and `values` are names of point data.
        """
        return {}

    def row_function(self, row: SimpleNamespace) -> Any:
        """Return rho, the term of one row.

        Parameters
        ----------
        row : namespace
            The reductions and the point data of one row by their names, as symbols. Of vectors, rho
            is applied to every component, and the terms are added.
        """
        raise NotImplementedError(f"{type(self).__name__} has reductions and no row_function")

    def pairs(self, n: int) -> tuple[Array | None, Array] | None:
        """Return listed items: rows i ``(t,)`` in ascending order, others j ``(t,)`` or ``(t, k)``.

        An i of None stands for all rows in their order.

        Parameters
        ----------
        n : int
            The number of rows of X.
        """
        return None

    def pair_data(self) -> Mapping[str, Array]:
        """Return numbers ``(t,)`` of the listed items, integers or of X's dtype, by name."""
        return {}

    def pair_term(self, item: SimpleNamespace, *D: Any) -> Any:
        """Return the term of one listed item.

        Parameters
        ----------
        item : namespace
            The item's `pair_data` and its row's point data by their names, as symbols.
        *D
            The squared distances from i to each of the item's others, as symbols.
        """
        raise NotImplementedError(f"{type(self).__name__} has listed pairs and no pair_term")

    def for_call(self) -> Loss:
        """Return the loss of one call; most are the same for all."""
        return self

    def weighted_data(self) -> tuple[PointData, ...]:
        """Return all point data, the sample weights among them."""
        if self.sample_weight is None:
            return self.point_data()
        return *self.point_data(), PointData(WEIGHTS, self.sample_weight)

    def __repr__(self) -> str:
        return summary(type(self).__name__, vars(self))
