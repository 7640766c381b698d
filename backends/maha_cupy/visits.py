"""Arguments of kernels/visit.cuh, which evaluates a loss while a tile of D is computed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from maha_cupy.expressions import Compiled
from maha_cupy.launch import BLOCK, address, blocks
from maha_cupy.library import cp
from maha_cupy.places import Place

Array = Any


class Visit(NamedTuple):
    """Sums of a tile's rows, and of its columns if they are also rows of D; its cotangent.

    The sums, followed by the smallest exponents, are ``(f, r, blocks of columns)`` and ``(f, c,
    blocks of rows)``, in float64.
    """

    place: Place
    macros: str
    values: tuple[Array, ...]
    row_sums: Array
    column_sums: Array | None
    cotangent: Array | None

    def arguments(self) -> tuple[Any, ...]:
        """Return the arguments that kernels/visit.cuh calls VISIT_PARAMETERS."""
        return (
            *(np.int64(self.place.rows.start), np.int64(self.place.columns.start)),
            *(address(self.row_sums), address(self.column_sums), address(self.cotangent)),
            *map(address, self.values),
        )

    def found(self) -> list[tuple[slice, Array]]:
        """Return the rows of D to which the sums belong, and the sums."""
        found = [(self.place.rows, self.row_sums)]
        if self.column_sums is not None:
            found.append((self.place.columns, self.column_sums))
        return found


def new_visit(asked: Compiled, place: Place, cotangent: Array | None) -> Visit:
    """Return a visit with memory for its sums."""
    number, (r, c) = asked.sums, place.shape

    return Visit(
        place,
        asked.macros,
        asked.arrays,
        cp.empty((number, r, blocks(c, BLOCK)), dtype=cp.float64),
        cp.empty((number, c, blocks(r, BLOCK)), dtype=cp.float64) if place.mutual else None,
        cotangent,
    )
