"""Functions of one pair of points: traced, differentiated, evaluated, compiled.

A pair expression is a scalar function of D_ij and of numbers of the points i and j. `trace` makes
one from a Python function. From its graph, this package derives its derivatives of any order, its
values on a tile of D by array API calls, and its source for a compiler. To add an operation, see
`maha_core.expressions.operations`.
"""

from maha_core.expressions.algebra import finite_at, weighted
from maha_core.expressions.derivative import derivative
from maha_core.expressions.evaluation import evaluate, takes_out
from maha_core.expressions.expression import COLUMNS, PAIRS, ROWS, Expression, variable
from maha_core.expressions.source import cuda_source, python_source
from maha_core.expressions.substitution import substituted
from maha_core.expressions.symbol import NAMESPACE, Symbol, UntraceableError
from maha_core.expressions.tracing import trace

__all__ = [
    "COLUMNS",
    "NAMESPACE",
    "PAIRS",
    "ROWS",
    "Expression",
    "Symbol",
    "UntraceableError",
    "cuda_source",
    "derivative",
    "evaluate",
    "finite_at",
    "python_source",
    "substituted",
    "takes_out",
    "trace",
    "variable",
    "weighted",
]
