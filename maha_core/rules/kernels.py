"""Rules of elementwise functions of D: kernels, and the root of listed pairs' D."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maha_core import checks
from maha_core.expressions import NAMESPACE, Expression, derivative, trace
from maha_core.expressions.algebra import stays_finite
from maha_core.expressions.expression import ordered
from maha_core.expressions.operation import number
from maha_core.kernels.base import DISTANCE
from maha_core.metrics.euclidean import euclidean
from maha_core.problem import Problem
from maha_core.rules.rule import Arrays, At, Rule, directions, named, rules, sums
from maha_core.sweeps.coincident import without_infinite
from maha_core.sweeps.distances import NEW_SQDIST, Root
from maha_core.sweeps.entrywise import Entrywise
from maha_core.sweeps.kernel_gradients import KernelGradient
from maha_core.sweeps.kernel_matrices import KernelMatrix
from maha_core.sweeps.kernel_pullbacks import KernelPullback
from maha_core.sweeps.pullbacks import Pullback
from maha_core.sweeps.tangents import Pushforward

if TYPE_CHECKING:
    from maha_core.engine import Engine
    from maha_core.options import Options

Array = Any

ROOT = trace(NAMESPACE.sqrt, (DISTANCE,))


def entrywise(backend: Engine, expression: Expression, D: Array, options: Options) -> Array:
    """Return an expression of squared distances of any shape, recorded."""
    if options.check_finite:
        checks.finite(backend, D, "D")
    checks.nonnegative(backend, D)
    flat = backend.xp.reshape(D, (-1, 1))
    form = euclidean(backend.xp)  # there are no points
    n = flat.shape[0]
    problem = Problem(flat, None, None, form, options, n=n, m=n, d=1, width=1)
    found = backend.run(problem, Entrywise(expression, {"D": flat}))
    return backend.xp.reshape(found, D.shape)


@rules(Entrywise)
class OfEntrywise(Rule[Entrywise]):
    """The derivative in each input is an expression of the same inputs."""

    def pushforward(self, at: At[Entrywise], tangents: Arrays) -> dict[str, Array]:
        """Return the sum of the slopes times the tangents."""
        parts = []
        for path, tangent in tangents.items():
            slope = slope_of(at, path)
            if slope is not None:
                parts.append({"": slope * tangent})
        return sums(*parts)

    def pullback(
        self, at: At[Entrywise], cotangents: Arrays, wanted: frozenset[str]
    ) -> dict[str, Array]:
        """Return the slopes times the cotangent."""
        found = {}
        for path in wanted:
            slope = slope_of(at, path)
            if slope is not None:
                found[path] = slope * cotangents[""]
        return found


def slope_of(at: At[Entrywise], path: str) -> Array | None:
    """Return the derivative in one input, None if it is 0; infinite entries where D = 0 are 0."""
    asked, name = at.operation, path.removeprefix("inputs.")
    slope = _derivative(asked.expression, name)
    if slope is None:
        return None
    found, D = at.run(Entrywise(slope, asked.inputs)), asked.inputs.get("D")
    return found if D is None or stays_finite(slope) else without_infinite(at.xp, found, D == 0)


def _derivative(expression: Expression, name: str) -> Expression | None:
    inputs = [part for part in ordered([expression]) if part.operation == "input"]
    found = next((part for part in inputs if part.value == name), None)
    slope = None if found is None else derivative(expression, found)
    return None if slope is number(0) else slope


@rules(Root)
class OfRoot(Rule[Root]):
    """The root of listed pairs' D is an expression of D."""

    def expansion(self, backend: Any, problem: Any, operation: Root, active: frozenset[str]) -> Any:
        """Return the root as an expression."""
        D = operation.D
        found = backend.run(problem, Entrywise(ROOT, {"D": backend.xp.reshape(D, (-1, 1))}))
        return backend.xp.reshape(found, D.shape)


@rules(KernelMatrix)
class OfKernelMatrix(Rule[KernelMatrix]):
    """``k'(D) dD``, and the pullback of ``G k'(D)``."""

    def pushforward(self, at: At[KernelMatrix], tangents: Arrays) -> dict[str, Array]:
        """Return the change of the matrix along the tangents."""
        moved = directions(tangents)
        if moved is None:
            return {}
        return {"": at.run(Pushforward(moved)) * _slopes(at.backend, at.problem, _slope(at))}

    def pullback(
        self, at: At[KernelMatrix], cotangents: Arrays, wanted: frozenset[str]
    ) -> dict[str, Array]:
        """Return the gradient of ``sum_ij G_ij k(D_ij)``."""
        return named(at.run(KernelPullback(_slope(at), cotangents[""], wanted)))


@rules(KernelPullback)
class OfKernelPullback(Rule[KernelPullback]):
    """The operation is the pullback of ``G k'(D)``."""

    def expansion(
        self, backend: Any, problem: Any, operation: KernelPullback, active: frozenset[str]
    ) -> Any:
        """Return the pullback as operations on D."""
        G = operation.cotangent * _slopes(backend, problem, operation.slope)
        return backend.run(problem, Pullback(G, operation.wrt))


@rules(KernelGradient)
class OfKernelGradient(Rule[KernelGradient]):
    """The operation is the pullback of ``k'(D_ij) b_jc`` to X, for every c; it stores matrices."""

    def expansion(
        self, backend: Any, problem: Any, operation: KernelGradient, active: frozenset[str]
    ) -> Any:
        """Return the gradients ``(n, c, d)`` as operations on D."""
        b, X = operation.values, problem.X
        if not b.shape[1]:
            shape = (problem.n, 0, problem.d)
            return backend.xp.zeros(shape, dtype=X.dtype, device=X.device)
        slopes = _slopes(backend, problem, operation.slope)
        found = [
            backend.run(problem, Pullback(slopes * b[None, :, c], frozenset({"X"}))).X
            for c in range(b.shape[1])
        ]
        return backend.xp.stack(found, axis=1)


def _slope(at: At[KernelMatrix]) -> Expression:
    return derivative(at.operation.expression, DISTANCE)


def _slopes(backend: Any, problem: Any, slope: Expression) -> Array:
    """Return a kernel's derivative for all pairs; 0 where it is not finite and D is 0."""
    D = backend.run(problem, NEW_SQDIST)
    found = backend.run(problem, Entrywise(slope, {"D": D}))
    return found if stays_finite(slope) else without_infinite(backend.xp, found, D == 0)
