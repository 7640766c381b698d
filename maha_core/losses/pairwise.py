"""Elementwise losses: the sum of a function of every distance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from maha_core.array_types import ArrayProtocol
from maha_core.losses.base import Loss
from maha_core.reductions import PointData, Reduction
from maha_core.reductions.array_sum import pair_sum


class Pairwise(Loss):
    """The sum of ``f(D_ij)`` over all pairs, or of ``f(D_ij, a_i, b_j)`` with data.

    Parameters
    ----------
    f : callable
        ``f(D)``, or with `data` ``f(D, a, b)``, a function of one pair's numbers: of the squared
        distance D, the number a of the row's point and b of the column's. Write it with operators,
        NumPy's functions or the array API's (``xp = D.__array_namespace__()``), and ``np.where``
        for `if`; its derivative is derived. A function that cannot be written so returns ``(values,
        derivatives)`` with respect to D instead, both ``(r, c)``, for a tile D ``(r, c)`` and data
        a ``(r, 1)`` and b ``(1, c)``. It may run in several threads.
    data : array (n,), optional
        A number per point of X; integers are taken as real numbers.
    data_Y : array (m,), optional
        A number per point of Y; needed with `data` and Y.
    symmetric : bool
        The promise ``f(D, a, b) = f(D, b, a)``; half of the tiles may then be skipped.
    sample_weight : array (n,), optional
        Weights of the rows' own terms ``sum_j f(D_ij)``.

    Raises
    ------
    TypeError
        f cannot be called; later, where it returns values alone and its derivative cannot be
        derived: the message says which line of f is in the way.

    Notes
    -----
    Without Y the sum runs over ordered pairs i != j, each unordered pair twice, and what f returns
    on a self-pair has no effect. f is called with symbols in place of arrays, with + - * / and
    powers, exp, expm1, log, log1p, logaddexp, sqrt, square, reciprocal, tanh, abs, sign, maximum,
    minimum, clip, comparisons, & | ~ and where. Between equal points the derivative of a root is
    taken as 0, because that of D is. On a GPU a function that was derived is computed where D is
    made, in no pass of its own.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> X = np.array([[0.0], [1.0], [3.0]])
    >>> loss = mc.losses.Pairwise(lambda D: D**2, symmetric=True)
    >>> value, gradient = mc.value_and_grad(loss, X)
    >>> float(value), gradient.X.ravel().tolist()
    (196.0, [-224.0, -56.0, 280.0])

    With data, here a squared difference of targets weighted by nearness:

    >>> y = np.array([0.0, 1.0, 5.0])
    >>> near = mc.losses.Pairwise(lambda D, a, b: np.exp(-D) * (a - b) ** 2, data=y)
    >>> round(float(mc.value_and_grad(near, X)[0]), 4)
    1.328
    """

    def __init__(
        self,
        f: Callable[..., Any],
        *,
        data: ArrayProtocol | None = None,
        data_Y: ArrayProtocol | None = None,
        symmetric: bool = False,
        sample_weight: ArrayProtocol | None = None,
    ) -> None:
        if not callable(f):
            raise TypeError(f"f must be callable, f(D) or f(D, a, b) with data; got {f!r}")
        if data is None and data_Y is not None:
            raise ValueError("data_Y was given without data; give both, or neither")
        self.f = f
        self.data = data
        self.data_Y = data_Y
        self.sample_weight = sample_weight
        self.symmetric = bool(symmetric)

    def point_data(self) -> tuple[PointData, ...]:
        """Return the data where there are any."""
        if self.data is None:
            return ()
        return (PointData("data", self.data, self.data_Y, columns_name="data_Y"),)

    def reductions(self) -> Mapping[str, Reduction]:
        """Return the sum of f over every row."""
        return {"total": pair_sum(self.f, None if self.data is None else "data")}

    def row_function(self, row: Any) -> Any:
        """Return the row's sum."""
        return row.total
