"""A row-wise loss on whole rows of D: a row's sums, its value and its cotangents in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from maha_core.expressions import COLUMNS, ROWS, Expression
from maha_core.expressions.lowering import lowered
from maha_core.expressions.source import Statement
from maha_core.reductions.base import DISTANCE
from maha_core.sweeps.whole_rows import (
    SMALLEST,
    WEIGHT,
    WholeRows,
    number_variable,
    sum_variable,
)
from maha_numpy.compiled import passes, source
from maha_numpy.compiled.source import indented

Array = Any


class Form(NamedTuple):
    """The common form of passes that differ only in names and constants.

    Attributes
    ----------
    of_pairs : tuple of Expression
        The weight, and the summands.
    of_rows : tuple of Expression
        The value, and the numbers of the cotangents.
    cotangent : Expression
    inputs : tuple of Expression
        The points' numbers ``x0, x1, ...``.
    constants : int
        The number of constants ``c0, c1, ...``.
    """

    of_pairs: tuple[Expression, ...]
    of_rows: tuple[Expression, ...]
    cotangent: Expression
    inputs: tuple[Expression, ...]
    constants: int


class Formed(NamedTuple):
    """The form of a pass, and the inputs and constants that stand for its own."""

    form: Form
    inputs: tuple[Expression, ...]
    constants: tuple[float, ...]


@lru_cache(maxsize=128)
def formed(asked: WholeRows) -> Formed | None:
    """Return the form of a loss's expressions, None if one of them has no fast form."""
    of_pairs, of_rows = (asked.weight, *asked.summed), (asked.value, *asked.numbers)
    expressions = (*of_pairs, *of_rows, asked.cotangent)
    if not source.is_fast(expressions):
        return None
    named = [DISTANCE, SMALLEST, WEIGHT]
    named += [sum_variable(s) for s in range(len(asked.summed))]
    named += [number_variable(k) for k in range(len(asked.numbers))]
    found, given, inputs, constants = source.anonymous(lowered(expressions), frozenset(named))
    pairs = len(of_pairs)
    form = Form(found[:pairs], found[pairs:-1], found[-1], given, len(constants))
    return Formed(form, inputs, constants)


class Found(NamedTuple):
    """A loss's values ``(r, 1)`` in float64, and its cotangents ``(r, c)``."""

    values: Array
    cotangent: Array


def run(
    asked: Formed, D: Array, smallest: Array, inputs: Mapping[str, Array], itself: int
) -> Found:
    """Return a loss's values and cotangents; these are written over D if its layout allows.

    Parameters
    ----------
    asked : Formed
    D : array (r, c)
        Whole rows.
    smallest : array (r, 1)
        The smallest D of each row to another point.
    inputs : mapping of str to array
        Numbers of rows ``(r, 1)`` and of columns ``(1, c)``.
    itself : int
        The column of the self-pair of the first row.
    """
    dtype = D.dtype
    given = [passes.argument(part, inputs[str(part.value)], dtype) for part in asked.inputs]
    D, smallest = passes.argument(DISTANCE, D, dtype), passes.argument(SMALLEST, smallest, dtype)
    values = np.empty(D.shape[0])
    compiled = passes.compiled_pass(text, asked.form, dtype.name)
    compiled(itself, D, smallest, values, np.asarray(asked.constants, float), *given)
    return Found(values[:, None], D)


def text(form: Form, real: str) -> str:
    """Return a module with the pass ``run``.

    Its parameters are ``itself, D_all, smallest_all, value, constants, *inputs``, and ``itself`` is
    the column of the first row's self-pair less its number.
    """
    body = _Body(form, real)
    return "\n".join([source.head(), *body.of_row(), *body.run()]) + "\n"


