"""SciPy's solvers on the metric's parameter, with everything that can go wrong told to the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize
from sklearn.exceptions import ConvergenceWarning

from maha_core.blas import one_thread
from maha_core.learn.progress import Progress, progress
from maha_core.learn.user_line import warn

Matrix = NDArray[np.float64]
Objective = Callable[[Matrix], tuple[float, Matrix]]

ITERATION_LIMIT = 1
"""SciPy's status of L-BFGS-B where `max_iter` was reached."""

LINE_SEARCH = 20
"""The most evaluations of one iteration of L-BFGS-B."""

MEMORY = 10
"""The steps that L-BFGS remembers: SciPy's own choice, and so scikit-learn's."""

TRUST = 0.1
"""The first trust region's radius, relative to the norm of the start."""

REJECTED = 10
"""So many steps in turn that a trust region refuses end the search: rounding hides what is left."""

STATIONARY = 1e-12
"""A gradient of this size beside that of the parameter is nothing but rounding."""


@dataclass
class Best:
    """The best parameter seen so far, and how many evaluations there were."""

    A: Matrix
    loss: float = np.inf
    gradient_norm: float = np.inf
    first: float = np.inf
    evaluations: int = 0

    def offer(self, A: Matrix, loss: float, gradient: Matrix) -> None:
        """Keep a parameter if it is better."""
        self.evaluations += 1
        if self.evaluations == 1:
            self.first = loss
        if loss < self.loss:
            self.A, self.loss = A.copy(), loss
            self.gradient_norm = float(np.linalg.norm(gradient))


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


