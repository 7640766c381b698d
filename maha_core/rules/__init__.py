"""Derivatives of operations, for any library with automatic differentiation.

A library with automatic differentiation records an operation as one node. The rules of its
derivatives are written here, once for all libraries: a `Rule` for each type of operation computes
tangents of the outputs from tangents of the inputs (`Rule.pushforward`), and cotangents of the
inputs from cotangents of the outputs (`Rule.pullback`), by other operations on the same arrays.
These operations go through ``backend.run``, where the library records them in turn, which gives
second derivatives.

A plugin needs, in its ``backend.run(problem, operation)``:

1. `arrays_of`: all arrays of a problem and an operation by their paths. If none of them is
   differentiated, it runs the operation as usual.
2. ``rule_for(operation)``: the rule; TypeError where there is none. Some operations are made of
   others that have rules: `Rule.expansion` returns their result, made of recorded operations and
   of the library's own functions, or None.
3. Otherwise a node whose inputs are those arrays. Its value is that of ``run`` on
   ``bound(backend, *with_arrays(problem, operation, arrays))`` for arrays that have values, and its
   outputs are `outputs_of` the result (`with_outputs` makes the result of them again).
4. In its derivatives, ``pushforward`` and ``pullback`` on an `At`, whose arrays are arrays of the
   library. The first is linear in the tangents, the second in the cotangents. Operations that are
   linear in some of their arrays (named by `Rule.linear`) are transposed by ``pullback`` with
   `wanted` among these arrays.

Arrays are identified by paths: ``"X"``, ``"Y"`` and ``"metric"`` (the metric's parameter) for the
problem, and the names of nested fields for the operation, such as ``"cotangent"``,
``"directions.X"`` or ``"objective.row_data.y"``. The same holds for outputs: ``""`` for a single
array, ``"metric"``, ``"X"`` and ``"Y"`` for a gradient, ``"0"`` and ``"1.X"`` for a value and its
gradient.
"""

from maha_core.rules import kernels, matrices, nearest, objectives, pairs, reductions
from maha_core.rules.arguments import (
    UNBOUND,
    arrays_of,
    bound,
    outputs_of,
    with_arrays,
    with_outputs,
)
from maha_core.rules.kernels import entrywise
from maha_core.rules.rule import At, Rule, rule_for

__all__ = [
    "UNBOUND",
    "At",
    "Rule",
    "arrays_of",
    "bound",
    "entrywise",
    "outputs_of",
    "rule_for",
    "with_arrays",
    "with_outputs",
]

_MODULES = kernels, matrices, nearest, objectives, pairs, reductions
"""The modules that register rules when imported."""
