"""A loss of D and its gradient in one sweep over tiles; D never exists as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maha_core.arrays import device_of
from maha_core.losses.base import Evaluation, Listed, Summary, Tile
from maha_core.problem import Gradient, Pairs
from maha_core.sweeps import pairs, tiling
from maha_core.sweeps.accumulation import Accumulator, StripResult, plus
from maha_core.sweeps.geometry import Geometry, Points
from maha_core.sweeps.strip import RowBlock, Strip, Visit

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Objective, Problem

Array = Any


def value_and_grad(
    backend: Backend, problem: Problem, objective: Objective, wrt: frozenset[str]
) -> tuple[Array, Gradient]:
    """Return the loss, a 0-d array, and its gradient."""
    sweep = Sweep(backend, problem, objective, wrt)
    total = Accumulator(backend, problem, sweep.geometry.columns, wrt)
    value, listed = None, []
    strips = tiling.strips(sweep.partition.rows)
    for result in backend.map_ordered(sweep.strip, strips, problem.options):
        total.add(result)
        value = plus(value, result.value)
        if result.listed is not None:
            listed.append(result.listed)
    gradient = total.gradient()
    if listed:
        gradient = _with_listed(backend, problem, objective.listed, listed, gradient, wrt)
    return scalar(backend, problem, value), gradient


def summaries(backend: Backend, problem: Problem, objective: Objective) -> Summary:
    """Return a row-wise loss's summaries of all rows, each array ``(n, ...)``."""
    sweep = Sweep(backend, problem, objective, frozenset())
    found = [sweep.summary(part) for part in sweep.partition.rows]
    return tuple(backend.xp.concat(pieces) for pieces in zip(*found, strict=True))


def scalar(backend: Backend, problem: Problem, value: Array | None) -> Array:
    """Return a loss's sum as a 0-d array of X's dtype, 0 where there is none."""
    xp, X = backend.xp, problem.X
    if value is None:
        return xp.zeros((), dtype=X.dtype, device=X.device)
    return xp.reshape(xp.astype(xp.asarray(value), X.dtype), ())


def _with_listed(
    backend: Backend,
    problem: Problem,
    listed: Pairs | None,
    cotangents: list[Array],
    gradient: Gradient,
    wrt: frozenset[str],
) -> Gradient:
    """Add the pullback of the listed pairs' own cotangent."""
    assert listed is not None
    cotangent = backend.xp.concat(cotangents)
    own = pairs.vjp(backend, problem, cotangent, wrt, listed)
    return Gradient(*(plus(a, b) for a, b in zip(gradient, own, strict=True)))


@dataclass(frozen=True, slots=True)
class Partition:
    """Row blocks and column blocks, and whether tiles below the diagonal are skipped."""

    rows: list[slice]
    columns: list[slice]
    half: bool

    def of_row(self, rows: slice) -> list[slice]:
        """Return the column blocks that a row block visits."""
        if not self.half:
            return self.columns
        return [part for part in self.columns if part.stop > rows.start]


