"""Slices of the Jacobian, and the whole Jacobian, from differences."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from maha_core import checks, formulas
from maha_core.operation import Operation
from maha_core.sweeps.assembly import matrix
from maha_core.sweeps.distances import refuse_impossible
from maha_core.sweeps.geometry import Geometry
from maha_core.tiles.points import Points

if TYPE_CHECKING:
    from maha_core.backend import Backend
    from maha_core.problem import Problem

Array = Any


@dataclass(frozen=True)
class JacobianSlice(Operation[Array]):
    """``dD / dparameter[index] (n, m)``."""

    index: tuple[int, ...]

    def run(self, backend: Backend, problem: Problem) -> Array:
        """Return the slice, tile by tile."""
        refuse_impossible(backend, problem, "the slice")
        geometry, form, index = Geometry(backend, problem), problem.form, self.index
        # from the uncentred points: centring has rounding errors that are not small relative to d
        others = form.columns(geometry.columns.raw, geometry.columns.U, index)

        def entries(points: Points, rows: slice, columns: slice) -> Array:
            term = form.columns(points.raw, points.U, index)
            u, v = others.U[columns], others.V[columns]
            return term.factor * formulas.outer_form(term.U, term.V, u, v)

        return matrix(backend, problem, geometry.rows, entries, None)


@dataclass(frozen=True)
class Jacobian(Operation[Array]):
    """``dD / dparameter (n, m) + shape``, for a parameter of a shape."""

    shape: tuple[int, ...]

    def size(self, problem: Problem) -> int:
        """Return the multiplications of each entry of D with a vector."""
        return problem.pullback_size

    def run(self, backend: Backend, problem: Problem) -> Array:
        """Return the whole Jacobian at once."""
        # memory for the differences, their embedding and the result
        per_pair = prod(self.shape) + 2 * problem.d
        checks.fits_in_memory(
            backend,
            (problem.n, problem.m, per_pair),
            problem.X,
            f"the Jacobian, with its differences {per_pair} numbers a pair,",
            "use jacobian_slice for single entries, or jvp, vjp and value_and_grad for "
            "contractions",
        )
        delta = problem.X[:, None, :] - problem.others[None, :, :]
        return problem.form.outer(delta)
