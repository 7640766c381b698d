"""What a backend is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from maha_core.losses import Loss
    from maha_core.metrics import Metric
    from maha_core.metrics.form import Form
    from maha_core.options import Options

Array = Any
VECTOR = 32


class Neighbors(NamedTuple):
    """The nearest points of every row of X.

    Attributes
    ----------
    sqdist : array (n, k)
        Squared distances in ascending order, of X's dtype.
    index : array (n, k)
        The neighbours' row numbers, integers; ties in ascending order.
    """

    sqdist: Array
    index: Array


class Gradient(NamedTuple):
    """Derivatives of a scalar; what was not asked for is None.

    Attributes
    ----------
    metric : array or None
        With respect to the metric's parameter, of its shape.
    X, Y : array or None
        With respect to the points, (n, d) and (m, d). Without Y, `X` holds both roles.
    """

    metric: Array | None = None
    X: Array | None = None
    Y: Array | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Points as rows, the metric's mathematics, and the options: one call's input.

    D is ``(n, m)``, points have d columns, and the metric's embedding has `width` of them. Without
    ``Y`` the points meet themselves.
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
        """The points that the columns of D stand for."""
        return self.X if self.Y is None else self.Y

    @property
    def product_size(self) -> int:
        """The multiplications of the largest product behind D.

        One of a matrix with a vector counts more: BLAS starts threads for it much earlier.
        """
        points = (self.n + self.m) * self.d
        return max(self.n * self.m * (self.width + 2), points * self.width, VECTOR * points)

    @property
    def pullback_size(self) -> int:
        """The same for a pullback, where D's own entries are multiplied with vectors."""
        return max(self.product_size, VECTOR * self.n * self.m)

    @property
    def accurate(self) -> bool:
        """Whether the guard is on."""
        return self.options.precision == "accurate"


@dataclass(frozen=True, slots=True)
class Tangents:
    """Directions of the metric's parameter and of the points; None where nothing moves."""

    metric: Array | None = None
    X: Array | None = None
    Y: Array | None = None


@dataclass(frozen=True, slots=True)
class Pairs:
    """Listed pairs: row numbers of X in `i`, of Y (or of X, without Y) in `j`, both (p,)."""

    i: Array
    j: Array


@dataclass(frozen=True, slots=True)
class Objective:
    """A loss with its checked data: a number per row, per column, and its listed pairs."""

    loss: Loss
    row_data: Mapping[str, Array]
    column_data: Mapping[str, Array]
    listed: Pairs | None
