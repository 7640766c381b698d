"""Listed pairs: selected for each block of rows, and computed in the block of D of each pair."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dask.array as da
from dask._task_spec import TaskRef

from maha_core.problem import Gradient, Pairs, Tangents
from maha_dask import sums
from maha_dask.arrays import meta
from maha_dask.operation import Operation
from maha_dask.points import Side, checked_whole, whole
from maha_dask.tangents import Directions
from maha_dask.tasks import chunks, listed, shares

Array = Any
Pair = tuple[int, int]


class ListedPairs:
    """The listed pairs of an operation in its graph.

    Raises
    ------
    ValueError
        Chunk sizes are unknown, so that the blocks of the pairs are unknown.
    """

    def __init__(
        self, op: Operation, given: Pairs, arguments: tuple[str, str], ascending: bool = False
    ) -> None:
        refuse_unknown_sizes(op)
        self.op = op
        self.size = given.i.shape[0]
        graph = op.graph
        i = self._whole("index-i", given.i, arguments[0], op.X)
        if ascending:
            i = graph.add("ascending", (), chunks.ascending, i, arguments[0])
        j = self._whole("index-j", given.j, arguments[1], op.columns)
        self.of_row = {
            row: graph.add("listed", (row,), listed.of_rows, i, j, *_bounds(op.X, row))
            for row in op.X.blocks
        }

    def _whole(self, kind: str, index: da.Array, argument: str, side: Side) -> TaskRef:
        array = whole(index)
        source = self.op.graph.chunk(array, 0)
        return self.op.graph.add(kind, (), chunks.index, source, argument, sum(side.sizes))

    def blocks(self) -> list[Pair]:
        """Return all blocks of D."""
        return [(i, j) for i in self.op.X.blocks for j in self.op.columns.blocks]

    def in_block(self, row: int, column: int) -> tuple[object, ...]:
        """Return the arguments of a task for a block and its pairs."""
        op = self.op
        bounds = _bounds(op.columns, column)
        return (op.setting, *op.pair(row, column), self.of_row[row], *bounds)

    def numbers(
        self, kind: str, function: Callable[..., Any], more: Callable[[int, int], tuple[Any, ...]]
    ) -> dict[int, TaskRef]:
        """Return a number per pair, for every block of rows."""
        graph, found = self.op.graph, {}
        for row in self.op.X.blocks:
            parts = [
                graph.add(
                    kind, (row, column), function, *self.in_block(row, column), *more(row, column)
                )
                for column in self.op.columns.blocks
            ]
            found[row] = graph.add(f"{kind}-of-row", (row,), listed.gathered, parts)
        return found

    def assembled(self, kind: str, numbers: dict[int, TaskRef]) -> da.Array:
        """Return the numbers of all pairs in the order of the list."""
        graph = self.op.graph
        parts = [
            graph.add("found", (row,), listed.found, self.of_row[row], numbers[row])
            for row in self.op.X.blocks
        ]
        graph.add(kind, (0,), listed.gathered, parts)
        return graph.array(kind, ((self.size,),), meta(self.op.X.array, 1))


def sqdist(op: Operation, given: Pairs) -> da.Array:
    """Return D ``(p,)``."""
    pairs = ListedPairs(op, given, ("pairs[0]", "pairs[1]"))
    numbers = pairs.numbers("pairs", listed.sqdist, lambda row, column: ())
    return pairs.assembled("pair-sqdist", numbers)


def jvp(op: Operation, directions: Tangents, given: Pairs) -> da.Array:
    """Return dD ``(p,)``."""
    pairs = ListedPairs(op, given, ("pairs[0]", "pairs[1]"))
    numbers = pairs.numbers("pairs", listed.jvp, Directions(op, directions).of_block)
    return pairs.assembled("pair-jvp", numbers)


def vjp(op: Operation, cotangent: da.Array, wrt: frozenset[str], given: Pairs) -> Gradient:
    """Return the pullback of a cotangent ``(p,)``."""
    graph = op.graph
    pairs = ListedPairs(op, given, ("pairs[0]", "pairs[1]"))
    g = checked_whole(graph, cotangent, "cotangent", False)
    cotangents = {
        row: graph.add("cotangent", (row,), listed.of_pairs, g, own)
        for row, own in pairs.of_row.items()
    }
    parts = pulled_back(pairs, cotangents, wrt)
    return sums.gradient(op, parts, sums.totals(op, parts), wrt)


class ListedOfLoss:
    """A loss's listed pairs: their D is an input of the tiles, which return its cotangents."""

    def __init__(self, op: Operation, given: Pairs, each: int | None, loss_name: str) -> None:
        name = f"{loss_name}.pairs"
        self.pairs = ListedPairs(op, given, (name, name), ascending=True)
        numbers = self.pairs.numbers("pairs", listed.sqdist, lambda row, column: ())
        self.of_tiles = {
            row: op.graph.add("listed-sqdist", (row,), listed.listed, own, numbers[row], each)
            for row, own in self.pairs.of_row.items()
        }

    def moving(self, directions: Directions) -> dict[int, TaskRef]:
        """Return dD of the listed pairs of every block of rows."""
        return self.pairs.numbers("listed-along", listed.jvp, directions.of_block)

    def pulled_back(self, parts: dict[Pair, TaskRef], wrt: frozenset[str]) -> dict[Pair, TaskRef]:
        """Return the shares of the listed pairs of every block, given those of the tiles."""
        cotangents = self._summed(parts, listed.sum_of_cotangents)
        return pulled_back(self.pairs, cotangents, wrt)

    def pulled_back_along(
        self, parts: dict[Pair, TaskRef], wrt: frozenset[str], directions: Directions
    ) -> dict[Pair, TaskRef]:
        """Return the same for a Hessian product."""
        op, both = self.pairs.op, self._summed(parts, listed.sum_of_seconds)
        return {
            (row, column): op.graph.add(
                "product-of-pairs",
                (row, column),
                listed.hessian_product,
                *self.pairs.in_block(row, column),
                both[row],
                *directions.of_block(row, column),
                sums.of_pair(wrt, op, row, column),
            )
            for row, column in self.pairs.blocks()
        }

    def _summed(
        self, parts: dict[Pair, TaskRef], function: Callable[..., Any]
    ) -> dict[int, TaskRef]:
        """Return the sum over all tiles of the cotangents of listed pairs, by blocks of rows."""
        graph = self.pairs.op.graph
        return {
            row: graph.add(
                "cotangent",
                (row,),
                function,
                self.of_tiles[row],
                [
                    graph.add("of-listed", pair, shares.of_listed, parts[pair])
                    for pair in sorted(parts)
                    if pair[0] == row
                ],
            )
            for row in self.pairs.of_row
        }


def pulled_back(
    pairs: ListedPairs, cotangents: dict[int, TaskRef], wrt: frozenset[str]
) -> dict[Pair, TaskRef]:
    """Return the share of every block, from a number per pair of every block of rows."""
    op = pairs.op
    return {
        (row, column): op.graph.add(
            "pullback-of-pairs",
            (row, column),
            listed.pullback,
            *pairs.in_block(row, column),
            cotangents[row],
            sums.of_pair(wrt, op, row, column),
        )
        for row, column in pairs.blocks()
    }


def refuse_unknown_sizes(op: Operation) -> None:
    """Raise ValueError if chunk sizes are unknown, so that the blocks of listed pairs are."""
    for name, side in (("X", op.X), ("Y", op.columns)):
        if not side.is_known:
            raise ValueError(
                f"pairs need the sizes of {name}'s chunks, which are not known; "
                f"write {name}.compute_chunk_sizes() first"
            )


def _bounds(side: Side, block: int) -> tuple[int, int]:
    start = int(side.starts[block])
    return start, start + int(side.sizes[block])
