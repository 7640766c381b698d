"""SciPy's solvers on the metric's parameter, with warnings where they fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize

from maha_core.learn.minimisation import (
    Callback,
    Found,
    Matrix,
    Minimisation,
    NotFiniteError,
    Objective,
    evaluated,
)
from maha_core.learn.progress import Progress, progress

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


class Search(Minimisation):
    """One minimisation by a solver of SciPy's.

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
        callback: Callback | None,
        progress: Progress,
    ) -> None:
        super().__init__(name, callback, progress)
        self.objective = objective
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.memory = memory
        self._previous, self._refused, self._converged = np.inf, 0, False

    def _begin(self, start: Matrix) -> None:
        self.best = Best(start)

    def _result(self) -> tuple[Matrix, float]:
        return self.best.A, self.best.loss

    def _minimise(self, start: Matrix) -> str | None:
        result = self._lbfgs(start) if self.solver == "lbfgs" else self._trust_region(start)
        if self.best.loss >= self.best.first:
            return self._no_progress()
        if result.status == ITERATION_LIMIT:
            return (
                f"did not converge within max_iter={self.max_iter} iterations; "
                "raise max_iter, or scale the data with sklearn.preprocessing.StandardScaler"
            )
        converged = result.success or self._converged
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
            self._converged = True
            raise StopIteration

    def _evaluate(self, flat: NDArray[Any], shape: tuple[int, int]) -> tuple[float, NDArray[Any]]:
        A = flat.reshape(shape)
        loss, gradient = evaluated(self.objective, A)
        self.best.offer(A, loss, gradient)
        return loss, np.asarray(gradient, dtype=np.float64).ravel()

    def _iterated(self, flat: NDArray[Any]) -> None:
        self.n_iter += 1
        self.progress.show(self.n_iter, self.best.loss, self.best.gradient_norm)
        self._tell(flat)

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

    There is no warning where the start is already a minimum, as a prior can be.
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
