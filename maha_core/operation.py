"""The base class of operations on a problem, which every backend can run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

Result = TypeVar("Result", covariant=True)


class Operation(ABC, Generic[Result]):
    """An operation on a problem, such as computing D.

    Subclasses are frozen dataclasses, whose fields are the arguments other than the problem. Each
    has a generic algorithm; a backend with a better one registers it (`Engine.register`).

    Attributes
    ----------
    quiet : bool
        Whether floating-point warnings are suppressed, as for our own arithmetic; False where a
        user's function runs.
    """

    quiet: ClassVar[bool] = True

    def size(self, problem: Any) -> int:
        """Return the multiplications of the largest product in it."""
        size: int = problem.product_size
        return size

    @abstractmethod
    def run(self, backend: Any, problem: Any) -> Result:
        """Return the result, by an algorithm for every backend."""
