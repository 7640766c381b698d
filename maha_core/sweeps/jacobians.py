"""Slices of the Jacobian, and all of it for those who can afford it; both from differences."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from maha_core import formulas
from maha_core.sweeps.assembly import matrix
from maha_core.sweeps.distances import refuse_impossible
from maha_core.sweeps.geometry import Geometry, Points

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any


def jacobian_slice(backend: Backend, problem: Problem, index: tuple[int, ...]) -> Array:
    """Return ``dD / dparameter[index] (n, m)``."""
    refuse_impossible(backend, problem, "the slice")
    geometry = Geometry(backend, problem)
    form = problem.form
    others = form.columns(geometry.columns.W, geometry.columns.U, index)

    def entries(points: Points, rows: slice, columns: slice) -> Array:
        term = form.columns(points.W, points.U, index)
        u, v = others.U[columns], others.V[columns]
        return term.factor * formulas.outer_form(term.U, term.V, u, v)

    return matrix(backend, problem, geometry.rows, entries, None)


def jacobian(backend: Backend, problem: Problem, shape: tuple[int, ...]) -> Array:
    """Return ``dD / dparameter (n, m) + shape``."""
    per_pair = prod(shape) + 2 * problem.d  # the differences and their embedding beside the result
    backend.check_memory(
        (problem.n, problem.m, per_pair),
        problem.X,
        f"the Jacobian, with its differences {per_pair} numbers a pair,",
        "use jacobian_slice for single entries, or jvp, vjp and value_and_grad for contractions",
    )
    delta = problem.X[:, None, :] - problem.others[None, :, :]
    return problem.form.outer(delta)
