"""The base class of rules, and the table of rules by operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from maha_core.formulas import plus
from maha_core.operation import Operation
from maha_core.problem import Gradient, ReductionGradient, Tangents

if TYPE_CHECKING:
    from maha_core.engine import Engine
    from maha_core.problem import Problem

Array = Any
Arrays = Mapping[str, Array]
Op = TypeVar("Op", bound=Operation[Any])
POINTS_AND_METRIC = frozenset({"metric", "X", "Y"})

WITHOUT_RULE = {
    "Jacobian": "jacobian",
    "JacobianSlice": "jacobian_slice",
    "PointsWithin": "within",
}
"""Names of public functions by their operations, for errors."""

_rules: dict[type[Operation[Any]], Rule[Any]] = {}


class At(NamedTuple, Generic[Op]):
    """The point at which an operation is differentiated; outputs may be missing if not kept."""

    backend: Engine
    problem: Problem
    operation: Op
    outputs: Arrays

    def run(self, operation: Operation[Any]) -> Any:
        """Return the result of another operation on the same problem, recorded if necessary."""
        return self.backend.run(self.problem, operation)

    @property
    def xp(self) -> Any:
        """The namespace of the arrays."""
        return self.backend.xp


class Rule(Generic[Op]):
    """The derivatives of one type of operation.

    Attributes
    ----------
    linear : frozenset of str
        Arrays in which the operation is linear, by the first part of their path.
    reads_outputs : bool
        Whether `pullback` needs the outputs. `pushforward` uses them if they are available.
    """

    linear: frozenset[str] = frozenset()
    reads_outputs: bool = False

    def expansion(
        self, backend: Engine, problem: Problem, operation: Op, active: frozenset[str]
    ) -> Any:
        """Return the result by other operations, or None if the operation is one node.

        `active` are the paths of the arrays that are differentiated.
        """
        return None

    def ahead(
        self, backend: Engine, problem: Problem, operation: Op, active: frozenset[str]
    ) -> Any:
        """Return the result by another operation that saves work in a later pullback, or None.

        A library may use it if it knows that a pullback will follow.
        """
        return None

    def kept(self, at: At[Op], active: frozenset[str]) -> dict[str, Array] | None:
        """Return the outputs, and further results that derivatives need.

        They are in `At.outputs` of later derivatives.
        """
        return None

    def pushforward(self, at: At[Op], tangents: Arrays) -> dict[str, Array]:
        """Return the tangents of the outputs from those of some inputs; missing ones are 0."""
        raise NotImplementedError

    def pullback(self, at: At[Op], cotangents: Arrays, wanted: frozenset[str]) -> dict[str, Array]:
        """Return cotangents of the wanted inputs from those of some outputs; missing ones are 0."""
        raise NotImplementedError


def rules(operation: type[Operation[Any]]) -> Callable[[type[Rule[Any]]], type[Rule[Any]]]:
    """Register a rule for an operation."""

    def registered(rule: type[Rule[Any]]) -> type[Rule[Any]]:
        _rules[operation] = rule()
        return rule

    return registered


def rule_for(operation: Operation[Any]) -> Rule[Any]:
    """Return the rule of an operation.

    Raises
    ------
    TypeError
        The operation has no rule.
    """
    found = _rules.get(type(operation))
    if found is None:
        name = type(operation).__name__
        raise TypeError(
            f"{WITHOUT_RULE.get(name, name)} has no derivative, and an array of this call is to be "
            "differentiated; take it out of that: X.detach() in torch, jax.lax.stop_gradient(X) in "
            "JAX"
        )
    return found


def directions(arrays: Arrays) -> Tangents | None:
    """Return tangents of the metric and of the points as directions; None if there are none."""
    found = Tangents(arrays.get("metric"), arrays.get("X"), arrays.get("Y"))
    moving = found.metric is not None or found.X is not None or found.Y is not None
    return found if moving else None


def given_directions(arrays: Arrays) -> Tangents | None:
    """Return tangents of an operation's directions as directions; None where there are none."""
    start = "directions."
    return directions({k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)})


def names_of_directions(wanted: frozenset[str]) -> frozenset[str]:
    """Return the names of the wanted directions of an operation."""
    start = "directions."
    return frozenset(name.removeprefix(start) for name in wanted if name.startswith(start))


def named(gradient: Gradient | ReductionGradient, prefix: str = "") -> dict[str, Array]:
    """Return the parts of a gradient that are not None, by name."""
    return {prefix + name: part for name, part in gradient._asdict().items() if part is not None}


def sums(*parts: Arrays) -> dict[str, Array]:
    """Return the sums of arrays of the same name."""
    found: dict[str, Array] = {}
    for part in parts:
        for name, array in part.items():
            found[name] = plus(found.get(name), array)
    return found


def refuse_third(arrays: frozenset[str]) -> None:
    """Raise TypeError if a third derivative is needed."""
    if arrays & POINTS_AND_METRIC:
        raise TypeError(
            "a third derivative with respect to points or the metric is asked for; maha_core has "
            "derivatives to second order"
        )


def refuse_forward_over_forward(tangents: Arrays) -> None:
    """Raise TypeError if a pushforward is differentiated in the points or the metric."""
    if directions(tangents) is not None:
        raise TypeError(
            "a second derivative is taken forward over forward, which maha_core has only for "
            "scalars; take the inner one in reverse mode: hessian = jacfwd(jacrev(f))"
        )


def only(wanted: frozenset[str], known: frozenset[str], what: str) -> frozenset[str]:
    """Return the wanted paths; raise for paths without a derivative.

    Raises
    ------
    TypeError
        Another path is wanted.
    """
    unknown = sorted(wanted - known)
    if unknown:
        raise TypeError(f"{what} has no derivative with respect to {', '.join(unknown)}")
    return wanted
