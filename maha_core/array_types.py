"""Types of arrays for type checkers: results have the class of the arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar


class ArrayProtocol(Protocol):
    """Attributes that arrays of every library have, and that lists and DataFrames lack.

    It cannot ask for more: torch tensors lack ``__array_namespace__``, and JAX arrays cannot be
    written. Arguments are checked fully at run time.
    """

    @property
    def shape(self) -> tuple[Any, ...]:
        """The extents of its axes."""

    @property
    def ndim(self) -> int:
        """The number of its axes."""

    @property
    def dtype(self) -> Any:
        """The type of its entries."""

    def __getitem__(self, key: Any, /) -> Any:
        """Return a part."""


ArrayT = TypeVar("ArrayT", bound=ArrayProtocol)
"""The class of X, and so of the results; its dtype and number of axes are not followed."""

if TYPE_CHECKING:
    # Checkers know typing_extensions without it being installed; Python has defaults from 3.13 on.
    from typing_extensions import TypeVar as _TypeVarWithDefault

    ArrayT_co = _TypeVarWithDefault("ArrayT_co", bound=ArrayProtocol, covariant=True, default=Any)
else:
    ArrayT_co = TypeVar("ArrayT_co", bound=ArrayProtocol, covariant=True)

PairIndices = tuple[ArrayProtocol, ArrayProtocol]
"""Row numbers ``(i, j)``."""

Quantity = Literal["sqdist", "dist"]
Wrt = Literal["metric", "X", "Y"]
ReductionWrt = Literal["metric", "X", "Y", "values"]
