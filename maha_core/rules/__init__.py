"""How operations are differentiated, whatever the library that records them.

A library with automatic differentiation records an operation as one node. What it must know is
here, written once: a `Rule` for each type of operation says, in terms of other operations on the
same arrays, what tangents of the inputs make of the outputs (`Rule.pushforward`), and what
cotangents of the outputs make of the inputs (`Rule.pullback`). Those operations go through
``backend.run``, where the library records them in turn: this is how second derivatives come about.

A plugin needs, in its ``backend.run(problem, operation)``:

1. `arrays_of`: all arrays of a problem and an operation by their paths. If none of them is to be
   differentiated, it runs the operation as ever.
2. ``rule_for(operation)``: the rule; TypeError where there is none. Some operations are made of
   others that have rules: `Rule.expansion` returns their result, made of recorded operations and
   of the library's own functions, or None.
3. Otherwise a node whose inputs are those arrays. Its value is that of ``run`` on
   ``bound(backend, *with_arrays(problem, operation, arrays))`` for arrays that have values, and its
   outputs are `outputs_of` the result (`with_outputs` makes the result of them again).
4. In its derivatives, ``pushforward`` and ``pullback`` on an `At`, whose arrays are those of the
   library again. Both are linear, in the tangents and in the cotangents. Operations that are linear
   in some of their arrays (`Rule.linear` names them) are transposed by ``pullback`` with `wanted`
   among those.

Arrays are known by their path: ``"X"``, ``"Y"`` and ``"metric"`` (the metric's parameter) for the
problem, and for the operation the way through its fields, such as ``"cotangent"``,
``"directions.X"`` or ``"objective.row_data.y"``. Outputs are known in the same way: ``""`` for an
array alone, ``"metric"``, ``"X"`` and ``"Y"`` of a gradient, ``"0"`` and ``"1.X"`` of a value and
its gradient.
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
"""What has registered its rules by being imported."""
