"""What the learners by L-BFGS share: their parameters, and the way through `fit`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from maha_core.blas import one_thread
from maha_core.learn.base import MetricLearner
from maha_core.learn.data import Training
from maha_core.learn.host import like, to_host
from maha_core.learn.initialization import continued, initial
from maha_core.learn.optimizer import MEMORY, Found, Matrix, Objective, Search
from maha_core.learn.progress import progress
from maha_core.losses.base import Loss
from maha_core.metrics import Factor
from maha_core.objective import value_and_grad

Array = Any


class GradientLearner(MetricLearner):
    """A learner that minimises a streamed loss of D by L-BFGS, from points with targets."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "init": [StrOptions({"auto", "pca", "lda", "identity", "random"}), "array-like"],
        "warm_start": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, np.inf, closed="left"), None],
        "callback": [callable, None],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
        "preprocessor": ["array-like", callable, None],
    }
    _memory: ClassVar[int] = MEMORY

    n_components: int | None
    init: Any
    warm_start: bool
    max_iter: int
    tol: float | None
    callback: Callable[[NDArray[Any], int], object] | None
    verbose: int
    random_state: Any
    preprocessor: Any

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> Self:
        """Learn the metric.

        Parameters
        ----------
        X : array-like (n, d)
            Points as rows; or what the `preprocessor` turns into points ``(n,)``.
        y : array-like (n,)
            Their targets or labels; of X's library where that is not NumPy.
        sample_weight : array-like (n,), optional
            Weights of the points' own terms of the loss: not negative, and not all 0.

        Returns
        -------
        self

        Raises
        ------
        KeyboardInterrupt
            On an interrupt (Ctrl-C), with the best parameters so far kept on the estimator.
        """
        self._validate_params()
        with one_thread():  # the same bits whatever BLAS has, from the initialization on
            with unchanged_if_refused(self):
                data = self._training(X, y, sample_weight)
                start = self._start(data)
            found = self._learn(data, start)
            self._keep(data, found)
        if found.interrupt is not None:
            raise found.interrupt
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    @abstractmethod
    def _training(self, X: Array, y: Array, sample_weight: Array | None) -> Training:
        """Return what was given, checked."""

    @abstractmethod
    def _loss(self, data: Training) -> Loss:
        """Return the loss to be minimised."""

    def _start(self, data: Training) -> Matrix:
        if not (self.warm_start and hasattr(self, "components_")):
            return initial(data, self.init, self.n_components, self.random_state)
        return continued(data, to_host(self.components_)[0], self.init, self.n_components)

    def _learn(self, data: Training, start: Matrix) -> Found:
        return self._search(self._objective(data)).run(start)

    def _objective(self, data: Training) -> Objective:
        return objective(self._loss(data), data.X)

    def _search(self, function: Objective) -> Search:
        name = type(self).__name__
        return Search(
            name,
            function,
            max_iter=self.max_iter,
            tol=self.tol,
            memory=self._memory,
            callback=self.callback,
            progress=progress(name, self.verbose, self.max_iter),
        )

    def _keep(self, data: Training, found: Found) -> None:
        self._keep_components(found.A, data.X)
        self.n_iter_ = found.n_iter
        self.loss_ = found.loss


@contextmanager
def unchanged_if_refused(estimator: Any) -> Iterator[None]:
    """Give an estimator its attributes back where what it is to learn from is refused."""
    before = dict(vars(estimator))
    try:
        yield
    except Exception:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def objective(loss: Loss, X: Array) -> Objective:
    """Return loss and gradient as functions of the parameter, on the host; X stays where it is."""

    def evaluate(A: Matrix) -> tuple[float, Matrix]:
        value, gradient = value_and_grad(loss, X, metric=Factor(like(A, X)))
        value, slope = to_host(value, gradient.metric)
        return float(value), slope

    return evaluate
