"""What gradient-based learners share: their parameters, and the steps of `fit`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from maha_core.blas import one_thread
from maha_core.learn import held_out
from maha_core.learn.base import MetricLearner
from maha_core.learn.batch_search import SCHEDULES, BatchSearch
from maha_core.learn.data import Training, part
from maha_core.learn.host import to_host
from maha_core.learn.initialization import continued, initial
from maha_core.learn.minimisation import Callback, Found, Matrix, Objective
from maha_core.learn.optimizer import MEMORY, Search
from maha_core.learn.progress import progress
from maha_core.learn.streamed import Streamed
from maha_core.losses.base import Loss
from maha_core.losses.batch_sampler import BatchSampler

Array = Any


class GradientLearner(MetricLearner):
    """A learner that minimises a streamed loss of D, from points with targets."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "init": [StrOptions({"auto", "pca", "lda", "identity", "random"}), "array-like"],
        "warm_start": ["boolean"],
        "solver": [StrOptions({"lbfgs", "trust-ncg"})],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "n_references": [Interval(Integral, 2, None, closed="left"), None],
        "learning_rate": [Interval(Real, 0, np.inf, closed="neither")],
        "schedule": [StrOptions(set(SCHEDULES))],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither"), None],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
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
    solver: str
    n_init: int
    batch_size: int | None
    n_references: int | None
    learning_rate: float
    schedule: str
    validation_fraction: float | None
    n_iter_no_change: int
    max_iter: int
    tol: float | None
    callback: Callback | None
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
        tags.array_api_support = True
        return tags

    @abstractmethod
    def _training(self, X: Array, y: Array, sample_weight: Array | None) -> Training:
        """Return what was given, checked."""

    @abstractmethod
    def _loss(self, data: Training) -> Loss:
        """Return the loss to be minimised."""

    def _start(self, data: Training) -> Matrix:
        if not self._goes_on:
            return initial(data, self.init, self.n_components, self.random_state)
        return continued(data, to_host(self.components_)[0], self.init, self.n_components)

    @property
    def _goes_on(self) -> bool:
        """Whether the start is the last fit's metric."""
        return self.warm_start and hasattr(self, "components_")

    def _learn(self, data: Training, start: Matrix) -> Found:
        return self._minimised(data, self._loss, start)

    def _minimised(
        self,
        data: Training,
        loss_of: Callable[[Training], Loss],
        start: Matrix,
        units: NDArray[np.float64] | None = None,
    ) -> Found:
        """Return the minimum of a loss of the points, as the parameters say.

        The columns of the points are in `units`, of which the callback knows nothing.
        """
        if self.batch_size is not None:
            return self._by_batches(data, loss_of, start, units)
        objective = self._objective(Streamed(loss_of(data), data.X))
        rng = check_random_state(self.random_state)
        found = self._search(objective, units).run(start)
        for _ in range(self.n_init - 1):
            if found.cut_short:
                break
            again = self._search(objective, units).run(another_start(start, rng))
            found = better(found, again)
        return found

    def _objective(self, loss: Streamed) -> Any:
        """Return what is minimised: the loss, and what a subclass adds."""
        return loss

    def _search(self, objective: Any, units: NDArray[np.float64] | None) -> Search:
        name = type(self).__name__
        return Search(
            name,
            objective,
            solver=self.solver,
            max_iter=self.max_iter,
            tol=self.tol,
            memory=self._memory,
            callback=in_units(self.callback, units),
            progress=progress(name, self.verbose, self.max_iter),
        )

    def _by_batches(
        self,
        data: Training,
        loss_of: Callable[[Training], Loss],
        start: Matrix,
        units: NDArray[np.float64] | None,
    ) -> Found:
        name, rng = type(self).__name__, check_random_state(self.random_state)
        learned, validation = data, None
        if self.validation_fraction is not None:
            kept, out = held_out.split(data, self.validation_fraction, rng)
            learned = part(data, kept)
            loss = held_out.validation(data, loss_of, kept, out, self.n_references, rng)
            validation = loss.value
        epochs = ObjectivesOfBatches(self._sampler(learned, loss_of, rng), self._objective)
        search = BatchSearch(
            name,
            epochs,
            validation=validation,
            learning_rate=self.learning_rate,
            schedule=self.schedule,
            max_iter=self.max_iter,
            tol=self.tol,
            patience=self.n_iter_no_change,
            callback=in_units(self.callback, units),
            progress=progress(name, self.verbose, self.max_iter, "epoch", "standard error"),
        )
        return search.run(start)

    def _sampler(
        self, data: Training, loss_of: Callable[[Training], Loss], rng: np.random.RandomState
    ) -> BatchSampler:
        """Return batches of the points; fewer points than were asked for are all of them."""
        n, seed = int(data.X.shape[0]), int(rng.randint(2**31 - 1))
        assert self.batch_size is not None
        columns = None if self.n_references is None else min(self.n_references, n)
        return BatchSampler(
            loss_of(data),
            data.X,
            batch_size=min(self.batch_size, n),
            n_references=columns,
            seed=seed,
        )

    def _keep(self, data: Training, found: Found) -> None:
        self._keep_components(found.A, data.X)
        self.n_iter_ = found.n_iter
        self.loss_ = found.loss


@contextmanager
def unchanged_if_refused(estimator: Any) -> Iterator[None]:
    """Restore an estimator's attributes where the input of `fit` is refused."""
    before = dict(vars(estimator))
    try:
        yield
    except Exception:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


class ObjectivesOfBatches:
    """An iterable of the objectives of an epoch's batches."""

    def __init__(self, sampler: BatchSampler, objective: Callable[[Streamed], Any]) -> None:
        self.sampler = sampler
        self.objective = objective

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[Objective]:
        for batch in self.sampler:
            yield self.objective(Streamed(batch.loss, batch.X))


def in_units(callback: Callback | None, units: NDArray[np.float64] | None) -> Callback | None:
    """Return a callback that receives the map in the units of the points as given."""
    if callback is None or units is None:
        return callback
    own = callback

    def told(flat: NDArray[Any], iteration: int) -> object:
        return own((flat.reshape(-1, len(units)) / units).ravel(), iteration)

    return told


def another_start(start: Matrix, rng: np.random.RandomState) -> Matrix:
    """Return a random start of the same norm."""
    drawn = rng.standard_normal(start.shape)
    found: Matrix = drawn * (np.linalg.norm(start) / np.linalg.norm(drawn))
    return found


def better(found: Found, again: Found) -> Found:
    """Return the lower of two minima, with the reason why the second search was cut short."""
    lower = again if again.loss < found.loss else found
    return replace(lower, finite=found.finite, interrupt=again.interrupt)
