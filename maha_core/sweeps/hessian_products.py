"""Products of a loss's Hessian with a direction, streamed.

With G the cotangent and dG its change, U the operand of the metric and U_t its change,

    L U  = r * U - G U',      Q = L(dG) U + L(G) U_t,

the gradient is the pullback of L U, and its change the pullback of Q, plus terms for the change of
the points and of the parameter (docs/mathematics.md, second order). Products that are not needed
are skipped, often ``L U`` and U_t. Pairs that the guard recomputed are removed from G and dG, and
enter by their raw differences.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from maha_core import formulas, guard
from maha_core.formulas import plus
from maha_core.operation import Operation
from maha_core.problem import Gradient
from maha_core.sweeps import pairs
from maha_core.sweeps.accumulation import add_rows, increased, weighted
from maha_core.sweeps.coincident import without_infinite
from maha_core.sweeps.kernel_gradients import without_flagged
from maha_core.sweeps.laplacian import BothSides
from maha_core.sweeps.objectives import Rows, Sweep, joined
from maha_core.sweeps.second_order import added
from maha_core.sweeps.strip import ColumnSums, Visit
from maha_core.sweeps.tangents import along, side
from maha_core.tiles import tiling
from maha_core.tiles.kernels import DistanceTile, TileKernels
from maha_core.tiles.tile import Second, Summary

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Pairs, Problem, Tangents
    from maha_core.sweeps.objective import Objective
    from maha_core.tiles.points import Points
    from maha_core.tiles.self_pairs import SelfPairs
    from maha_core.tiles.tile import TermsAlong

Array = Any


class Moving(NamedTuple):
    """Points of one side, their own direction, the change U_t of U, and both products' operands.

    G is multiplied with ``extended``, which is ``[U, U_t, 1]`` or its needed part; ``operand`` is
    the side's operand of dD.
    """

    points: Points
    tangent: Array | None
    change: Array
    extended: Array | None
    operand: Array


class Product(NamedTuple):
    """``L U``, None where it is not needed, and ``Q`` of some points."""

    LU: Array | None
    Q: Array


@dataclass(slots=True)
class Parameter:
    """Sums of the pullback to the metric's parameter: of Q, and of ``L U``."""

    change: Array | None = None
    first: Array | None = None

    def add(self, change: Array | None, first: Array | None, weight: float = 1.0) -> None:
        """Add the part of some pairs."""
        self.change = plus(self.change, weighted(weight, change))
        self.first = plus(self.first, weighted(weight, first))


@dataclass(frozen=True)
class HessianProduct(Operation[Gradient]):
    """The product of a loss's Hessian with directions of the metric and of the points."""

    objective: Objective
    directions: Tangents
    wrt: frozenset[str]
    quiet = False

    def size(self, problem: Problem) -> int:
        """Return the multiplications of each entry of D with a vector."""
        return problem.pullback_size

    def run(self, backend: Backend, problem: Problem) -> Gradient:
        """Return the product, streamed."""
        sweep = HessianSweep(backend, problem, self.objective, self.directions, self.wrt)
        total, strips = Total(sweep), tiling.strips(sweep.partition.rows)
        for strip in backend.map_ordered(sweep.of_strip, strips, problem.options):
            total.add(strip)
        with backend.quiet():
            return total.gradient()


@dataclass(frozen=True)
class SummaryTangents(Operation[Summary]):
    """The tangents of a row-wise loss's reductions of all rows, each array ``(n, ...)``."""

    objective: Objective
    directions: Tangents
    quiet = False

    def run(self, backend: Backend, problem: Problem) -> Summary:
        """Return the tangents, streamed."""
        sweep = HessianSweep(backend, problem, self.objective, self.directions, frozenset())
        parts = backend.map_ordered(sweep.tangents, sweep.partition.rows, problem.options)
        return joined(backend.xp, list(parts))


@dataclass(frozen=True)
class PairHessianProduct(pairs.OfPairs[Gradient]):
    """The part of listed pairs in the product, for cotangents ``(p,)`` and their change."""

    cotangent: Array
    change: Array
    directions: Tangents
    wrt: frozenset[str]
    listed: Pairs

    def run(self, backend: Backend, problem: Problem) -> Gradient:
        """Return the part from the pairs' differences."""
        curvature = Curvature(backend, problem, self.directions, self.wrt)
        parameter = Parameter()
        given = self.listed, self.cotangent, self.change
        of_rows, of_columns = curvature.of_listed(
            *given, parameter if "metric" in self.wrt else None
        )
        of_rows = of_rows + of_columns if problem.Y is None else of_rows
        return Gradient(
            metric=curvature.parameter(parameter) if "metric" in self.wrt else None,
            X=curvature.points(of_rows) if "X" in self.wrt else None,
            Y=curvature.points(of_columns) if "Y" in self.wrt else None,
        )


