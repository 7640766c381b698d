"""A loss's CUDA expressions as what kernels/visit.cuh compiles; which loss is not known here."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

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


class Fold(NamedTuple):
    """How the values of a row become one: in CUDA, by a method of an array, and of two arrays."""

    start: str
    join: str
    method: str
    neutral: float


MINIMUM = Fold("infinite()", "lesser(a, b)", "min", float("inf"))
SUM = Fold("0", "((a) + (b))", "sum", 0.0)


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
    """What a loss asks of all pairs at once: folds of every row, and an entry for every pair."""

    fold: Fold
    folded: tuple[str, ...]
    entry: str | None
    values: Mapping[str, Array]

    def macros(self, rows: int, *, mutual: bool) -> str:
        """Return what stands before a kernel's text, for a D of so many rows.

        `mutual` says that points meet themselves.
        """
        named = tuple(
            Value(name, value.dtype.name, value.shape == (rows, 1))
            for name, value in self.values.items()
        )
        return _macros(self.fold, self.folded, self.entry, named, mutual)


@cache
def _macros(
    fold: Fold,
    folded: tuple[str, ...],
    entry: str | None,
    values: tuple[Value, ...],
    mutual: bool,
) -> str:
    sides = ("row", "column")
    parts = [(v, side) for v in values for side in sides if mutual or side == v.side]
    defined = {
        "PARAMETERS": "".join(value.parameter for value in values),
        "SHARED": " ".join(value.part(side) for value, side in parts),
        "COPY": " ".join(value.copy(side) for value, side in parts),
        "FIELDS": " ".join(value.field for value in values),
        "AS_ROWS": ", ".join(value.first(value.side) for value in values),
        "AS_COLUMNS": ", ".join(value.first(OTHER[value.side]) for value in values if mutual),
        "VALUES": " ".join(value.declaration for value in values),
        "START": fold.start,
        "JOIN(a, b)": fold.join,
    }
    if folded:
        steps = (
            f"{{ const real joined = JOIN(folds[{f}], (real)({text})); "
            f"folds[{f}] = counted ? joined : folds[{f}]; }}"
            for f, text in enumerate(folded)
        )
        defined |= {"FOLDS": str(len(folded)), "FOLD_IN": " ".join(steps)}
    if entry is not None:
        defined["ENTRY"] = entry
    if mutual:
        defined["MUTUAL"] = ""
    lines = (f"#define {name} {text}".replace("\n", " ") for name, text in defined.items())
    return "\n".join(lines) + "\n"
