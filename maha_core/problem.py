"""Inputs of a backend (points, pairs, directions), and the classes of its results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple

from maha_core.array_types import ArrayT_co
from maha_core.blas import VECTOR
from maha_core.summaries import summary

if TYPE_CHECKING:
    from maha_core.metrics import Metric
    from maha_core.metrics.form import Form
    from maha_core.options import Options

Array = Any


class Neighbors(NamedTuple, Generic[ArrayT_co]):
    """The nearest points of every row of X.

    Attributes
    ----------
    sqdist : array (n, k)
        Squared distances in ascending order, of X's dtype.
    index : array (n, k)
        The neighbours' row numbers, integers; ties in ascending order.
    """

    sqdist: ArrayT_co
    index: Any

    def __repr__(self) -> str:
        return summary(type(self).__name__, self._asdict())


class Within(NamedTuple, Generic[ArrayT_co]):
    """The points within a distance of every row of X, in compressed sparse rows (CSR).

    The points of row i are ``index[indptr[i]:indptr[i + 1]]``. `scipy.sparse.csr_array` accepts
    the three arrays.

    Attributes
    ----------
    indptr : array (n + 1,)
        Where each row starts, integers; the last one is the number p of pairs.
    index : array (p,)
        The row numbers of the points found, integers.
    sqdist : array (p,)
        Their squared distances, of X's dtype.
    """

    indptr: Any
    index: Any
    sqdist: ArrayT_co

    def __repr__(self) -> str:
        return summary(type(self).__name__, self._asdict())


class Gradient(NamedTuple, Generic[ArrayT_co]):
    """Derivatives of a scalar; None for those that were not requested.

    Attributes
    ----------
    metric : array or None
        With respect to the metric's parameter, of the same shape.
    X, Y : array or None
        With respect to the points, (n, d) and (m, d). Without Y, `X` is the derivative with
        respect to X as both arguments.
    """

    metric: ArrayT_co | None = None
    X: ArrayT_co | None = None
    Y: ArrayT_co | None = None

    def __repr__(self) -> str:
        return summary(type(self).__name__, self._asdict())


class ReductionGradient(NamedTuple, Generic[ArrayT_co]):
    """Derivatives of a scalar function of a reduction; None for those that were not requested.

    Attributes
    ----------
    metric, X, Y : array or None
        As in `Gradient`.
    values : array or None
        With respect to the values of the reduction, of the same shape.
    """

    metric: ArrayT_co | None = None
    X: ArrayT_co | None = None
    Y: ArrayT_co | None = None
    values: ArrayT_co | None = None

    def __repr__(self) -> str:
        return summary(type(self).__name__, self._asdict())

    @property
    def of_metric_and_points(self) -> Gradient[ArrayT_co]:
        """The derivatives with respect to the metric and the points."""
        return Gradient(self.metric, self.X, self.Y)


@dataclass(frozen=True, slots=True)
class Problem:
    """Points as rows, the metric's mathematics, and the options: one call's input.

    D is ``(n, m)``, points have d columns, and the metric's embedding has `width` of them. Without
    ``Y``, D is between the points of X.
    """

    X: Array
    Y: Array | None
    metric: Metric | None
    form: Form
    options: Options
    n: int
    m: int
    d: int
    width: int

    @property
    def others(self) -> Array:
        """The points of the columns of D: Y, or X without Y."""
        return self.X if self.Y is None else self.Y

    @property
    def product_size(self) -> int:
        """The multiplications of the largest product behind D.

        A product of a matrix with a vector counts more: BLAS starts threads for it much earlier.
        """
        points = (self.n + self.m) * self.d
        return max(self.n * self.m * (self.width + 2), points * self.width, VECTOR * points)

    @property
    def pullback_size(self) -> int:
        """The same for a pullback, which multiplies the cotangent of D with vectors."""
        return max(self.product_size, VECTOR * self.n * self.m)

    @property
    def accurate(self) -> bool:
        """Whether entries that suffer from cancellation are recomputed."""
        return self.options.accurate


@dataclass(frozen=True, slots=True)
class Tangents:
    """Directions of the metric's parameter and of the points; None for those held constant."""

    metric: Array | None = None
    X: Array | None = None
    Y: Array | None = None


@dataclass(frozen=True, slots=True)
class Pairs:
    """Listed pairs: row numbers of X in `i`, of Y (or of X, without Y) in `j`, both (p,)."""

    i: Array
    j: Array
