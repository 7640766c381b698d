"""Elementwise computations on a tile, in one compiled pass instead of one NumPy call per step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from maha_core.expressions import COLUMNS, PAIRS, ROWS, Expression, variable
from maha_core.expressions.algebra import minus, negative, times
from maha_core.expressions.operation import apply, number
from maha_core.sweeps.whole_rows import row_expressions
from maha_core.tiles.arithmetic import NEARNESS, ArrayArithmetic, finite
from maha_core.tiles.tile import Evaluation, Weights
from maha_numpy import candidates
from maha_numpy.compiled import passes, source, whole_rows
from maha_numpy.compiled.source import Asked

if TYPE_CHECKING:
    from maha_core.tiles.term import Term
    from maha_core.tiles.tile import Tile, TileTerms, Values

Array = Any

SHIFT, EXPONENT = variable("shift", ROWS), variable("exponent")


class Exponents(NamedTuple):
    """The exponent of a pair as an expression of some inputs, and the shift ``(r, 1)`` of a row.

    The inputs named in `over` may be overwritten.
    """

    e: Expression
    shift: Array
    inputs: Mapping[str, Array]
    over: tuple[str, ...]


class CompiledArithmetic:
    """Passes generated from expressions; expressions without a fast form use array API calls.

    Parameters
    ----------
    arrays : ArrayArithmetic
    """

    def __init__(self, arrays: ArrayArithmetic) -> None:
        self.arrays = arrays

    def product(self, left: Array, right: Array) -> Array:
        """Return a product of matrices."""
        return self.arrays.product(left, right)

    def evaluate(
        self,
        tile: Tile,
        outputs: Sequence[Expression],
        inputs: Mapping[str, Array],
        over: tuple[str, ...],
    ) -> list[Array]:
        """Return the values ``(r, c)`` of expressions, 0 for self-pairs."""
        return self.sums(tile, (), outputs, inputs, over)[1]

    def sums(
        self,
        tile: Tile,
        summands: Sequence[tuple[Expression, Values]],
        outputs: Sequence[Expression],
        inputs: Mapping[str, Array],
        over: tuple[str, ...],
    ) -> tuple[list[Array], list[Array]]:
        """Return the sums ``(r, w)`` of expressions times values, and the result of `evaluate`."""
        numbers = {s: v.number_on(tile) for s, (_, v) in enumerate(summands)}
        summed = [_product(summands[s][0], b) for s, b in numbers.items() if b is not None]
        multiplied = [e for s, (e, _) in enumerate(summands) if numbers[s] is None]
        asked = _asked(tile, [*multiplied, *outputs], summed, inputs, over)
        if asked is None:
            return self.arrays.sums(tile, summands, outputs, inputs, over)
        found = passes.run(asked, tile.sqdist, inputs, _itself(tile))
        of_numbers = iter(_columns(found.sums))
        of_vectors = iter(found.outputs[: len(multiplied)])
        sums = [
            next(of_numbers) if numbers[s] is not None else v.sums(tile, next(of_vectors))
            for s, (_, v) in enumerate(summands)
        ]
        return sums, found.outputs[len(multiplied) :]

    def weights(self, tile: Tile, e: Expression, values: Values | None) -> Weights:
        """Return the softmax weights of a tile's rows, and their sums."""
        b = None if values is None else values.number_on(tile)
        fits = b is None or _asked(tile, [], [b], tile.inputs(), ()) is not None
        exponents = self._exponents(tile, e) if fits else None
        if exponents is None:
            return self.arrays.weights(tile, e, values)
        e, shift, inputs, over = exponents
        k = _weight(e)
        summed = [k] if values is None or b is None else [k, _product(k, b)]
        given = {**inputs, str(SHIFT.value): finite(np, shift)}
        asked = _asked(tile, [k], summed, given, over)
        assert asked is not None
        found = passes.run(asked, tile.sqdist, given, _itself(tile))
        (weights,), sums = found.outputs, _columns(found.sums.astype(tile.sqdist.dtype))
        if values is not None and b is None:
            sums = [sums[0], values.sums(tile, weights)]
        return Weights(shift, weights, tuple(sums))

    def weighed(self, tile: Tile, e: Expression, shift: Array) -> Array:
        """Return the same weights for a given shift."""
        inputs = tile.inputs(**{str(SHIFT.value): finite(np, shift)})
        asked = _asked(tile, [_weight(e)], [], inputs, ("D",) if tile.spare else ())
        if asked is None:
            return self.arrays.weighed(tile, e, shift)
        return passes.run(asked, tile.sqdist, inputs, _itself(tile)).outputs[0]

    def term(
        self,
        tile: Tile,
        values: Values,
        name: str,
        g: Array,
        mean: Array | None,
        less: Array | None = None,
    ) -> Term:
        """Return ``g_i . (b_j - mean_i) - less_i``; for numbers, as an expression."""
        if values.number_on(tile) is None:
            return self.arrays.term(tile, values, name, g, mean, less)
        return values.pull(name, g, mean, less)

    def of_rows(self, D: Array, f: Callable[[slice], tuple[Array, Array]]) -> Any:
        """Return a function's results for rows of D."""
        return self.arrays.of_rows(D, f)

    def below(self, tile: Tile, bound: Array) -> tuple[Array, Array] | None:
        """Return rows and columns of the entries below their row's bound; None if many."""
        return candidates.below(tile.sqdist, tile.row_minimum()[:, 0], bound)

    def evaluate_whole_rows(self, tile: Tile, terms: TileTerms) -> Evaluation | None:
        """Return a row-wise loss's values and cotangents in one pass; None if that is not known."""
        found = None if tile.vectors or not tile.sqdist.size else row_expressions(terms)
        asked = None if found is None else whole_rows.formed(found)
        if asked is None:
            return None
        inputs = tile.numbers()
        if not all(_fits(part, tile, inputs) for part in asked.inputs):
            return None
        smallest = tile.row_minimum()
        return Evaluation(*whole_rows.run(asked, tile.sqdist, smallest, inputs, _itself(tile)))

    def _exponents(self, tile: Tile, e: Expression) -> Exponents | None:
        """Return the rows' exponents and their shift, None if e has no fast form."""
        inputs, over = tile.inputs(), ("D",) if tile.spare else ()
        asked = _asked(tile, [e], [], inputs, over)
        if asked is None:
            return None
        if e is NEARNESS:
            return Exponents(e, tile.row_minimum(), inputs, over)
        (exponents,) = passes.run(asked, tile.sqdist, inputs).outputs
        exponents = tile.fill_self(exponents, float("-inf"))
        shift = -np.maximum.reduce(exponents, axis=1, keepdims=True)
        name = str(EXPONENT.value)
        return Exponents(EXPONENT, shift, {**inputs, name: exponents}, (name,))