class Curvature:
    """The pullback of the products, for one metric and one direction.

    ``turns`` tells whether U changes, ``first`` whether ``L U`` is needed beside Q.
    """

    def __init__(
        self, backend: Backend, problem: Problem, directions: Tangents, wrt: frozenset[str]
    ) -> None:
        form, of_metric = problem.form, directions.metric is not None
        moves = directions.X is not None or directions.Y is not None
        self.turns = moves or (of_metric and form.turns)
        of_parameter = "metric" in wrt and (moves or (of_metric and form.curved))
        self.first = of_parameter or (of_metric and bool(wrt & {"X", "Y"}))
        self.backend = backend
        self.problem = problem
        self.form = problem.form
        self.directions = directions
        self.tangent = directions.metric
        self.entries = tiling.entries(problem, backend.tile_bytes)

    def extended(self, U: Array, dU: Array) -> Array | None:
        """Return the needed columns of ``[U, U_t, 1]``, which are multiplied by G."""
        parts = [*([U] if self.first else []), *([dU] if self.turns else [])]
        if not parts:
            return None
        xp = self.backend.xp
        return xp.concat([*parts, xp.ones_like(U[:, :1])], axis=1)

    def split(self, products: Array, U: Array, dU: Array) -> Product:
        """Return both products from ``[G U', G U_t', r, dG U', dr]``, or its needed part."""
        t = U.shape[1]
        own, change = products[:, : -t - 1], products[:, -t - 1 :]
        LU, Q = None, formulas.laplacian(change, U)
        if self.first:
            LU = own[:, -1:] * U - own[:, :t]
        if self.turns:
            Q = Q + own[:, -1:] * dU - own[:, -t - 1 : -1]
        return Product(LU, Q)

    def joined(self, found: Product) -> Array:
        """Return both products as one array ``[L U, Q]``."""
        if found.LU is None:
            return found.Q
        return self.backend.xp.concat([found.LU, found.Q], axis=1)

    def pulled(
        self, W: Array, U: Array, dW: Array | None, found: Product
    ) -> tuple[Array, Array | None]:
        """Return the pullback to the parameter of some points or differences: of Q, and of L U."""
        form, widen = self.form, self.backend.widen
        change = widen(form.pull(W, U, found.Q))
        if dW is not None:
            assert found.LU is not None
            change = change + widen(form.pull(dW, form.operand(dW), found.LU))
        if self.tangent is None or not form.curved:
            return change, None
        assert found.LU is not None
        return change, widen(form.pull(W, U, found.LU))

    def points(self, both: Array) -> Array:
        """Return the points' part from ``[L U, Q]``."""
        t = self.problem.width
        found = self.form.pull_points(both[:, -t:])
        if self.tangent is None:
            return found
        return found + self.form.pull_points_along(both[:, :t], self.tangent)

    def parameter(self, found: Parameter) -> Array:
        """Return the parameter's part."""
        total = found.change
        assert total is not None
        if self.tangent is not None and self.form.curved:
            assert found.first is not None
            xp, dtype = self.backend.xp, self.problem.X.dtype
            first = xp.astype(found.first, dtype, copy=False)
            total = total + self.form.pull_along(first, self.tangent)
        return self.backend.xp.astype(total, self.problem.X.dtype, copy=False)

    def direct(
        self,
        rows: tuple[Array, Array | None],
        columns: tuple[Array, Array | None],
        i: Array,
        j: Array,
        g: Array,
        dg: Array,
        parameter: Parameter | None,
        weight: float = 1.0,
    ) -> tuple[Array, Array]:
        """Return ``[L U, Q]`` of pairs for both sides, from raw differences in batches."""
        backend, xp = self.backend, self.backend.xp
        of_rows = of_columns = None
        batches = guard.differences(backend, rows[0], columns[0], i, j, self.entries)
        for part, delta in batches:
            moved = _difference(xp, rows[1], columns[1], i[part], j[part])
            u = self.form.operand(delta)
            du = self.form.moved(delta, moved, self.tangent)
            own, change = g[part, None], dg[part, None]
            Q = change * u + own * du if self.turns else change * u
            found = Product(own * u if self.first else None, Q)
            if parameter is not None:
                parameter.add(*self.pulled(delta, u, moved, found), weight)
            both = self.joined(found)
            n, m = rows[0].shape[0], columns[0].shape[0]
            of_rows = plus(of_rows, backend.scatter_add(i[part], both, n))
            of_columns = plus(of_columns, -backend.scatter_add(j[part], both, m))
        return of_rows, of_columns

    def of_listed(
        self, listed: Pairs, g: Array, dg: Array, parameter: Parameter | None
    ) -> tuple[Array, Array]:
        """Return the same for listed pairs; pairs of a point with itself add 0."""
        problem, xp, moved = self.problem, self.backend.xp, self.directions
        others = moved.X if problem.Y is None else moved.Y
        if problem.Y is None:
            self_pairs = listed.i == listed.j
            g, dg = (xp.where(self_pairs, xp.zeros_like(part), part) for part in (g, dg))
        return self.direct(
            (problem.X, moved.X), (problem.others, others), listed.i, listed.j, g, dg, parameter
        )


