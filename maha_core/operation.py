"""An operation on a problem, as an object: what is asked, and how any backend answers it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

Result = TypeVar("Result", covariant=True)


class Operation(ABC, Generic[Result]):
    """What is asked of a problem.

    Subclasses are frozen dataclasses, whose fields are what is asked for beyond the problem. Each
    brings its algorithm; a backend that has a better one registers it (`Engine.register`).

    Attributes
    ----------
    quiet : bool
        Whether warnings on floating-point arithmetic mean nothing, as for our own arithmetic; False
        where a user's function runs.
    """

    quiet: ClassVar[bool] = True

    def size(self, problem: Any) -> int:
        """Return the multiplications of the largest product in it."""
        size: int = problem.product_size
        return size

    @abstractmethod
    def run(self, backend: Any, problem: Any) -> Result:
        """Return the result, by what every backend can do."""
