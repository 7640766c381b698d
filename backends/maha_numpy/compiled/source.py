"""The text of a pass over the rows of a tile, generated from expressions of one pair."""

from __future__ import annotations

import inspect
from functools import lru_cache
from math import isfinite
from typing import NamedTuple

from maha_core.expressions import COLUMNS, PAIRS, ROWS, Expression, variable
from maha_core.expressions.expression import is_constant, node, ordered
from maha_core.expressions.lowering import lowered
from maha_core.expressions.operations import TABLE
from maha_core.expressions.source import Statement, python_statements
from maha_numpy.compiled import elementary

STRETCH = 2048
"""So many entries are added in the tile's dtype; sums of stretches are added in float64."""

FUNCTIONS = ("exp", "expm1", "log", "log1p", "tanh", "logaddexp")
"""Operations for which `elementary` has a form without branches."""

SIMPLE = frozenset(TABLE) - {*FUNCTIONS, "power", "matern32", "matern52"}
"""Operations for which every machine has an instruction or two."""


LARGEST_LABEL = 2**63
"""Labels are numbers of 64 bits; what is no such number is never equal to one."""


class Asked(NamedTuple):
    """The expressions that a pass computes for each pair.

    Attributes
    ----------
    outputs : tuple of Expression
        The outputs, 0 for self-pairs.
    summed : tuple of Expression
        The summands of each row, without self-pairs.
    over : tuple of str or None
        The input of pairs that each output overwrites; None for a new array.
    """

    outputs: tuple[Expression, ...] = ()
    summed: tuple[Expression, ...] = ()
    over: tuple[str | None, ...] = ()

    @property
    def inputs(self) -> tuple[Expression, ...]:
        """The inputs, in the order of the pass's arguments."""
        return formed(self).inputs


class Form(NamedTuple):
    """The common form of passes that differ only in names and constants.

    Attributes
    ----------
    outputs, summed : tuple of Expression
        Of inputs ``x0, x1, ...`` and numbers ``c0, c1, ...``, which no other name can meet.
    inputs : tuple of Expression
        Those ``x``.
    over : tuple of int or None
        The number of the input over which each output is written.
    numbers : int
        The number of constants.
    """

    outputs: tuple[Expression, ...]
    summed: tuple[Expression, ...]
    inputs: tuple[Expression, ...]
    over: tuple[int | None, ...]
    numbers: int


class Formed(NamedTuple):
    """The form of a pass, and the inputs and numbers that stand for its own."""

    form: Form
    inputs: tuple[Expression, ...]
    numbers: tuple[float, ...]


@lru_cache(maxsize=512)
def formed(asked: Asked) -> Formed:
    """Return the form of the expressions of a pass.

    A kernel with a different length scale in each call is thus compiled only once.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.expressions import trace, variable
    >>> from maha_numpy.compiled.source import Asked, formed
    >>> D = variable("D")
    >>> known = formed(Asked((trace(lambda D: np.exp(-0.3 * D), [D]),), (), ("D",)))
    >>> known.form.outputs, known.inputs, known.numbers
    ((exp(multiply(c0, x0)),), (D,), (-0.3,))
    """
    expressions = lowered(asked.outputs + asked.summed)
    found, given, inputs, numbers = anonymous(expressions)
    names = [part.value for part in inputs]
    over = tuple(None if name is None else names.index(name) for name in asked.over)
    outputs, summed = found[: len(asked.outputs)], found[len(asked.outputs) :]
    return Formed(Form(outputs, summed, given, over, len(numbers)), inputs, numbers)


class Anonymous(NamedTuple):
    """Expressions of inputs ``x0, x1, ...`` and numbers ``c0, c1, ...``, and their meaning."""

    expressions: tuple[Expression, ...]
    given: tuple[Expression, ...]
    inputs: tuple[Expression, ...]
    numbers: tuple[float, ...]


