"""A loss of D and its gradient in one sweep over tiles, without storing D."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from maha_core.arrays import device_of
from maha_core.formulas import plus
from maha_core.operation import Operation
from maha_core.problem import Pairs, ReductionGradient
from maha_core.sweeps import distances, pairs
from maha_core.sweeps.accumulation import Accumulator, StripResult, add_rows
from maha_core.sweeps.coincident import without_infinite
from maha_core.sweeps.geometry import Geometry
from maha_core.sweeps.laplacian import BothSides, laplacian
from maha_core.sweeps.strip import ColumnSums, RowBlock, Strip, Visit
from maha_core.sweeps.terms import Terms
from maha_core.tiles import tiling
from maha_core.tiles.kernels import DistanceTile
from maha_core.tiles.points import Points
from maha_core.tiles.tile import Evaluation, Listed, Summary, Tile

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem
    from maha_core.reductions.base import Reduction
    from maha_core.sweeps.objective import Objective
    from maha_core.tiles.self_pairs import SelfPairs

Array = Any


@dataclass(frozen=True)
class ValueAndGrad(Operation[tuple[Array, ReductionGradient]]):
    """A loss of D, a 0-d array, and its gradient."""

    objective: Objective
    wrt: frozenset[str]
    quiet = False

    def size(self, problem: Problem) -> int:
        """Return the multiplications of each entry of D with a vector."""
        return problem.pullback_size

    def run(self, backend: Backend, problem: Problem) -> tuple[Array, ReductionGradient]:
        """Return both, streamed."""
        return value_and_grad(backend, problem, self.objective, self.wrt)


@dataclass(frozen=True)
class Value(Operation[Array]):
    """A loss of D alone, a 0-d array."""

    objective: Objective
    quiet = False

    def size(self, problem: Problem) -> int:
        """Return the multiplications of each entry of D with a vector."""
        return problem.pullback_size

    def run(self, backend: Backend, problem: Problem) -> Array:
        """Return it, streamed."""
        return value(backend, problem, self.objective)


@dataclass(frozen=True)
class Reduced(Operation[Array]):
    """The one reduction ``(n, w)`` of an objective."""

    objective: Objective
    quiet = False

    def size(self, problem: Problem) -> int:
        """Return the multiplications of each entry of D with a vector."""
        return problem.pullback_size

    def run(self, backend: Backend, problem: Problem) -> Array:
        """Return it, streamed."""
        return reduce(backend, problem, self.objective)


@dataclass(frozen=True)
class Summaries(Operation[Summary]):
    """A row-wise loss's summaries of all rows, each array ``(n, ...)``."""

    objective: Objective
    quiet = False

    def run(self, backend: Backend, problem: Problem) -> Summary:
        """Return the summaries, streamed."""
        return summaries(backend, problem, self.objective)


def value_and_grad(
    backend: Backend, problem: Problem, objective: Objective, wrt: frozenset[str]
) -> tuple[Array, ReductionGradient]:
    """Return the loss, a 0-d array, and its gradient."""
    sides = laplacian(backend, problem, wrt)
    sweep = Sweep(backend, problem, objective, wrt, laplacian=sides)
    total = Accumulator(backend, problem, sweep.geometry.columns, wrt, sides)
    value, listed = None, []
    strips = tiling.strips(sweep.partition.rows)
    for result in backend.map_ordered(sweep.strip, strips, problem.options):
        total.add(result)
        value = plus(value, result.value)
        if result.listed is not None:
            listed.append(result.listed)
    with backend.quiet():
        gradient = total.gradient()
        if "values" in wrt and gradient.values is None:
            gradient = gradient._replace(values=_no_rows(backend, problem, objective))
        if listed:
            gradient = _with_listed(backend, problem, objective.listed, listed, gradient, wrt)
    return scalar(backend, problem, value), gradient


def summaries(backend: Backend, problem: Problem, objective: Objective) -> Summary:
    """Return the pieces of a loss's reductions of all rows, each array ``(n, ...)``."""
    sides = BothSides(backend, problem)
    sweep = Sweep(backend, problem, objective, frozenset(), squares, laplacian=sides)
    parts = backend.map_ordered(sweep.summary, sweep.partition.rows, problem.options)
    return joined(backend.xp, list(parts))


def reduce(backend: Backend, problem: Problem, objective: Objective) -> Array:
    """Return the one reduction ``(n, w)`` of an objective, in X's dtype."""
    xp, X = backend.xp, problem.X
    if not problem.n:
        return xp.zeros((0, reduced_width(objective)), dtype=X.dtype, device=X.device)
    if problem.Y is None and _reduction(objective).is_symmetric:
        return _of_half(backend, problem, objective)
    sweep = Sweep(backend, problem, objective, frozenset(), squares)
    found = list(backend.map_ordered(sweep.reduced, sweep.partition.rows, problem.options))
    return xp.astype(xp.concat(found), X.dtype, copy=False)