def _weight(e: Expression) -> Expression:
    """Return ``exp(shift + e)``."""
    return apply("exp", minus(SHIFT, negative(e)) or number(0))


def _product(x: Expression, y: Expression) -> Expression:
    return times(x, y) or number(0)


def _columns(sums: Array) -> list[Array]:
    """Return each of some sums as a column ``(r, 1)``."""
    return [sums[:, s : s + 1] for s in range(sums.shape[1])]


def _itself(tile: Tile) -> int:
    return passes.NO_SELF if tile.self_pairs is None else tile.self_pairs.offset


def _asked(
    tile: Tile,
    outputs: Sequence[Expression],
    summed: Sequence[Expression],
    inputs: Mapping[str, Array],
    over: tuple[str, ...],
) -> Asked | None:
    """Return the expressions of a pass, None if array API calls are better."""
    asked = source.asked(tuple(outputs), tuple(summed), over) if tile.sqdist.size else None
    if asked is None or not all(_fits(part, tile, inputs) for part in asked.inputs):
        return None
    return asked


def _fits(part: Expression, tile: Tile, inputs: Mapping[str, Array]) -> bool:
    """Tell whether an input has its expected shape, and an input of pairs the dtype of D."""
    values, (r, c) = inputs[str(part.value)], tile.sqdist.shape
    if part.kind == "integer" and not np.can_cast(values.dtype, np.int64):
        return False  # labels outside the range of a pass's numbers
    if part.axes == PAIRS:
        fits = part.kind != "real" or values.dtype == tile.sqdist.dtype
        return bool(values.shape == (r, c) and fits)
    return bool(values.shape == ((1, c) if part.axes == COLUMNS else (r, 1)))