def anonymous(
    expressions: tuple[Expression, ...], named: frozenset[Expression] = frozenset()
) -> Anonymous:
    """Return expressions without the names of inputs, except those in `named`, and constants."""
    new: dict[Expression, Expression] = {}
    inputs: list[Expression] = []
    numbers: list[float] = []
    for part in ordered(expressions):
        if part.operation == "input" and part not in named:
            new[part] = variable(f"x{len(inputs)}", part.axes, part.kind)
            inputs.append(part)
        elif is_constant(part) and not _is_plain(part):
            new[part] = variable(f"c{len(numbers)}", 0)
            numbers.append(float(part.value or 0))
        elif part.arguments:
            arguments = tuple(new[argument] for argument in part.arguments)
            new[part] = node(part.operation, arguments, part.kind)
        else:
            new[part] = part
    found, given = (tuple(new[part] for part in parts) for parts in (expressions, inputs))
    return Anonymous(found, given, tuple(inputs), tuple(numbers))


def _is_plain(number: Expression) -> bool:
    """Tell whether a number stands in the text: what is no real number, or belongs to a formula."""
    if number.kind != "real":
        return True
    value = float(number.value or 0)
    return not isfinite(value) or (abs(value) <= 16 and (4 * value).is_integer())


@lru_cache(maxsize=512)
def asked(
    outputs: tuple[Expression, ...], summed: tuple[Expression, ...], over: tuple[str, ...]
) -> Asked | None:
    """Return the expressions of a pass; None if they have no fast form, or there are none.

    The inputs of pairs that are named in `over` may be overwritten.
    """
    if not is_fast(outputs + summed):
        return None
    if not summed and all(part.value in over for part in outputs):
        return None
    read = Asked(outputs, summed).inputs
    matrices = {part.value for part in read if part.axes == PAIRS and part.kind == "real"}
    free = [name for name in dict.fromkeys(over) if name in matrices]
    return Asked(outputs, summed, tuple(free.pop(0) if free else None for _ in outputs))


@lru_cache(maxsize=512)
def is_fast(expressions: tuple[Expression, ...]) -> bool:
    """Tell whether every operation has a form without branches, and every number a type."""
    parts = ordered(lowered(expressions))
    used = {part.operation for part in parts if part.arguments}
    whole = (part.value for part in parts if is_constant(part) and part.kind == "integer")
    known = all(-LARGEST_LABEL <= int(value or 0) < LARGEST_LABEL for value in whole)
    return known and used <= SIMPLE | set(FUNCTIONS)


def text(form: Form, real: str) -> str:
    """Return a module with the pass ``run``, for arrays of the type `real`.

    ``run(rows, columns, itself, sums, numbers, *inputs, *outputs)`` takes numbers of rows and
    columns as vectors, and pairs as matrices; ``itself`` is the column of the first row's self-pair
    less its number. ``sums (rows, count)`` is of float64.
    """
    lines, found = statements(form.outputs + form.summed, real)
    body = _Body(form, real, lines, found)
    return "\n".join([head(), *body.lines()]) + "\n"


def statements(
    outputs: tuple[Expression, ...], real: str, prefix: str = "t"
) -> tuple[list[Statement], list[str]]:
    """Return the assignments of expressions, and their texts, with our elementary functions."""
    functions = {name: f"{name}_{real}({_arguments(name)})" for name in FUNCTIONS}
    return python_statements(outputs, real, functions, prefix)


def _arguments(name: str) -> str:
    return ", ".join(f"{{{i}}}" for i in range(TABLE[name].arity))


def head() -> str:
    """Return the elementary functions as passes, and how numbers are added."""
    contracted = inspect.getsource(elementary).replace("\ndef ", '\n@compiles(("contract",))\ndef ')
    return f"""from numpy import float32, float64

from maha_numpy.compiled.jit import compiles

{contracted}

@compiles(("contract", "reassoc", "nsz"))
def add(a, b):
    return a + b
"""


