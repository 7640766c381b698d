"""A loss's CUDA expressions, compiled into one pass over a tile; which loss is not known here."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from maha_cupy.launch import LANES, WARPS, address, blocks, launch
from maha_cupy.library import cp

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


BUSY = 2048
"""So many blocks keep a large GPU busy."""

SEGMENT = 4096
"""So many columns are worth a block."""


class Fold(NamedTuple):
    """How the values of a row become one: in CUDA, and by a method of an array."""

    start: str
    join: str
    method: str


MINIMUM = Fold("infinite()", "lesser(a, b)", "min")
SUM = Fold("0", "((a) + (b))", "sum")


class Value(NamedTuple):
    """A name in an expression: an array of one value for every row, or for every column."""

    name: str
    dtype: str
    of_row: bool

    @property
    def parameter(self) -> str:
        """The kernel's parameter."""
        return f", const {TYPES[self.dtype]}* {self.name}_values"

    @property
    def declaration(self) -> str:
        """What gives the name its value for one row or column."""
        index = "i" if self.of_row else "j"
        return f"const {TYPES[self.dtype]} {self.name} = {self.name}_values[{index}];"


class FusedTile:
    """What `maha_core.losses.base.Fused` promises, on a tile D ``(r, c)`` in row-major order."""

    def __init__(self, D: Array, offset: int | None) -> None:
        self.D = D
        self.offset = offset

    def minima(self, *expressions: str, **values: Array) -> tuple[Array, ...]:
        """Return each row's smallest value ``(r, 1)`` of every expression."""
        return self._passed(MINIMUM, expressions, None, values)

    def sums(self, *expressions: str, **values: Array) -> tuple[Array, ...]:
        """Return each row's sum ``(r, 1)`` of every expression."""
        return self._passed(SUM, expressions, None, values)

    def entries(self, expression: str, *summed: str, **values: Array) -> tuple[Array, ...]:
        """Return the expression of every pair, written over D, and such sums."""
        sums = self._passed(SUM, summed, expression, values)
        return self.D, *sums

    def _passed(
        self, fold: Fold, folded: tuple[str, ...], entry: str | None, values: dict[str, Array]
    ) -> tuple[Array, ...]:
        r, c = self.D.shape
        parts = max(1, min(blocks(BUSY, max(r, 1)), blocks(c, SEGMENT)))
        results = cp.empty((len(folded), r, parts), dtype=self.D.dtype)
        if r:
            named = tuple(
                Value(name, value.dtype.name, value.shape == (r, 1))
                for name, value in values.items()
            )
            arrays = [cp.ascontiguousarray(value) for value in values.values()]
            launch(
                "pass",
                "maha_pass",
                self.D.dtype,
                (r, parts),
                (LANES, WARPS),
                *(address(self.D), np.int64(c), np.int64(blocks(c, parts))),
                *(np.int32(self.offset is not None), np.int64(self.offset or 0)),
                address(results),
                *map(address, arrays),
                macros=macros(fold, folded, entry, named),
            )
        if parts > 1 and folded:
            results = getattr(results, fold.method)(axis=2, keepdims=True)
        return tuple(results)


@cache
def macros(
    fold: Fold, folded: tuple[str, ...], entry: str | None, values: tuple[Value, ...]
) -> str:
    """Return the macros that kernels/pass.cu asks for."""
    rows = (value.declaration for value in values if value.of_row)
    columns = (value.declaration for value in values if not value.of_row)
    defined = {
        "PARAMETERS": "".join(value.parameter for value in values),
        "ROW_VALUES": " ".join(rows),
        "COLUMN_VALUES": " ".join(columns),
        "START": fold.start,
        "JOIN(a, b)": fold.join,
    }
    if folded:
        steps = (
            f"folds[{f}] = JOIN(folds[{f}], (double)({text}));" for f, text in enumerate(folded)
        )
        defined |= {"FOLDS": str(len(folded)), "FOLD_IN": " ".join(steps)}
    if entry is not None:
        defined["ENTRY"] = entry
    lines = (f"#define {name} {text}".replace("\n", " ") for name, text in defined.items())
    return "\n".join(lines) + "\n"
