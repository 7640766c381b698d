"""Expressions of all pairs as code for kernels/visit.cuh, independent of the loss."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from maha_core.expressions import ROWS, Expression, cuda_source, substituted, variable
from maha_core.expressions.expression import ordered
from maha_cupy.launch import BLOCK
from maha_cupy.library import cp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from maha_cupy.question import Question

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

OF_PAIRS = frozenset({"D", "smallest"})
"""The inputs of expressions that the kernels themselves know."""


class Value(NamedTuple):
    """A name in an expression: an array of one value for every row, or for every column."""

    name: str
    dtype: str
    of_row: bool

    @property
    def side(self) -> str:
        """Whether they are numbers of rows or of columns."""
        return "row" if self.of_row else "column"

    @property
    def parameter(self) -> str:
        """The kernel's parameter."""
        return f", const {TYPES[self.dtype]}* {self.name}_values"

    @property
    def field(self) -> str:
        """The declaration of a pointer to a block's part."""
        return f"const {TYPES[self.dtype]}* {self.name};"

    @property
    def declaration(self) -> str:
        """The declaration of the value for one pair."""
        index = "own_index" if self.of_row else "other_index"
        return f"const {TYPES[self.dtype]} {self.name} = sides.{self.name}[{index}];"

    def part(self, side: str) -> str:
        """The part of a block's rows, or columns."""
        return f"__shared__ {TYPES[self.dtype]} {self.name}_of_{side}s[BLOCK];"

    def copy(self, side: str) -> str:
        """The statement that copies one number to a block's part."""
        return f"{self.name}_of_{side}s[thread] = {self.name}_values[{side}];"

    def first(self, side: str) -> str:
        """The start of a thread's numbers."""
        return f"{self.name}_of_{side}s + {STARTS[side]}"


class Compiled(NamedTuple):
    """The macros before a kernel's source, its array arguments, and its numbers of sums."""

    macros: str
    arrays: tuple[Array, ...]
    sums: int


def compiled(question: Question, numbers: Mapping[str, Array], *, mutual: bool) -> Compiled:
    """Return a question as code for the kernels; `mutual` tells that there is no Y.

    `numbers` are the arrays ``(n,)`` or ``(m,)`` by the names of the inputs.
    """
    inputs = inputs_of(question.expressions)
    arrays = tuple(cp.ascontiguousarray(numbers[str(part.value)]) for part in inputs)
    dtypes = tuple(array.dtype.name for array in arrays)
    number = len(question.summed) + (question.exponent is not None)
    return Compiled(_macros(question, inputs, dtypes, mutual), arrays, number)


def inputs_of(expressions: Iterable[Expression]) -> tuple[Expression, ...]:
    """Return the numbers of rows and columns that occur in expressions."""
    parts = ordered(expressions)
    return tuple(p for p in parts if p.operation == "input" and p.value not in OF_PAIRS)


def has_room(question: Question, numbers: Mapping[str, Array], *, mutual: bool) -> bool:
    """Tell whether a block of threads has shared memory for the numbers of a question."""
    inputs = inputs_of(question.expressions)
    size = sum(numbers[str(part.value)].dtype.itemsize for part in inputs)
    return bool(size * BLOCK * (2 if mutual else 1) <= ROOM)


@lru_cache(maxsize=256)
def _macros(
    question: Question, inputs: tuple[Expression, ...], dtypes: tuple[str, ...], mutual: bool
) -> str:
    # Users' names may have another meaning in C++.
    names = {part: f"number_{i}" for i, part in enumerate(inputs)}
    kinds = zip(inputs, dtypes, strict=True)
    values = tuple(Value(names[part], dtype, part.axes == ROWS) for part, dtype in kinds)
    asked = {"MUTUAL": "" if mutual else None}
    for macro, expression in (("EXPONENT", question.exponent), ("ENTRY", question.entry)):
        asked[macro] = None if expression is None else _source(expression, names)
    if question.summed:
        # Every term is computed, so that terms share exponentials and threads do not diverge.
        added = (
            f"const real term_{f} = {_source(term, names)}; "
            f"sums[{f}] += counted ? term_{f} : (real)0;"
            for f, term in enumerate(question.summed)
        )
        asked |= {"SUMS": str(len(question.summed)), "ADD": " ".join(added)}
    defined = _of_values(values, mutual) | asked
    given = {name: text for name, text in defined.items() if text is not None}
    return "".join(f"#define {name} {text}\n" for name, text in given.items())


def _source(expression: Expression, names: Mapping[Expression, str]) -> str:
    for part, name in names.items():
        expression = substituted(expression, part, variable(name, part.axes, part.kind))
    return cuda_source(expression)


def _of_values(values: tuple[Value, ...], mutual: bool) -> dict[str, str | None]:
    """Return the macros that load the numbers of arrays for a pair."""
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