def _difference(
    xp: Any, rows: Array | None, columns: Array | None, i: Array, j: Array
) -> Array | None:
    """Return ``dx_i - dy_j``, None if neither side has a direction."""
    moved = None if rows is None else xp.take(rows, i, axis=0)
    if columns is None:
        return moved
    back = xp.take(columns, j, axis=0)
    return -back if moved is None else moved - back


@dataclass(slots=True)
class StripSums:
    """The contribution of one strip of rows."""

    columns: ColumnSums
    direct_columns: ColumnSums
    parameter: Parameter = field(default_factory=Parameter)
    rows: list[Array] = field(default_factory=list)
    listed: list[Second] = field(default_factory=list)
    start: int = 0


class HessianSweep(Sweep):
    """Visits of every tile: for the reductions, for their tangents, and for the cotangents.

    A tile of whole rows is computed once for all three.
    """

    def __init__(
        self,
        backend: Backend,
        problem: Problem,
        objective: Objective,
        directions: Tangents,
        wrt: frozenset[str],
    ) -> None:
        sides = BothSides(backend, problem)
        super().__init__(backend, problem, objective, wrt, laplacian=sides)
        self.terms = cast("TermsAlong", objective.terms)
        self.terms.refuse_twice()
        self.directions = directions
        self.curvature = Curvature(backend, problem, directions, wrt)
        self.moves = directions.X is not None or directions.Y is not None
        own = directions.X if problem.Y is None else directions.Y
        with backend.quiet():
            self.columns = self._moving(formulas.general_right, self.geometry.columns, own)
            self.listed_tangent = None
            if objective.listed is not None:
                asked = pairs.PairPushforward(directions, objective.listed)
                self.listed_tangent = backend.run(problem, asked)

    def of_strip(self, parts: list[slice]) -> StripSums:
        """Return the contribution of some consecutive row blocks."""
        sums = StripSums(ColumnSums(self.backend), ColumnSums(self.backend))
        sums.start = self.partition.of_row(parts[0])[0].start
        for part in parts:
            with self.backend.quiet():
                self._add_rows(part, sums)
        return sums

    def tangents(self, part: slice) -> Summary:
        """Return the tangents of the reductions of a row block."""
        rows = self._rows(part)
        with self.backend.quiet():
            own = self._moving_rows(rows)
            return self._of_whole_rows(rows, self.partition.of_row(part), own)[1]

    def _moving_rows(self, rows: Rows) -> Moving:
        dW = None if self.directions.X is None else self.directions.X[rows.part, :]
        return self._moving(formulas.general_left, rows.points, dW)

    def _moving(self, augment: Any, points: Points, dW: Array | None) -> Moving:
        xp, form, directions = self.backend.xp, self.problem.form, self.directions
        dU = form.moved(points.W, dW, directions.metric)
        extended = self.curvature.extended(points.U, dU)
        operand = side(xp, augment, form, points, directions, dW, self.moves)
        return Moving(points, dW, dU, extended, operand)

    def _add_rows(self, part: slice, sums: StripSums) -> None:
        """Add one block of rows."""
        rows = self._rows(part)
        own = self._moving_rows(rows)
        products = direct = listed = change = None
        for visit, second in self._seconds(rows, own):
            listed, change = plus(listed, second.listed), plus(change, second.listed_change)
            G, dG, of_rows = self._without_flagged(visit, second, own, sums)
            direct = plus(direct, weighted(visit.weight, of_rows))
            products = increased(products, self._products(visit, G, dG, own, sums))
        found = self.curvature.split(products, rows.points.U, own.change)
        if "metric" in self.wrt:
            pulled = self.curvature.pulled(rows.points.W, rows.points.U, own.tangent, found)
            sums.parameter.add(*pulled)
        if "X" in self.wrt:
            sums.rows.append(plus(self.curvature.joined(found), direct))
        if listed is not None:
            sums.listed.append(Second(listed, change))

    def _products(self, visit: Visit, G: Array, dG: Array, own: Moving, sums: StripSums) -> Array:
        """Return a tile's products for its rows; those for its columns go to the strip."""
        backend, block = self.backend, visit.tile.columns
        products = backend.laplacian_products(self.problem, dG, visit.columns, own.points)
        for_rows, for_columns = products
        if own.extended is not None:
            assert self.columns.extended is not None
            others = self.columns.extended[block, :]
            of_G = backend.row_products(G, others)
            for_rows = backend.xp.concat([of_G, for_rows], axis=1)
            of_G = backend.column_products(G, own.extended)
            for_columns = backend.xp.concat([of_G, for_columns], axis=1)
        sums.columns.add(block, weighted(visit.weight, for_columns))
        found: Array = weighted(visit.weight, for_rows)
        return found

    def _without_flagged(
        self, visit: Visit, second: Second, own: Moving, sums: StripSums
    ) -> tuple[Array, Array, Array | None]:
        """Return both cotangents without the flagged pairs, and the rows' part of these."""
        G, dG, flagged = second.cotangent, second.change, visit.flagged
        if flagged is None:
            return G, dG, None
        columns, block = self.columns, visit.tile.columns
        dW = None if columns.tangent is None else columns.tangent[block, :]
        of_rows, of_columns = self.curvature.direct(
            (own.points.raw, own.tangent),
            (visit.columns.raw, dW),
            flagged.i,
            flagged.j,
            self.backend.entries(G, flagged),
            self.backend.entries(dG, flagged),
            sums.parameter if "metric" in self.wrt else None,
            visit.weight,
        )
        sums.direct_columns.add(block, weighted(visit.weight, of_columns))
        G, dG = (without_flagged(self.backend, part, flagged) for part in (G, dG))
        return G, dG, of_rows

    def _distances(
        self, rows: Points, columns: Points, self_pairs: SelfPairs | None
    ) -> DistanceTile:
        # The flagged entries are needed as positions, for every library.
        return TileKernels.distance_tile(self.backend, self.problem, rows, columns, self_pairs)

    def _seconds(self, rows: Rows, own: Moving) -> Iterator[tuple[Visit, Second]]:
        """Yield the tiles of a row block with their cotangents and the cotangents' change."""
        terms, blocks = self.terms, self.partition.of_row(rows.part)
        if len(blocks) == 1:
            visit = self._visit(rows, blocks[0])
            dD = self._along(visit, own)
            summary, sums = (), ()
            if terms.row_wise:
                summary = self._summarised(visit)
                sums = terms.tangents(visit.tile, summary, dD)
            yield visit, self._second(visit, summary, sums, dD)
            return
        summary, sums = self._of_whole_rows(rows, blocks, own) if terms.row_wise else ((), ())
        for block in blocks:
            visit = self._visit(rows, block)
            yield visit, self._second(visit, summary, sums, self._along(visit, own))

    def _of_whole_rows(
        self, rows: Rows, blocks: list[slice], own: Moving
    ) -> tuple[Summary, Summary]:
        """Return the pieces of the reductions and their tangents, from all tiles of some rows."""
        summary = self._summary(rows, blocks) if self.terms.row_wise else ()
        sums = None
        for block in blocks:
            visit = self._visit(rows, block)
            dD = self._along(visit, own)
            found = self.terms.tangents(visit.tile, summary, dD)
            sums = found if sums is None else added(sums, found)
        assert sums is not None
        return summary, sums

    def _second(self, visit: Visit, summary: Summary, sums: Summary, dD: Array) -> Second:
        """Return a tile's cotangents, 0 where points coincide and they are not finite."""
        found = self.terms.evaluate_along(visit.tile, summary, sums, dD)
        zero = self.backend.coincident(visit.tile.sqdist, visit.tile.smallest)
        if zero is None:
            return found
        xp = self.backend.xp
        G, dG = (without_infinite(xp, part, zero) for part in found[:2])
        return found._replace(cotangent=G, change=dG)

    def _along(self, visit: Visit, own: Moving) -> Array:
        """Return a tile of dD, of flagged pairs from their differences."""
        backend, tile, flagged = self.backend, visit.tile, visit.flagged
        dD = self.backend.multiply(own.operand, self.columns.operand[tile.columns, :].T)
        if flagged is not None:
            values = self._direct_along(visit, own)
            dD = backend.place(dD, flagged, values)
        self_pairs = self.geometry.self_pairs(tile.rows, tile.columns)
        return dD if self_pairs is None else self_pairs.filled(dD, 0.0)

    def _direct_along(self, visit: Visit, own: Moving) -> Array:
        backend, form, flagged = self.backend, self.problem.form, visit.flagged
        block, found = visit.tile.columns, []
        columns = None if self.columns.tangent is None else self.columns.tangent[block, :]
        raw, entries = visit.columns.raw, self.curvature.entries
        for part, delta in guard.differences(
            backend, own.points.raw, raw, flagged.i, flagged.j, entries
        ):
            moved = _difference(backend.xp, own.tangent, columns, flagged.i[part], flagged.j[part])
            U, dparameter = form.operand(delta), self.directions.metric
            V = along(backend.xp, form, delta, U, dparameter, moved, moved is not None)
            found.append(backend.xp.sum(U * V, axis=1))
        return found[0] if len(found) == 1 else backend.xp.concat(found)

    def _rows(self, part: slice) -> Rows:
        rows = super()._rows(part)
        if self.listed_tangent is None:
            return rows
        return replace(rows, listed_tangent=self.listed_tangent[self.row_listed.part(part)])