class Search:
    """One minimisation from a start.

    Parameters
    ----------
    name : str
        The estimator's name, for messages.
    objective : callable
        Loss and gradient at a parameter ``(k, d)``; with a method `hessian_product` for the solver
        "trust-ncg".
    max_iter, tol
        As in scikit-learn: `tol` is SciPy's, for the relative change of the loss and for the
        gradient.
    memory : int
        The steps from which L-BFGS knows the curvature.
    callback : callable or None
        ``callback(A.ravel(), iteration)`` after every iteration.
    progress : Progress
    solver : {"lbfgs", "trust-ncg"}
        SciPy's L-BFGS-B, or its Newton's method by conjugate gradients in a trust region.
    """

    def __init__(
        self,
        name: str,
        objective: Objective,
        *,
        solver: str = "lbfgs",
        max_iter: int,
        tol: float | None,
        memory: int,
        callback: Callable[[NDArray[Any], int], object] | None,
        progress: Progress,
    ) -> None:
        self.name = name
        self.objective = objective
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.memory = memory
        self.callback = callback
        self.progress = progress
        self.n_iter = 0
        self._previous, self._refused, self._settled = np.inf, 0, False
        self._errors = np.geterr()  # the caller's, for the callback

    def run(self, start: Matrix) -> Found:
        """Return the best parameter, also where the search was interrupted."""
        self.best = Best(start)
        finite, ending, interrupt = True, None, None
        try:
            # SciPy's products are so small that waking threads is most of them, and what their
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
        return Found(self.best.A, self.best.loss, self.n_iter, finite, interrupt)

    def _minimise(self, start: Matrix) -> str | None:
        """Run SciPy, and return what there is to warn of."""
        result = self._lbfgs(start) if self.solver == "lbfgs" else self._trust_region(start)
        if self.best.loss >= self.best.first:
            return self._no_progress()
        if result.status == ITERATION_LIMIT:
            return (
                f"did not converge within max_iter={self.max_iter} iterations; "
                "raise max_iter, or scale the data with sklearn.preprocessing.StandardScaler"
            )
        converged = result.success or self._settled
        return None if converged else f"stopped before convergence: {result.message}"

    def _lbfgs(self, start: Matrix) -> OptimizeResult:
        return minimize(
            self._evaluate,
            start.ravel(),
            args=(start.shape,),
            method="L-BFGS-B",
            jac=True,
            tol=self.tol,
            options={
                "maxiter": self.max_iter,
                "maxfun": LINE_SEARCH * (self.max_iter + 1),
                "maxcor": self.memory,
            },
            callback=self._iterated,
        )

    def _trust_region(self, start: Matrix) -> OptimizeResult:
        return minimize(
            self._evaluate,
            start.ravel(),
            args=(start.shape,),
            method="trust-ncg",
            jac=True,
            hessp=self._hessian_product,
            tol=self.tol,
            options={
                "maxiter": self.max_iter,
                "initial_trust_radius": TRUST * float(np.linalg.norm(start)) or 1.0,
                "max_trust_radius": np.inf,
            },
            callback=self._step_taken,
        )

    def _hessian_product(
        self, flat: NDArray[Any], direction: NDArray[Any], shape: tuple[int, int]
    ) -> NDArray[Any]:
        found = self.objective.hessian_product(flat.reshape(shape), direction.reshape(shape))  # type: ignore[attr-defined]
        if not np.isfinite(found).all():
            raise NotFiniteError
        return np.asarray(found, dtype=np.float64).ravel()

    def _step_taken(self, flat: NDArray[Any]) -> None:
        """Show a step, and stop where L-BFGS would: at a small relative fall of the loss."""
        self._iterated(flat)
        fall, self._previous = self._previous - self.best.loss, self.best.loss
        self._refused = 0 if fall > 0 else self._refused + 1
        small = self.tol is not None and 0 < fall <= self.tol * max(abs(self.best.loss), 1.0)
        if small or self._refused == REJECTED:
            self._settled = True
            raise StopIteration

    def _evaluate(self, flat: NDArray[Any], shape: tuple[int, int]) -> tuple[float, NDArray[Any]]:
        A = flat.reshape(shape)
        loss, gradient = self.objective(A)
        if not (np.isfinite(loss) and np.isfinite(gradient).all()):
            raise NotFiniteError
        self.best.offer(A, loss, gradient)
        return loss, np.asarray(gradient, dtype=np.float64).ravel()

    def _iterated(self, flat: NDArray[Any]) -> None:
        self.n_iter += 1
        self.progress.show(self.n_iter, self.best.loss, self.best.gradient_norm)
        if self.callback is not None:
            with np.errstate(**self._errors):
                self.callback(flat, self.n_iter)

    def _interrupted(self) -> str:
        if not self.best.evaluations:
            return "was interrupted before its first evaluation; components_ is the initialization"
        return (
            f"was interrupted after {self.best.evaluations} evaluations; components_ is the best "
            f"so far, with a loss of {self.best.loss:.6g}: fit again with warm_start=True to go on"
        )

    def _not_finite(self) -> str:
        where = "at the initialization" if not self.best.evaluations else "on the way"
        return (
            f"met a loss or gradient that is not finite {where}, after {self.best.evaluations} "
            "finite evaluations, and kept the best before; scale the data with "
            "sklearn.preprocessing.StandardScaler, or start from a smaller init"
        )

    def _no_progress(self) -> str:
        return (
            f"made no progress from its initialization, with a loss of {self.best.loss:.6g} and a "
            f"gradient of size {self.best.gradient_norm:.3g}; either it is a minimum already, or "
            "distances are so large that only the nearest neighbour counts: scale the data with "
            "sklearn.preprocessing.StandardScaler, or try another init"
        )


def minimised(learner: Any, objective: Objective, start: Matrix) -> Found:
    """Search by the parameters `max_iter`, `tol` and `verbose` of a learner from tuples.

    Where the start is a minimum already, as a prior can be, that is no reason for a warning.
    """
    loss, gradient = objective(start)
    if np.abs(gradient).max() <= STATIONARY * np.abs(start).max():
        return Found(start, loss, 1)
    name = type(learner).__name__
    search = Search(
        name,
        objective,
        max_iter=learner.max_iter,
        tol=learner.tol,
        memory=MEMORY,
        callback=None,
        progress=progress(name, int(learner.verbose), learner.max_iter),
    )
    return search.run(start)