def _reduction(objective: Objective) -> Reduction:
    """Return the one reduction of an objective."""
    assert isinstance(objective.terms, Terms)
    (reduction,) = objective.terms.reductions.values()
    return reduction


def _of_half(backend: Backend, problem: Problem, objective: Objective) -> Array:
    """Return the sums of the rows from tiles on and above the diagonal: half of the products."""
    xp, X = backend.xp, problem.X
    sweep = Sweep(backend, problem, objective, frozenset(), half_squares)
    strips = tiling.strips(sweep.partition.rows)
    shape = (problem.n, reduced_width(objective))
    total = xp.zeros(shape, dtype=X.dtype, device=device_of(X))
    found = backend.map_ordered(sweep.mirrored, strips, problem.options)
    for parts, sums in zip(strips, found, strict=True):
        total = add_rows(backend, total, sums, parts[0].start)
    return total


def reduced_width(objective: Objective) -> int:
    """Return the width of the one reduction: that of its values, 1 where they are numbers."""
    widths = [values.shape[1] for values in objective.column_data.values() if values.ndim == 2]
    return max(widths, default=1)


def value(backend: Backend, problem: Problem, objective: Objective) -> Array:
    """Return the loss, a 0-d array, in one sweep."""
    sides = BothSides(backend, problem)  # the guard treats D as for the gradient
    sweep, total = Sweep(backend, problem, objective, frozenset(), laplacian=sides), None
    for part in backend.map_ordered(sweep.value, sweep.partition.rows, problem.options):
        total = plus(total, part)
    return scalar(backend, problem, total)


def joined(xp: Any, found: list[Summary]) -> Summary:
    """Return the summaries of consecutive rows as one."""
    return tuple(
        tuple(xp.concat(pieces) for pieces in zip(*of_one, strict=True))
        for of_one in zip(*found, strict=True)
    )


def _no_rows(backend: Backend, problem: Problem, objective: Objective) -> Array:
    """Return the gradient of the values if there are no rows: 0."""
    shape, X = (problem.m, reduced_width(objective)), problem.X
    return backend.xp.zeros(shape, dtype=X.dtype, device=device_of(X))


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
    gradient: ReductionGradient,
    wrt: frozenset[str],
) -> ReductionGradient:
    """Add the pullback of the cotangent of the listed pairs."""
    assert listed is not None
    cotangent = backend.xp.concat(cotangents)
    own = pairs.vjp(backend, problem, cotangent, wrt, listed)
    return ReductionGradient(*(plus(a, b) for a, b in zip(gradient, (*own, None), strict=True)))


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
    """Partition D for cotangents: whole rows if they fit and are needed, else squares."""
    terms, n, m = objective.terms, objective.rows_of(problem.n), problem.m
    whole = tiling.whole_rows(tiling.rows_shared_out(_entries(backend, problem), problem), m)
    if not (terms.row_wise and m and whole is not None):
        return squares(backend, problem, objective)
    return Partition(tiling.even_blocks(n, whole), [slice(0, m)], False)