class Total:
    """Sums over strips, in their order."""

    def __init__(self, sweep: HessianSweep) -> None:
        self.sweep = sweep
        columns = sweep.columns
        U, extended = columns.points.U, columns.points.extended
        self.columns_like = extended
        if columns.extended is not None:
            self.columns_like = sweep.backend.xp.concat([columns.extended, extended], axis=1)
        self.direct_like = sweep.curvature.joined(Product(U if sweep.curvature.first else None, U))
        self.parameter = Parameter()
        self.rows: list[Array] = []
        self.columns: Array | None = None
        self.direct: Array | None = None
        self.listed: list[Second] = []

    def add(self, strip: StripSums) -> None:
        """Add the next strip."""
        self.parameter.add(strip.parameter.change, strip.parameter.first)
        self.rows += strip.rows
        self.listed += strip.listed
        start = strip.start
        self.columns = self._added(self.columns, strip.columns, start, self.columns_like)
        self.direct = self._added(self.direct, strip.direct_columns, start, self.direct_like)

    def _added(
        self, total: Array | None, sums: ColumnSums, start: int, like: Array
    ) -> Array | None:
        found = sums.joined(like, start)
        if found is None:
            return total
        total = self.sweep.backend.xp.zeros_like(like) if total is None else total
        return add_rows(self.sweep.backend, total, found, start)

    def gradient(self) -> Gradient:
        """Return the gradient from the sums."""
        sweep, xp = self.sweep, self.sweep.backend.xp
        wrt, problem, columns = sweep.wrt, sweep.problem, sweep.columns
        of_rows = xp.concat(self.rows) if self.rows else None
        of_columns = None
        if self.columns is not None:
            found = sweep.curvature.split(self.columns, columns.points.U, columns.change)
            of_columns = plus(sweep.curvature.joined(found), self.direct)
            if "metric" in wrt:
                points = columns.points
                pulled = sweep.curvature.pulled(points.W, points.U, columns.tangent, found)
                self.parameter.add(*pulled)
        if self.listed:
            rows, others = self._of_listed()
            of_rows, of_columns = plus(of_rows, rows), plus(of_columns, others)
        if problem.Y is None:
            of_rows = plus(of_rows, of_columns)
        return Gradient(
            metric=self._metric() if "metric" in wrt else None,
            X=self._points(of_rows, problem.X) if "X" in wrt else None,
            Y=self._points(of_columns, problem.Y) if "Y" in wrt else None,
        )

    def _of_listed(self) -> tuple[Array, Array]:
        sweep, xp = self.sweep, self.sweep.backend.xp
        listed = sweep.objective.listed
        assert listed is not None
        g, dg = (
            xp.concat(parts) for parts in zip(*(both[:2] for both in self.listed), strict=True)
        )
        parameter = self.parameter if "metric" in sweep.wrt else None
        return sweep.curvature.of_listed(listed, g, dg, parameter)

    def _metric(self) -> Array:
        if self.parameter.change is None:
            points, xp = self.sweep.columns.points, self.sweep.backend.xp
            nothing = xp.zeros_like(points.U)
            pulled = self.sweep.curvature.pulled(
                points.W, points.U, None, Product(nothing, nothing)
            )
            self.parameter.add(*pulled)
        return self.sweep.curvature.parameter(self.parameter)

    def _points(self, both: Array | None, points: Array) -> Array:
        if both is None:
            return self.sweep.backend.xp.zeros_like(points)
        return self.sweep.curvature.points(both)
