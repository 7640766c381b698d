"""What every minimisation shares: how it ends, also when it is interrupted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from maha_core.blas import one_thread
from maha_core.learn.progress import Progress
from maha_core.learn.user_line import warn

Matrix = NDArray[np.float64]
Objective = Callable[[Matrix], tuple[float, Matrix]]
Callback = Callable[[NDArray[Any], int], object]


class NotFiniteError(ArithmeticError):
    """The loss or its gradient is not finite."""


@dataclass(frozen=True)
class Found:
    """Where the search ended, and what cut it short: a number that is not finite, or an interrupt.

    An interrupt is raised again by `fit`, once the estimator has what was found.
    """

    A: Matrix
    loss: float
    n_iter: int
    finite: bool = True
    interrupt: KeyboardInterrupt | None = None

    @property
    def cut_short(self) -> bool:
        """Whether to search no further."""
        return not self.finite or self.interrupt is not None


class Minimisation(ABC):
    """One minimisation from a start.

    Parameters
    ----------
    name : str
        The estimator's name, for messages.
    callback : callable or None
        ``callback(A.ravel(), iteration)`` after every iteration.
    progress : Progress
    """

    def __init__(self, name: str, callback: Callback | None, progress: Progress) -> None:
        self.name = name
        self.callback = callback
        self.progress = progress
        self.n_iter = 0
        self._errors = np.geterr()  # the caller's, for the callback

    def run(self, start: Matrix) -> Found:
        """Return the parameter that is kept, also where the search was interrupted."""
        self._begin(start)
        finite, ending, interrupt = True, None, None
        try:
            # A solver's products are so small that waking threads is most of them, and what their
            # last digits underflow to is nobody's concern.
            with one_thread(), np.errstate(all="ignore"):
                ending = self._minimise(start)
        except KeyboardInterrupt as error:
            interrupt = error
            interrupt.add_note(f"{self.name} {self._interrupted()}")
        except NotFiniteError:
            finite, ending = False, self._not_finite()
        finally:
            self.progress.close()
        if ending is not None:
            warn(f"{self.name} {ending}", ConvergenceWarning)
        return Found(*self._result(), self.n_iter, finite, interrupt)

    @abstractmethod
    def _begin(self, start: Matrix) -> None:
        """Note where the search starts."""

    @abstractmethod
    def _minimise(self, start: Matrix) -> str | None:
        """Search, and return what there is to warn of."""

    @abstractmethod
    def _result(self) -> tuple[Matrix, float]:
        """Return the parameter to keep, and its loss."""

    @abstractmethod
    def _interrupted(self) -> str:
        """Report the progress made before an interrupt."""

    @abstractmethod
    def _not_finite(self) -> str:
        """Say where a number was not finite, and what to do."""

    def _tell(self, flat: NDArray[Any]) -> None:
        """Call the user's function under the caller's floating-point error state."""
        if self.callback is not None:
            with np.errstate(**self._errors):
                self.callback(flat, self.n_iter)


def evaluated(objective: Objective, A: Matrix) -> tuple[float, Matrix]:
    """Return loss and gradient.

    Raises
    ------
    NotFiniteError
        One of them is not finite.
    """
    loss, gradient = objective(A)
    if not (np.isfinite(loss) and np.isfinite(gradient).all()):
        raise NotFiniteError
    return loss, gradient
