"""An expression's values on a tile, by array API calls.

A plan fixes in advance the order of the operations and the memory that each result overwrites. A
tile then needs few temporaries, whose allocation costs more than the arithmetic on them. If a
library cannot write to given arrays, each result is a new array.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from maha_core.arrays import device_of
from maha_core.expressions.expression import Expression, is_constant, ordered
from maha_core.expressions.lowering import lowered

Array = Any

NAMES = {"power": "pow"}
"""Names of operations in the array API standard, where they differ from ours."""

WITHOUT_OUT = frozenset({"real", "sign", "where"})
"""What some library that has ``out=`` cannot write there."""


class Step(NamedTuple):
    """One call: arguments are numbers of slots, or constants; the result goes to a slot.

    `over` tells that the slot may contain an array of the result's shape and dtype to overwrite.
    """

    operation: str
    arguments: tuple[int | Expression, ...]
    slot: int
    over: bool


class Plan(NamedTuple):
    """All calls in order, and the slots of inputs and outputs."""

    steps: tuple[Step, ...]
    slots: int
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[int | Expression, ...]


def evaluate(
    outputs: Sequence[Expression],
    xp: Any,
    inputs: Mapping[str, Array],
    like: str = "D",
    *,
    over: tuple[str, ...] = (),
) -> list[Array]:
    """Return the values of some expressions; their common parts are computed once.

    Parameters
    ----------
    outputs : sequence of Expression
    xp : namespace
        The array API namespace of the inputs.
    inputs : mapping of str to array
        By name; numbers of the rows' points are ``(r, 1)``, of the columns' points ``(1, c)``.
    like : str
        The input ``(r, c)`` that gives the results their shape and dtype.
    over : tuple of str
        The inputs ``(r, c)`` that may be overwritten, and returned as results.

    Returns
    -------
    list of array
        Each ``(r, c)``; the same array where two expressions are the same.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.expressions import derivative, evaluate, trace, variable
    >>> D = variable("D")
    >>> square = trace(lambda D: D**2, [D])
    >>> values, slopes = evaluate([square, derivative(square, D)], np, {"D": np.asarray([[3.0]])})
    >>> float(values[0, 0]), float(slopes[0, 0])
    (9.0, 6.0)
    """
    plan = planned(tuple(outputs), over)
    D = inputs[like]
    shape, run = D.shape, _Run(xp, D)
    slots: list[Array] = [None] * plan.slots
    for name, slot in plan.inputs:
        slots[slot] = inputs[name]
    for operation, arguments, slot, written in plan.steps:
        given = [slots[a] if isinstance(a, int) else a.value for a in arguments]
        slots[slot] = run.call(operation, given, slots[slot] if written else None)
    found = (slots[o] if isinstance(o, int) else o.value for o in plan.outputs)
    return [run.full(value, shape) for value in found]


class _Run:
    """The execution of a plan by one library, on arrays of one dtype."""

    def __init__(self, xp: Any, like: Array) -> None:
        self.xp = xp
        self.dtype = like.dtype
        self.device = device_of(like)
        self.writes = takes_out(xp)

    def call(self, operation: str, arguments: list[Any], over: Array | None) -> Array:
        xp = self.xp
        if operation == "real":
            return xp.astype(arguments[0], self.dtype)
        if operation == "where" and not any(map(_is_array, arguments[1:])):
            arguments[1] = self.number(arguments[1])
        function = getattr(xp, NAMES.get(operation, operation))
        if over is None or not self.writes or operation in WITHOUT_OUT:
            return function(*arguments)
        return function(*arguments, out=over)

    def full(self, value: Any, shape: tuple[int, ...]) -> Array:
        if not _is_array(value):
            return self.xp.full(shape, value, dtype=self.dtype, device=self.device)
        if value.shape == shape:
            return value
        return value + self.xp.zeros(shape, dtype=self.dtype, device=self.device)

    def number(self, value: float | bool) -> Array:
        dtype = self.xp.bool if isinstance(value, bool) else self.dtype
        return self.xp.full((1, 1), value, dtype=dtype, device=self.device)


def _is_array(value: Any) -> bool:
    return not isinstance(value, bool | int | float)


@cache
def takes_out(xp: Any) -> bool:
    """Tell whether a library's functions support ``out=``."""
    trial = xp.zeros((1, 1))
    try:
        return xp.exp(trial, out=trial) is trial
    except TypeError:
        return False


@lru_cache(maxsize=512)
def planned(outputs: tuple[Expression, ...], over: tuple[str, ...]) -> Plan:
    """Return the plan of some expressions; the inputs `over` may be overwritten."""
    outputs = lowered(outputs)
    parts = ordered(outputs)
    last_use = {argument: i for i, part in enumerate(parts) for argument in part.arguments}
    last_use |= dict.fromkeys(outputs, len(parts))
    memory = _Memory()
    inputs, steps = [], []
    for i, part in enumerate(parts):
        if part.operation == "input":
            slot = memory.new(part, own=part.value in over)
            inputs.append((str(part.value), slot))
        elif not is_constant(part):
            arguments = tuple(memory.where(argument) for argument in part.arguments)
            for argument in dict.fromkeys(part.arguments):
                if last_use[argument] == i:
                    memory.give_back(argument)
            slot, used = memory.take(part)
            steps.append(Step(part.operation, arguments, slot, used))
    found = tuple(memory.where(output) for output in outputs)
    return Plan(tuple(steps), memory.slots, tuple(inputs), found)


class _Memory:
    """The slots of the parts of expressions, and the slots that are free."""

    def __init__(self) -> None:
        self.slots = 0
        self.of: dict[Expression, int] = {}
        self.own: set[int] = set()
        self.free: dict[object, list[int]] = {}

    def where(self, part: Expression) -> int | Expression:
        return part if is_constant(part) else self.of[part]

    def new(self, part: Expression, *, own: bool) -> int:
        slot = self.of[part] = self.slots
        self.slots += 1
        if own:
            self.own.add(slot)
        return slot

    def take(self, part: Expression) -> tuple[int, bool]:
        """Return a slot for a part, and whether there is an array of its shape and dtype."""
        free = self.free.get((part.axes, part.kind))
        if free:
            self.of[part] = free.pop()
            return self.of[part], True
        return self.new(part, own=True), False

    def give_back(self, part: Expression) -> None:
        slot = self.of.get(part)
        if slot in self.own:
            self.free.setdefault((part.axes, part.kind), []).append(slot)
