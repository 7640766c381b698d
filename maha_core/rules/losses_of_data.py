"""Derivatives of a loss in its points' data, through its reductions and row function."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from maha_core.arrays import device_of
from maha_core.rules.rule import POINTS_AND_METRIC
from maha_core.sweeps.entrywise import Entrywise
from maha_core.sweeps.objectives import Reduced
from maha_core.sweeps.terms import Terms
from maha_core.tiles.tile import row_name

if TYPE_CHECKING:
    from maha_core.engine import Engine
    from maha_core.problem import Problem
    from maha_core.reductions.base import Reduction
    from maha_core.sweeps.objective import Objective

Array = Any
ROWS, COLUMNS = "objective.row_data.", "objective.column_data."


def value(backend: Engine, problem: Problem, objective: Objective, active: frozenset[str]) -> Array:
    """Return the value of a loss, a 0-d array that can be differentiated in the loss's data.

    Raises
    ------
    TypeError
        The loss is differentiated in data of its listed pairs.
    """
    terms = _smooth_terms(objective, active)
    assert terms.row_function is not None
    xp, X = backend.xp, problem.X
    inputs = {row_name(name): _column(xp, data) for name, data in objective.row_data.items()}
    for name, reduction in terms.reductions.items():
        inputs[f"reduction_{name}"] = backend.run(problem, Reduced(_alone(objective, reduction)))
    used = terms.row_function.inputs
    inputs = {name: array for name, array in inputs.items() if name in used}
    widest = backend.widest_float(device_of(X))
    width = max(array.shape[1] for array in inputs.values())
    shape = (problem.n, width)
    given = {
        name: xp.broadcast_to(_widened(backend, array, widest), shape)
        for name, array in inputs.items()
    }
    given = dict(sorted(given.items(), key=lambda item: not item[0].startswith("reduction_")))
    rows = backend.run(problem, Entrywise(terms.row_function.value, given))
    return xp.astype(xp.sum(rows), X.dtype, copy=False)


def _smooth_terms(objective: Objective, active: frozenset[str]) -> Terms:
    """Return a loss's terms; raise TypeError for data without a known derivative."""
    terms = objective.terms
    if not isinstance(terms, Terms) or terms.row_function is None or terms.pair_term is not None:
        raise _no_derivative(active - POINTS_AND_METRIC)
    moving = {path.split(".")[-1] for path in active if path.startswith((ROWS, COLUMNS))}
    inside = {str(r.data) for r in terms.reductions.values()} & moving
    strange = inside | {path for path in active if path.startswith("objective.terms")}
    if strange:
        raise _no_derivative(strange)
    return terms


def _alone(objective: Objective, reduction: Reduction) -> Objective:
    """Return the objective of one reduction without the row function."""
    terms = objective.terms
    assert isinstance(terms, Terms)
    alone = Terms(terms.name, {reduction.name: reduction}, arguments=terms.arguments)
    values = {reduction.values} if isinstance(reduction.values, str) else set()
    kept = values | {reduction.data}
    rows = {name: data for name, data in objective.row_data.items() if name == reduction.data}
    columns = {name: data for name, data in objective.column_data.items() if name in kept}
    return replace(objective, terms=alone, row_data=rows, column_data=columns, listed=None)


def _column(xp: Any, data: Array) -> Array:
    return xp.reshape(data, (-1, 1)) if data.ndim == 1 else data


def _widened(backend: Engine, array: Array, widest: Any) -> Array:
    real = backend.kind(array.dtype) == "real"
    return backend.cast(array, widest) if real else array


def _no_derivative(names: Iterable[str]) -> TypeError:
    shown = ", ".join(sorted({name.split(".")[-1] for name in names}))
    return TypeError(
        f"the loss has no derivative with respect to {shown}, which reaches "
        "more than values of its reductions and arguments of its row function; pass a detached "
        "array"
    )