def partition(backend: Backend, problem: Problem, objective: Objective) -> Partition:
    """Cut D as the loss needs it: whole rows where they fit and are needed, else squares."""
    loss, n, m = objective.loss, problem.n, problem.m
    count = tiling.shared_out(tiling.entries(problem, backend.tile_bytes), problem)
    if not loss.all_pairs or m == 0:
        return Partition(tiling.blocks(n, max(1, count // problem.d)), [slice(0, 0)], False)
    whole = tiling.whole_rows(count, m)
    if loss.row_wise and whole is not None:
        return Partition(tiling.even_blocks(n, whole), [slice(0, m)], False)
    side = tiling.square_side(count // backend.square_share)
    half = loss.symmetric and problem.Y is None and not loss.row_wise and objective.listed is None
    return Partition(tiling.blocks(n, side), tiling.blocks(m, side), half)


@dataclass(frozen=True, slots=True)
class Rows:
    """A block of rows, and what all of its tiles share."""

    part: slice
    points: Points
    data: Mapping[str, Array]
    listed: Listed | None


class Sweep:
    """One visit of every tile (two, where a row-wise loss meets rows too long to hold)."""

    def __init__(
        self, backend: Backend, problem: Problem, objective: Objective, wrt: frozenset[str]
    ) -> None:
        self.backend = backend
        self.problem = problem
        self.objective = objective
        self.wrt = wrt
        self.partition = partition(backend, problem, objective)
        self.geometry = Geometry(backend, problem, distances=True, cotangents=True)
        self.row_listed = RowListed(backend, problem, objective.listed)

    def strip(self, parts: list[slice]) -> StripResult:
        """Return what some consecutive row blocks contribute."""
        strip = Strip(self.backend, self.problem, self.wrt)
        for part in parts:
            rows = self._rows(part)
            row_block = RowBlock(self.backend, self.problem, self.wrt, rows.points)
            for visit, summary in self._visits(rows):
                row_block.add(visit, self._evaluate(visit, summary), strip)
            strip.add(row_block)
        start = self.partition.of_row(parts[0])[0].start
        return strip.result(self.geometry.columns, start)

    def summary(self, part: slice) -> Summary:
        """Return the summary of a row block."""
        return self._summary(self._rows(part), self.partition.of_row(part))

    def _rows(self, part: slice) -> Rows:
        data = {name: values[part, None] for name, values in self.objective.row_data.items()}
        return Rows(part, self.geometry.rows(part), data, self.row_listed.of(part))

    def _visits(self, rows: Rows) -> Iterator[tuple[Visit, Summary | None]]:
        """Yield the tiles of a row block, with the row's summary where the loss has one."""
        blocks = self.partition.of_row(rows.part)
        loss = self.objective.loss
        if loss.row_wise and len(blocks) == 1:
            visit = self._visit(rows, blocks[0])
            yield visit, loss.summarise(visit.tile)
            return
        summary = self._summary(rows, blocks) if loss.row_wise else None
        for block in blocks:
            yield self._visit(rows, block), summary

    def _summary(self, rows: Rows, blocks: list[slice]) -> Summary:
        loss = self.objective.loss
        first, *others = (loss.summarise(self._visit(rows, block).tile) for block in blocks)
        for other in others:
            first = loss.merge(first, other)
        return first

    def _visit(self, rows: Rows, block: slice) -> Visit:
        backend, columns = self.backend, self.geometry.columns.part(block)
        itself = self.geometry.itself(rows.part, block)
        made = backend.distance_tile(self.problem, rows.points, columns, itself)
        tile = Tile(
            xp=backend.xp,
            sqdist=made.D,
            rows=rows.part,
            columns=block,
            row_data=rows.data,
            column_data={k: v[None, block] for k, v in self.objective.column_data.items()},
            listed=rows.listed,
            opens_row=block.start == 0,
            itself=itself,
            smallest=made.smallest,
            exp=backend.exp,
            difference=backend.difference,
        )
        twice = self.partition.half and rows.part != block
        return Visit(tile, columns, made.flagged, 2.0 if twice else 1.0)

    def _evaluate(self, visit: Visit, summary: Summary | None) -> Evaluation:
        """Return the loss's answer in X's dtype, without the self-pairs."""
        backend, tile = self.backend, visit.tile
        with backend.quiet() if tile.itself is not None else nullcontext():
            value, G, listed, own = self.objective.loss.evaluate(tile, summary)
        if tuple(G.shape) != tuple(tile.sqdist.shape):
            raise ValueError(
                f"{type(self.objective.loss).__name__}.evaluate returned a cotangent of shape "
                f"{tuple(G.shape)} for a tile of shape {tuple(tile.sqdist.shape)}"
            )
        G = backend.xp.astype(G, tile.sqdist.dtype, copy=False)
        if not own:
            G = tile.without_self(G, 0.0)
        return Evaluation(visit.weight * backend.total(value), G, listed, own)


class RowListed:
    """The listed pairs cut by row blocks, with their distances from direct differences."""

    def __init__(self, backend: Backend, problem: Problem, listed: Pairs | None) -> None:
        self.backend = backend
        self.listed = listed
        if listed is not None:
            self.sqdist = backend.pair_sqdist(problem, listed)

    def of(self, rows: slice) -> Listed | None:
        """Return the listed pairs of a row block."""
        if self.listed is None:
            return None
        xp, i = self.backend.xp, self.listed.i
        bounds = xp.asarray([rows.start, rows.stop], dtype=i.dtype, device=device_of(i))
        start, stop = (int(bound) for bound in xp.searchsorted(i, bounds, side="left"))
        part = slice(start, stop)
        return Listed(i[part] - rows.start, self.listed.j[part], self.sqdist[part])