def squares(backend: Backend, problem: Problem, objective: Objective) -> Partition:
    """Partition D for sums of the rows: squares, whose products are fastest."""
    terms, m = objective.terms, problem.m
    count = tiling.shared_out(_entries(backend, problem), problem)
    n = objective.rows_of(problem.n)
    if not terms.all_pairs or m == 0:
        return Partition(tiling.blocks(n, max(1, count // problem.d)), [slice(0, 0)], False)
    side = tiling.square_side(count // backend.square_part)
    half = terms.half_suffices and problem.Y is None and n == m
    return Partition(tiling.blocks(n, side), tiling.blocks(m, side), half)


def half_squares(backend: Backend, problem: Problem, objective: Objective) -> Partition:
    """Partition D into squares; those below the diagonal are skipped."""
    return replace(squares(backend, problem, objective), half=True)


def _entries(backend: Backend, problem: Problem) -> int:
    """Return how many entries a tile may have."""
    return tiling.entries(problem, backend.loss_tiles * backend.tile_bytes)


@dataclass(frozen=True, slots=True)
class Rows:
    """A block of rows, and the data common to its tiles."""

    part: slice
    points: Points
    data: Mapping[str, Array]
    listed: Listed | None
    listed_tangent: Array | None = None


class Sweep:
    """One visit of every tile; two for a row-wise loss if rows are too long for one tile."""

    def __init__(
        self,
        backend: Backend,
        problem: Problem,
        objective: Objective,
        wrt: frozenset[str],
        cut: Callable[[Backend, Problem, Objective], Partition] = partition,
        *,
        laplacian: BothSides | None = None,
    ) -> None:
        self.backend = backend
        self.problem = problem
        self.objective = objective
        self.wrt = wrt
        self.partition = cut(backend, problem, objective)
        self.laplacian = laplacian
        self.geometry = Geometry(backend, problem, distances=True, laplacian=laplacian)
        self.row_listed = RowListed(backend, problem, objective)
        self.arithmetic = backend.arithmetic(problem)

    def strip(self, parts: list[slice]) -> StripResult:
        """Return the contribution of some consecutive row blocks."""
        assert self.laplacian is not None
        strip = Strip(self.backend, self.wrt, self.laplacian)
        for part in parts:
            rows = self._rows(part)
            row_block = RowBlock(self.backend, self.problem, self.wrt, rows.points, self.laplacian)
            for visit, evaluation in self._evaluated(rows):
                with self.backend.quiet():
                    row_block.add(visit, evaluation, strip)
            with self.backend.quiet():
                strip.add(row_block)
        start = self.partition.of_row(parts[0])[0].start
        return strip.result(self.geometry.columns, start)

    def summary(self, part: slice) -> Summary:
        """Return the summary of a row block."""
        return self._summary(self._rows(part), self.partition.of_row(part))

    def reduced(self, part: slice) -> Array:
        """Return the one reduction of a row block."""
        (found,) = self.objective.terms.finish(self.backend.xp, self.summary(part)).values()
        return found

    def mirrored(self, parts: list[slice]) -> Array:
        """Return the part of row blocks in a symmetric reduction, for these and all later rows."""
        reduction, totals = _reduction(self.objective), ColumnSums(self.backend)
        b = as_rows(*self.objective.column_data.values())
        for part in parts:
            rows, own = self._rows(part), b[part, ...]
            for block in self.partition.of_row(part):
                tile = self._visit(rows, block).tile
                with self._warnings_on(tile):
                    of_rows, of_columns = reduction.mirrored(tile, own)
                totals.add(part, of_rows)
                if block != part:
                    totals.add(block, of_columns)
        found = totals.joined(b, parts[0].start)
        assert found is not None
        return found

    def value(self, part: slice) -> Array:
        """Return the contribution of a row block to the loss."""
        rows, total = self._rows(part), None
        for visit, summary in self._value_visits(rows):
            with self._warnings():
                found = self.objective.terms.value(visit.tile, summary)
            total = plus(total, visit.weight * self.backend.total(found))
        return total

    def _value_visits(self, rows: Rows) -> Iterator[tuple[Visit, Summary]]:
        """Yield the tiles that have a part of the value: all for an affine loss, else the last."""
        blocks, summary = self.partition.of_row(rows.part), None
        for block in blocks:
            visit = self._visit(rows, block)
            if not self.objective.terms.all_pairs:
                yield visit, ()
                continue
            own = self._summarised(visit)
            if not self.objective.terms.row_wise:
                yield visit, own
                continue
            summary = own if summary is None else self.objective.terms.merge(summary, own)
        if summary is not None:
            visit.tile.first_tile_of_row = True
            yield visit, summary

    def _rows(self, part: slice) -> Rows:
        data = {
            name: as_rows(values[part, ...]) for name, values in self.objective.row_data.items()
        }
        return Rows(part, self.geometry.rows(part), data, self.row_listed.of(part))

    def _evaluated(self, rows: Rows) -> Iterator[tuple[Visit, Evaluation]]:
        """Yield the tiles of a row block with the loss's values and cotangents."""
        blocks = self.partition.of_row(rows.part)
        terms = self.objective.terms
        if terms.row_wise and len(blocks) == 1:
            visit = self._visit(rows, blocks[0])
            yield visit, self._evaluate_whole_rows(visit)
            return
        summary = self._summary(rows, blocks) if terms.row_wise else None
        for block in blocks:
            visit = self._visit(rows, block)
            yield visit, self._evaluate(visit, summary)

    def _evaluate_whole_rows(self, visit: Visit) -> Evaluation:
        """Return the value and the cotangents of a row-wise loss on a tile of whole rows."""
        tile, found = visit.tile, None
        if "values" not in self.wrt:
            found = self.arithmetic.evaluate_whole_rows(tile, self.objective.terms)
        if found is None:
            return self._evaluate(visit, self._summarised(visit))
        return found._replace(value=self.backend.total(found.value))

    def _summary(self, rows: Rows, blocks: list[slice]) -> Summary:
        total = None
        for block in blocks:
            own = self._summarised(self._visit(rows, block))
            if total is None:
                total = own
                continue
            with self._warnings():
                total = self.objective.terms.merge(total, own)
        assert total is not None
        return total

    def _summarised(self, visit: Visit) -> Summary:
        with self._warnings_on(visit.tile):
            return self.objective.terms.summarise(visit.tile)

    def _warnings(self) -> AbstractContextManager[object]:
        """Return the context of a loss: its warnings are shown unless its terms are silent."""
        return self.backend.quiet() if self.objective.terms.silent else nullcontext()

    def _warnings_on(self, tile: Tile) -> AbstractContextManager[object]:
        """Return the same for a tile; warnings are not shown if the tile has self-pairs."""
        return self._warnings() if tile.self_pairs is None else self.backend.quiet()

    def _visit(self, rows: Rows, block: slice) -> Visit:
        backend, columns = self.backend, self.geometry.columns.part(block)
        self_pairs = self.geometry.self_pairs(rows.part, block)
        made = self._distances(rows.points, columns, self_pairs)
        if self.objective.terms.of_kernel:
            made = made._replace(D=distances.nonnegative(backend, made.D, self.problem))
        counted = self_pairs is not None and self.objective.self_pairs
        data = self.objective.column_data
        tile = Tile(
            xp=backend.xp,
            sqdist=made.D,
            rows=rows.part,
            columns=block,
            row_data=rows.data,
            column_data={name: as_columns(values[block, ...]) for name, values in data.items()},
            listed=rows.listed,
            listed_tangent=rows.listed_tangent,
            first_tile_of_row=block.start == 0,
            self_pairs=None if counted else self_pairs,
            smallest=None if counted else made.smallest,
            arithmetic=self.arithmetic,
            scatter_add=backend.scatter_add,
            widest=backend.widest_float(device_of(made.D)),
            vectors=frozenset(name for name, values in data.items() if values.ndim == 2),
            sparse=backend.picks_entries,
        )
        twice = self.partition.half and rows.part != block
        return Visit(tile, columns, made.flagged, 2.0 if twice else 1.0)

    def _distances(
        self, rows: Points, columns: Points, self_pairs: SelfPairs | None
    ) -> DistanceTile:
        return self.backend.distance_tile(self.problem, rows, columns, self_pairs)

    def _evaluate(self, visit: Visit, summary: Summary | None) -> Evaluation:
        """Return a tile's value and cotangents."""
        backend, tile = self.backend, visit.tile
        zero = self._coincident(tile)
        with self._warnings_on(tile):
            found = self.objective.terms.evaluate(tile, summary, self.wrt)
        G = found.cotangent
        if zero is not None and G is not None:
            G = without_infinite(backend.xp, G, zero)
        return found._replace(value=visit.weight * backend.total(found.value), cotangent=G)

    def _coincident(self, tile: Tile) -> Array | None:
        """Return where D is 0, if the cotangent may not be finite; D may be overwritten later."""
        if self.objective.terms.finite:
            return None
        return self.backend.coincident(tile.sqdist, tile.smallest)


def as_rows(values: Array) -> Array:
    """Return numbers of rows as a column; vectors as they are."""
    return values if values.ndim == 2 else values[:, None]


def as_columns(values: Array) -> Array:
    """Return numbers of columns as a row; vectors as they are."""
    return values if values.ndim == 2 else values[None, :]


class RowListed:
    """The listed pairs cut by row blocks, with their distances from direct differences."""

    def __init__(self, backend: Backend, problem: Problem, objective: Objective) -> None:
        self.backend = backend
        self.listed = objective.listed
        self.each = objective.each
        if self.listed is not None:
            self.sqdist = backend.run(problem, pairs.PairSqdist(self.listed))

    def of(self, rows: slice) -> Listed | None:
        """Return the listed pairs of a row block."""
        if self.listed is None:
            return None
        i, part = self.listed.i, self.part(rows)
        return Listed(i[part] - rows.start, self.listed.j[part], self.sqdist[part], self.each)

    def part(self, rows: slice) -> slice:
        """Return the range of the pairs of a row block in the list."""
        assert self.listed is not None
        xp, i = self.backend.xp, self.listed.i
        bounds = xp.asarray([rows.start, rows.stop], dtype=i.dtype, device=device_of(i))
        start, stop = (int(bound) for bound in xp.searchsorted(i, bounds, side="left"))
        return slice(start, stop)
