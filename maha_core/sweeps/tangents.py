"""The pushforward dD as a matrix: difference forms with the same U add up to one form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maha_core import formulas
from maha_core.formulas import plus
from maha_core.metrics.form import Form, Term
from maha_core.operation import Operation
from maha_core.sweeps.assembly import matrix
from maha_core.sweeps.distances import refuse_impossible
from maha_core.sweeps.geometry import Geometry
from maha_core.tiles.points import Points

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem, Tangents

Array = Any


@dataclass(frozen=True)
class Pushforward(Operation[Array]):
    """dD ``(n, m)`` along the directions that are given."""

    directions: Tangents

    def run(self, backend: Backend, problem: Problem) -> Array:
        """Return dD, tile by tile."""
        refuse_impossible(backend, problem, "dD")
        geometry, directions = Geometry(backend, problem), self.directions
        xp, form = backend.xp, problem.form
        others = directions.X if problem.Y is None else directions.Y
        moving = directions.X is not None or directions.Y is not None
        general_right = formulas.general_right
        right = side(xp, general_right, form, geometry.columns, directions, others, moving)

        def rows_of(rows: slice) -> Points:
            points = geometry.rows(rows)
            dX = None if directions.X is None else directions.X[rows, :]
            left = side(xp, formulas.general_left, form, points, directions, dX, moving)
            return Points(points.raw, points.W, left)

        def tile(points: Points, rows: slice, columns: slice) -> Array:
            self_pairs = geometry.self_pairs(rows, columns)
            dD = points.U @ right[columns, :].T
            return dD if self_pairs is None else self_pairs.replaced(dD, 0.0)

        return matrix(backend, problem, rows_of, tile, None)


def side(
    xp: Any, augment: Any, form: Form, points: Points, directions: Tangents, dW: Any, moving: bool
) -> Array:
    """Return one side's augmented operand of dD."""
    V = along(xp, form, points.W, points.U, directions.metric, dW, moving)
    return augment(xp, points.U, V)


def along(
    xp: Any,
    form: Form,
    W: Array,
    U: Array,
    dparameter: Array | None,
    dW: Array | None,
    moving: bool,
) -> Array:
    """Return V of dD as a form of U; a side without a direction has the direction 0."""
    found = None
    if dparameter is not None:
        found = _scaled(form.push(W, U, dparameter))
    if moving:
        dW = xp.zeros_like(W) if dW is None else dW
        found = plus(found, _scaled(form.push_points(dW, U)))
    return found


def _scaled(term: Term) -> Array:
    """Return V times the form's factor."""
    return term.V if term.factor == 1.0 else term.factor * term.V
