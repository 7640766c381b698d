"""The pushforward dD as a matrix: a sum of difference forms is one difference form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core import formulas
from maha_core.metrics.form import Form, Term
from maha_core.sweeps.assembly import matrix
from maha_core.sweeps.distances import refuse_impossible
from maha_core.sweeps.geometry import Geometry, Points

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem, Tangents

Array = Any


def jvp(backend: Backend, problem: Problem, directions: Tangents) -> Array:
    """Return dD ``(n, m)`` along the directions that are given."""
    refuse_impossible(backend, problem, "dD")
    geometry = Geometry(backend, problem)
    xp, form = backend.xp, problem.form
    others = directions.X if problem.Y is None else directions.Y
    moving = directions.X is not None or directions.Y is not None
    right = _side(xp, formulas.general_right, form, geometry.columns, directions, others, moving)

    def rows_of(rows: slice) -> Points:
        points = geometry.rows(rows)
        dX = None if directions.X is None else directions.X[rows, :]
        left = _side(xp, formulas.general_left, form, points, directions, dX, moving)
        return Points(points.raw, points.W, left)

    def tile(points: Points, rows: slice, columns: slice) -> Array:
        itself = geometry.itself(rows, columns)
        dD = points.U @ right[columns, :].T
        return dD if itself is None else itself.replaced(dD, 0.0)

    return matrix(backend, problem, rows_of, tile, None)


def _side(
    xp: Any, augment: Any, form: Form, points: Points, directions: Tangents, dW: Any, moving: bool
) -> Array:
    """Return one side's augmented operand of the summed form."""
    found = terms(xp, form, points.W, points.U, directions.metric, dW, moving)
    U = xp.concat([term.factor * term.U for term in found], axis=1)
    V = xp.concat([term.V for term in found], axis=1)
    return augment(xp, U, V)


def terms(
    xp: Any,
    form: Form,
    W: Array,
    U: Array,
    dparameter: Array | None,
    dW: Array | None,
    moving: bool,
) -> list[Term]:
    """Return the forms whose sum is dD; a side at rest moves by zero where the other moves."""
    found = []
    if dparameter is not None:
        found.append(form.push(W, U, dparameter))
    if moving:
        found.append(form.push_points(xp.zeros_like(W) if dW is None else dW, U))
    return found
