"""The base class of losses: reductions of every row of D, and a row function of them.

The value, the cotangent and all derivatives follow from these, on every backend. To write a loss,
subclass `Loss`.
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

    The s are reductions of row i of D, a are numbers of point i, and w are sample weights. A
    subclass defines the reductions (`reductions`), the numbers of the points (`point_data`) and the
    row function rho (`row_function`). Derivatives are derived automatically.

    A loss may also have listed pairs (`pairs`), with a term for each item of the list
    (`pair_term`), or listed pairs only.

    Attributes
    ----------
    sample_weight : array (n,) or None
        Weights w of the rows' own terms.
    symmetric : bool
        Set True only if the loss is unchanged when i and j are exchanged. Half of the tiles may
        then be skipped where the loss is a plain sum over pairs.
    self_only : bool
        True if the loss is defined only for one set of points; Y is then a ValueError.
    weighted_rows : int or None
        Set a row number only if all rows from it on have a sample weight of 0 and no listed pairs;
        these rows are skipped.

    Notes
    -----
    A loss must have no side effects. A function that takes a loss calls each of its methods once,
    with symbols in place of numbers: write them with operators, functions of NumPy or the array
    API, and ``np.where`` in place of `if`.

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
        """Return the numbers of the points, except `sample_weight`."""
        return ()

    def reductions(self) -> Mapping[str, Reduction]:
        """Return the reductions by their names in the row function.

        Their `data` and `values` are names of point data.
        """
        return {}

    def row_function(self, row: SimpleNamespace) -> Any:
        """Return rho, the term of one row.

        Parameters
        ----------
        row : namespace
            The reductions and the point data of one row as attributes, which are symbols. For
            vectors, rho is applied to every component, and the terms are added.
        """
        raise NotImplementedError(f"{type(self).__name__} has reductions and no row_function")

    def pairs(self, n: int) -> tuple[Array | None, Array] | None:
        """Return listed items: rows i ``(t,)`` in ascending order, others j ``(t,)`` or ``(t, k)``.

        If i is None, there is one item for each row, in order.

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
            The item's `pair_data` and its row's point data as attributes, which are symbols.
        *D
            The squared distances from i to each of the item's others, as symbols.
        """
        raise NotImplementedError(f"{type(self).__name__} has listed pairs and no pair_term")

    def for_call(self) -> Loss:
        """Return the loss for one call; by default the loss itself."""
        return self

    def weighted_data(self) -> tuple[PointData, ...]:
        """Return all point data, including the sample weights."""
        if self.sample_weight is None:
            return self.point_data()
        return *self.point_data(), PointData(WEIGHTS, self.sample_weight)

    def __repr__(self) -> str:
        return summary(type(self).__name__, vars(self))
