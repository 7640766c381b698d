"""A loss's CUDA expressions as what kernels/visit.cuh compiles; which loss is not known here."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from maha_cupy.library import cp
from maha_cupy.tiles import BLOCK

if TYPE_CHECKING:
    from collections.abc import Mapping

Array = Any

TYPES = {
    "bool": "bool",
    "int8": "signed char",
    "int16": "short",
    "int32": "int",
    "int64": "long long",
    "uint8": "unsigned char",
    "uint16": "unsigned short",
    "uint32": "unsigned int",
    "uint64": "unsigned long long",
    "float32": "float",
    "float64": "double",
}


STARTS = {"row": "top", "column": "left_most"}
OTHER = {"row": "column", "column": "row"}

ROOM = 48 * 2**10 - 33 * 2**10
"""Bytes of shared memory that the operands of kernels/product.cu leave to the values."""


class Value(NamedTuple):
    """A name in an expression: an array of one value for every row, or for every column."""

    name: str
    dtype: str
    of_row: bool

    @property
    def side(self) -> str:
        """Whose numbers they are."""
        return "row" if self.of_row else "column"

    @property
    def parameter(self) -> str:
        """The kernel's parameter."""
        return f", const {TYPES[self.dtype]}* {self.name}_values"

    @property
    def field(self) -> str:
        """A pointer to a block's part."""
        return f"const {TYPES[self.dtype]}* {self.name};"

    @property
    def declaration(self) -> str:
        """What gives the name its value for one pair."""
        index = "own_index" if self.of_row else "other_index"
        return f"const {TYPES[self.dtype]} {self.name} = sides.{self.name}[{index}];"

    def part(self, side: str) -> str:
        """The part of a block's rows, or columns."""
        return f"__shared__ {TYPES[self.dtype]} {self.name}_of_{side}s[BLOCK];"

    def copy(self, side: str) -> str:
        """What copies one number there."""
        return f"{self.name}_of_{side}s[thread] = {self.name}_values[{side}];"

    def first(self, side: str) -> str:
        """Where a thread's numbers start."""
        return f"{self.name}_of_{side}s + {STARTS[side]}"


class Expressions(NamedTuple):
    """What a loss asks of all pairs at once: sums of every row, and an entry for every pair.

    With an `exponent` the terms of the sums may refer to `smallest`, its smallest value among the
    pairs of a row that are added together, or 0 where that is infinite. `mutual` says that points
    meet themselves.
    """

    values: Mapping[Value, Array]
    summed: tuple[str, ...]
    exponent: str | None
    entry: str | None
    mutual: bool

    @property
    def macros(self) -> str:
        """What stands before a kernel's text."""
        return _macros(tuple(self.values), self.summed, self.exponent, self.entry, self.mutual)


def arrays_by_kind(
    values: Mapping[str, Array], shape: tuple[int, int], *, mutual: bool
) -> dict[Value, Array]:
    """Return arrays of a number for every row ``(n, 1)``, or every column ``(1, m)``, of D.

    Raises
    ------
    ValueError
        An array has another shape, or they are more than a block of threads has room for.
    TypeError
        CUDA C++ has no such numbers.
    """
    n, m = shape
    found = {}
    for name, array in values.items():
        if array.shape not in ((n, 1), (1, m)):
            raise ValueError(
                f"the value {name!r} of an expression has shape {array.shape}; give one number for "
                f"every row, shape {(n, 1)}, or for every column of D, shape {(1, m)}"
            )
        if array.dtype.name not in TYPES:
            raise TypeError(
                f"the value {name!r} of an expression is of {array.dtype}, which has no name in "
                f"CUDA C++; give one of {', '.join(TYPES)}"
            )
        value = Value(name, array.dtype.name, array.shape == (n, 1))
        found[value] = cp.ascontiguousarray(array)
    size = BLOCK * sum(array.dtype.itemsize for array in found.values()) * (2 if mutual else 1)
    if size > ROOM:
        raise ValueError(
            f"the values {', '.join(values)} of an expression take {size} bytes of a block's "
            f"shared memory, which has {ROOM} for them; join some of them before"
        )
    return found


@cache
def _macros(
    values: tuple[Value, ...],
    summed: tuple[str, ...],
    exponent: str | None,
    entry: str | None,
    mutual: bool,
) -> str:
    asked = {"EXPONENT": exponent, "ENTRY": entry, "MUTUAL": "" if mutual else None}
    if summed:
        terms = enumerate(summed)
        # Every term is computed, so that terms share their exponentials and threads do not part.
        added = (
            f"const real term_{f} = {text}; sums[{f}] += counted ? term_{f} : (real)0;"
            for f, text in terms
        )
        asked |= {"SUMS": str(len(summed)), "ADD": " ".join(added)}
    defined = _of_values(values, mutual) | asked
    given = {name: text for name, text in defined.items() if text is not None}
    lines = (f"#define {name} {text}".replace("\n", " ") for name, text in given.items())
    return "\n".join(lines) + "\n"


def _of_values(values: tuple[Value, ...], mutual: bool) -> dict[str, str | None]:
    """Return the macros that bring an array's number to the pair to which it belongs."""
    sides = ("row", "column")
    parts = [(v, side) for v in values for side in sides if mutual or side == v.side]
    return {
        "PARAMETERS": "".join(value.parameter for value in values),
        "SHARED": " ".join(value.part(side) for value, side in parts),
        "COPY": " ".join(value.copy(side) for value, side in parts),
        "FIELDS": " ".join(value.field for value in values),
        "AS_ROWS": ", ".join(value.first(value.side) for value in values),
        "AS_COLUMNS": ", ".join(value.first(OTHER[value.side]) for value in values if mutual),
        "VALUES": " ".join(value.declaration for value in values),
    }
