"""An expression as the source of one scalar function: Python for numba, C++ for CUDA."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isinf, isnan
from typing import NamedTuple

from maha_core.expressions.expression import Expression, is_constant, ordered
from maha_core.expressions.lowering import lowered
from maha_core.expressions.operations import TABLE


def python_source(
    outputs: Sequence[Expression], inputs: Sequence[Expression], *, real: str = "float"
) -> str:
    """Return a Python function ``pair`` of numbers, which needs `math` and the type `real`.

    Parameters
    ----------
    outputs, inputs : sequence of Expression
        The returned expressions, as a tuple, and the parameters in order.
    real : str
        The name of the type of its numbers, such as ``"float32"`` of numba.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.expressions import python_source, trace, variable
    >>> D = variable("D")
    >>> print(python_source([trace(lambda D: np.exp(-D), [D])], [D]))
    def pair(D):
        t0 = -D
        t1 = math.exp(t0)
        return (t1,)
    """
    lines, found = python_statements(outputs, real)
    names = ", ".join(str(part.value) for part in inputs)
    body = [f"    {line.name} = {line.text}" for line in lines]
    returned = ", ".join(found) + ("," if len(found) == 1 else "")
    return "\n".join([f"def pair({names}):", *body, f"    return ({returned})"])


def python_statements(
    outputs: Sequence[Expression],
    real: str,
    functions: Mapping[str, str] | None = None,
    prefix: str = "t",
) -> tuple[list[Statement], list[str]]:
    """Return Python assignments that compute some expressions, and the text of each expression.

    Parameters
    ----------
    outputs : sequence of Expression
    real : str
        The name of the type of numbers.
    functions : mapping of str to str, optional
        The text of operations, by name, for which the compiler has a faster function.
    prefix : str
        The beginning of the assigned names.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.expressions import trace, variable
    >>> from maha_core.expressions.source import python_statements
    >>> kernel = trace(lambda D: np.exp(-D), [variable("D")])
    >>> lines, found = python_statements([kernel], "float", {"exp": "fast_exp({0})"})
    >>> [(line.name, line.text) for line in lines], found
    ([('t0', '-D'), ('t1', 'fast_exp(t0)')], ['t1'])
    """
    return _statements(tuple(outputs), _python(real, functions or {}), prefix)


def cuda_source(output: Expression) -> str:
    """Return a C++ expression of the inputs' names and of the type ``real``.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.expressions import cuda_source, trace, variable
    >>> cuda_source(trace(lambda D: np.exp(-D), [variable("D")]))
    '[&] { const real t0 = -D; const real t1 = exp(t0); return t1; }()'
    """
    lines, (found,) = _statements((output,), _cuda)
    if not lines:
        return found
    body = " ".join(f"const {TYPES[e.kind]} {name} = {text};" for e, name, text in lines)
    return f"[&] {{ {body} return {found}; }}()"


class Statement(NamedTuple):
    """A part of some expressions, the name of its value, and the text that computes it."""

    part: Expression
    name: str
    text: str


TYPES = {"real": "real", "integer": "long long", "bool": "bool"}


class _Language:
    """How a language writes numbers and operations."""

    def __init__(
        self,
        real: str,
        number: Callable[[Expression], str],
        column: str,
        functions: Mapping[str, str] | None = None,
    ) -> None:
        self.real = real
        self.number = number
        self.column = column
        self.functions = functions or {}

    def operation(self, part: Expression, arguments: Sequence[str]) -> str:
        """Return the text of an operation."""
        own: str = getattr(TABLE[part.operation], self.column)
        text = self.functions.get(part.operation, own)
        return text.format(*arguments, real=self.real)


def _python(real: str, functions: Mapping[str, str]) -> _Language:
    def number(part: Expression) -> str:
        text = repr(part.value)
        if part.kind != "real":
            return text
        finite = not (isinf(float(text)) or isnan(float(text)))
        return f"{real}({text})" if finite else f"{real}(math.{text})".replace("math.-", "-math.")

    return _Language(real, number, "python", functions)


def _cuda_number(part: Expression) -> str:
    if part.kind == "bool":
        return "true" if part.value else "false"
    if part.kind == "integer":
        return f"{part.value}LL"
    value = float(part.value or 0)
    if isnan(value):
        return "(-log(real(0)) * real(0))"
    if isinf(value):
        return "-log(real(0))" if value > 0 else "log(real(0))"
    return f"real({value!r})"


_cuda = _Language("real", _cuda_number, "cuda")


def _statements(
    outputs: tuple[Expression, ...], language: _Language, prefix: str = "t"
) -> tuple[list[Statement], list[str]]:
    """Return every part with a name and its text, and the texts of the outputs."""
    outputs = lowered(outputs)
    texts: dict[Expression, str] = {}
    lines: list[Statement] = []
    for part in ordered(outputs):
        if is_constant(part):
            texts[part] = language.number(part)
        elif part.operation == "input":
            texts[part] = str(part.value)
        else:
            text = language.operation(part, [texts[argument] for argument in part.arguments])
            texts[part] = f"{prefix}{len(lines)}"
            lines.append(Statement(part, texts[part], text))
    return lines, [texts[output] for output in outputs]