class _Body:
    """The functions of a module: one of a row's sums, and the pass over all rows.

    Few functions take few seconds to compile.
    """

    def __init__(self, form: Form, real: str) -> None:
        self.form = form
        self.real = real
        self.sums = [f"sum_{s}" for s in range(len(form.of_pairs) - 1)]
        self.numbers = [f"number_{k}" for k in range(len(form.of_rows) - 1)]
        self.constants = [f"c{c}" for c in range(form.constants)]
        self.columns = [str(part.value) for part in form.inputs if part.axes == COLUMNS]
        self.rows = [part for part in form.inputs if part.axes == ROWS]

    def of_row(self) -> list[str]:
        """Return the function of a row's sums and numbers, in float64."""
        lines, found = source.statements(self.form.of_rows, "float64")
        rows = [str(part.value) for part in self.rows]
        parameters = ", ".join(["smallest", *self.sums, *rows, *self.constants])
        return [
            *_defined("of_row", parameters),
            *indented(4, [f"{line.name} = {line.text}" for line in lines]),
            f"    return ({', '.join(f'float64({one})' for one in found)},)",
        ]

    def run(self) -> list[str]:
        """Return the pass over all rows."""
        inputs = ", ".join(f"{part.value}_all" for part in self.form.inputs)
        lines = [
            "rows, columns = D_all.shape",
            f"weight_row = np.empty(columns, {self.real})",
            *(f"{name} = {self.real}(constants[{c}])" for c, name in enumerate(self.constants)),
            "for i in range(rows):",
            *indented(4, self._row()),
        ]
        return [
            *_defined("run", f"itself, D_all, smallest_all, value, constants, {inputs}"),
            *indented(4, lines),
        ]

    def _row(self) -> list[str]:
        return [
            "D_row, smallest = D_all[i], smallest_all[i]",
            *(f"{part.value} = {part.value}_all[i]" for part in self.rows),
            *source.SELF,
            *self._weighed(),
            *self._valued(),
            *self._pulled(),
            "if self < columns:",
            "    D_row[self] = 0",
        ]

    def _weighed(self) -> list[str]:
        """Return the loop that writes the weights and adds up the sums."""
        lines, (weight, *summed) = source.statements(self.form.of_pairs, self.real, "w")
        inside = [
            *_texts(lines, pairs=True),
            f"weight_part[j] = {weight}",
            *(f"{s} = add({s}, {found})" for s, found in zip(self.sums, summed, strict=True)),
        ]
        return [
            *_texts(lines, pairs=False),
            *(f"total_{name} = 0.0" for name in self.sums),
            *self._over_pairs(inside, self.sums),
        ]

    def _valued(self) -> list[str]:
        """Return the call of the row's function."""
        wide = [f"float64({p.value})" if p.kind == "real" else str(p.value) for p in self.rows]
        constants = [f"constants[{c}]" for c in range(self.form.constants)]
        sums = [f"total_{name}" for name in self.sums]
        return [
            f"found = of_row({', '.join(['float64(smallest)', *sums, *wide, *constants])})",
            "value[i] = found[0]",
            *(f"{name} = {self.real}(found[{k}])" for k, name in enumerate(self.numbers, 1)),
        ]

    def _pulled(self) -> list[str]:
        """Return the loop that writes the cotangents over D."""
        lines, (found,) = source.statements((self.form.cotangent,), self.real, "g")
        inside = [*_texts(lines, pairs=True), f"D_part[j] = {found}"]
        return [*_texts(lines, pairs=False), *self._over_pairs(inside, [])]

    def _over_pairs(self, inside: list[str], sums: list[str]) -> list[str]:
        """Return the loops over pairs."""
        read = [f"{name} = {name}_part[j]" for name in ("D", "weight", *self.columns)]
        return source.over_pairs(["D", "weight"], self.columns, read + inside, sums, self.real)


def _defined(name: str, parameters: str) -> list[str]:
    return ["", "", '@compiles(("contract",))', f"def {name}({parameters.removesuffix(', ')}):"]


def _texts(lines: list[Statement], *, pairs: bool) -> list[str]:
    """Return the assignments that differ between pairs of a row, or those that do not."""
    return [f"{p.name} = {p.text}" for p in lines if bool(p.part.axes & COLUMNS) is pairs]
