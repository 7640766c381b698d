"""Elementwise computations on a tile: expressions, sums of the rows, softmax weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from maha_core.arrays import namespace
from maha_core.expressions import Expression, evaluate, variable
from maha_core.expressions.operation import apply
from maha_core.tiles.tile import Weights

if TYPE_CHECKING:
    from maha_core.tiles.term import Term
    from maha_core.tiles.tile import Evaluation, Tile, TileTerms, Values

Array = Any

NEARNESS = apply("negative", variable("D"))
"""The exponent -D."""


class ArrayArithmetic:
    """Elementwise computations on a tile, by array API calls.

    Parameters
    ----------
    exp, difference, quiet : callable
        The methods of `maha_core.tiles.kernels.TileKernels`.
    """

    def __init__(
        self,
        exp: Callable[[Array], Array],
        difference: Callable[[Array, Array], Array],
        quiet: Callable[[], AbstractContextManager[object]],
    ) -> None:
        self.exp = exp
        self.difference = difference
        self.quiet = quiet

    def product(self, left: Array, right: Array) -> Array:
        """Return a product of matrices, without warnings: BLAS may set spurious flags."""
        with self.quiet():
            return left @ right

    def evaluate(
        self,
        tile: Tile,
        outputs: Sequence[Expression],
        inputs: Mapping[str, Array],
        over: tuple[str, ...],
    ) -> list[Array]:
        """Return the values ``(r, c)`` of expressions, 0 for self-pairs.

        The inputs named in `over` may be overwritten.
        """
        found = evaluate(outputs, tile.xp, inputs, over=over)
        return [tile.fill_self(values, 0.0) for values in found]

    def sums(
        self,
        tile: Tile,
        summands: Sequence[tuple[Expression, Values]],
        outputs: Sequence[Expression],
        inputs: Mapping[str, Array],
        over: tuple[str, ...],
    ) -> tuple[list[Array], list[Array]]:
        """Return the sums ``(r, w)`` of expressions times values, and the result of `evaluate`."""
        both = [e for e, _ in summands] + list(outputs)
        found = self.evaluate(tile, both, inputs, over)
        sums = [v.sums(tile, e) for (_, v), e in zip(summands, found, strict=False)]
        return sums, found[len(summands) :]

    def weights(self, tile: Tile, e: Expression, values: Values | None) -> Weights:
        """Return the softmax weights of a tile's rows, and their sums."""
        if not tile.sqdist.shape[1]:
            return self._of_nothing(tile, values)
        shift, exponents = self._shifted(tile, e, None)
        # An exponent of -inf excludes a pair: its weight is exactly 0.
        k = self.exp(exponents) if e is NEARNESS else tile.xp.exp(exponents)
        k = tile.fill_self(k, 0.0)
        return Weights(shift, k, self._sums(tile, k, values))

    def _of_nothing(self, tile: Tile, values: Values | None) -> Weights:
        """Return the weights of rows without columns."""
        D = tile.sqdist
        return Weights(tile.row_total(D) + float("inf"), D, self._sums(tile, D, values))

    def _sums(self, tile: Tile, k: Array, values: Values | None) -> tuple[Array, ...]:
        if values is None:
            return (tile.xp.sum(k, axis=1, keepdims=True),)
        return values.sums_beside_ones(tile, k)

    def weighed(self, tile: Tile, e: Expression, shift: Array) -> Array:
        """Return the same weights for a given shift."""
        return tile.fill_self(self.exp(self._shifted(tile, e, shift)[1]), 0.0)

    def term(
        self,
        tile: Tile,
        values: Values,
        name: str,
        g: Array,
        mean: Array | None,
        less: Array | None = None,
    ) -> Term:
        """Return ``g_i . (b_j - mean_i) - less_i`` in the form that is fastest here."""
        return values.term(tile, name, g, mean, less)

    def of_rows(self, D: Array, f: Callable[[slice], tuple[Array, Array]]) -> Any:
        """Return the results of a function of rows of D: numbers ``(r, 1)``, entries ``(r, c)``.

        It may be called for some rows at a time. The entries may be overwritten: they are a copy,
        because the function may keep a reference to its result.
        """
        numbers, entries = f(slice(0, D.shape[0]))
        return numbers, namespace(entries).asarray(entries, copy=True)

    def below(self, tile: Tile, bound: Array) -> tuple[Array, Array] | None:
        """Return rows and columns of the entries of D below their row's bound ``(r,)``.

        NaN is included, and self-pairs may be. None if the entries are many, or if comparing all
        entries is as fast.
        """
        return None

    def evaluate_whole_rows(self, tile: Tile, terms: TileTerms) -> Evaluation | None:
        """Return a row-wise loss's values and cotangents in one step, for a tile of whole rows.

        D may be overwritten. None if there is no faster way than one reduction after another.
        """
        return None

    def _shifted(self, tile: Tile, e: Expression, shift: Array | None) -> tuple[Array, Array]:
        """Return a shift and ``shift + e``, which may be overwritten."""
        xp, over = tile.xp, ("D",) if tile.spare else ()
        if e is NEARNESS:
            shift = tile.row_minimum() if shift is None else shift
            level = finite(xp, shift)
            D = tile.sqdist
            exponents = self.difference(level, D) if tile.spare else level - D
            return shift, tile.fill_self(exponents, 0.0)
        (exponents,) = evaluate([e], xp, tile.inputs(), over=over)
        exponents = tile.fill_self(exponents, float("-inf"))
        if shift is None:
            shift = -xp.max(exponents, axis=1, keepdims=True)
        return shift, exponents + finite(xp, shift)


def finite(xp: Any, shift: Array) -> Array:
    """Return a shift, with 0 for the infinite shift of a row without pairs."""
    return xp.where(xp.isinf(shift), xp.zeros_like(shift), shift)