class _Body:
    """The function ``run``."""

    def __init__(
        self, form: Form, real: str, statements: list[Statement], found: list[str]
    ) -> None:
        self.form = form
        self.real = real
        self.statements = statements
        outputs = len(form.outputs)
        self.outputs, self.summed = found[:outputs], found[outputs:]

    def lines(self) -> list[str]:
        new = [f"new_{o}_all" for o, over in enumerate(self.form.over) if over is None]
        inputs = [f"{part.value}_all" for part in self.form.inputs]
        parameters = ["rows", "columns", "itself", "sums", "numbers", *inputs, *new]
        return [
            "",
            '@compiles(("contract",))',
            f"def run({', '.join(parameters)}):",
            *(f"    c{c} = numbers[{c}]" for c in range(self.form.numbers)),
            "    for i in range(rows):",
            *indented(8, self._row()),
        ]

    def _row(self) -> list[str]:
        return [
            *self._opened(),
            *(f"{line.name} = {line.text}" for line in self._of(ROWS)),
            *(f"total_{name} = 0.0" for name in self._sums),
            *SELF,
            *self._pairs(),
            *(f"sums[i, {s}] = total_{name}" for s, name in enumerate(self._sums)),
            *self._closed(),
        ]

    def _opened(self) -> list[str]:
        """Return the row of every matrix, and the row's numbers."""
        rows = [f"{name}_row = {name}_all[i]" for name in self._matrices]
        numbers = [part.value for part in self.form.inputs if part.axes == ROWS]
        return [*rows, *(f"{name} = {name}_all[i]" for name in numbers)]

    @property
    def _matrices(self) -> list[str]:
        """The matrices that are read or written."""
        pairs = [str(part.value) for part in self.form.inputs if part.axes == PAIRS]
        return [*pairs, *(f"new_{o}" for o, over in enumerate(self.form.over) if over is None)]

    @property
    def _sums(self) -> list[str]:
        return [f"sum_{s}" for s in range(len(self.summed))]

    def _pairs(self) -> list[str]:
        """Return the loop that writes the outputs and adds up the sums."""
        inputs = self.form.inputs
        columns = [str(part.value) for part in inputs if part.axes == COLUMNS]
        inside = [
            *(f"{part.value} = {part.value}_part[j]" for part in inputs if part.axes & COLUMNS),
            *(f"{line.name} = {line.text}" for line in self._of(COLUMNS, PAIRS)),
            *(f"{s} = add({s}, {found})" for s, found in zip(self._sums, self.summed, strict=True)),
            *(f"{self._matrix(o)}_part[j] = {found}" for o, found in enumerate(self.outputs)),
        ]
        return over_pairs(self._matrices, columns, inside, self._sums, self.real)

    def _closed(self) -> list[str]:
        """Return what becomes of the self-pair."""
        cleared = [f"    {self._matrix(o)}_row[self] = 0" for o in range(len(self.outputs))]
        return ["if self < columns:", *cleared] if cleared else []

    def _matrix(self, o: int) -> str:
        over = self.form.over[o]
        return f"new_{o}" if over is None else f"x{over}"

    def _of(self, *axes: int) -> list[Statement]:
        """Return the statements of some axes; what is no number of a pair is the row's."""
        return [line for line in self.statements if (line.part.axes or ROWS) in axes]


SELF = ("self = i + itself", "self = self if 0 <= self < columns else columns")
"""The column of a row's self-pair; the number of columns if it has none."""


def over_pairs(
    matrices: list[str], columns: list[str], inside: list[str], sums: list[str], real: str
) -> list[str]:
    """Return loops over the pairs of a row, without its self-pair, in stretches.

    An index from 0 on is seen not to be negative, hence slices.

    Parameters
    ----------
    matrices, columns : list of str
        Names of matrices, with rows ``{name}_row``, and of vectors of columns, ``{name}_all``. The
        part of each in a stretch is ``{name}_part``.
    inside : list of str
        What is done for column j of a stretch.
    sums : list of str
        The sums of a stretch, of the type `real`, which are added to ``total_{sum}``.
    """
    return [
        "for part in range(2):",
        "    low, high = (0, self) if part == 0 else (self + 1, columns)",
        "    while low < high:",
        f"        stop = min(low + {STRETCH}, high)",
        *(f"        {name}_part = {name}_row[low:stop]" for name in matrices),
        *(f"        {name}_part = {name}_all[low:stop]" for name in columns),
        *(f"        {name} = {real}(0.0)" for name in sums),
        "        for j in range(stop - low):",
        *indented(12, inside),
        *(f"        total_{name} += float64({name})" for name in sums),
        "        low = stop",
    ]


def indented(width: int, lines: list[str]) -> list[str]:
    """Return lines of text further to the right."""
    return [" " * width + line for line in lines]
