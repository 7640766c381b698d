"""A minimisation by Adam on mini-batches, with warnings where it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import cos, inf, nan, pi, sqrt
from typing import Protocol

import numpy as np

from maha_core.learn.adam import Adam
from maha_core.learn.minimisation import (
    Callback,
    Matrix,
    Minimisation,
    NotFiniteError,
    Objective,
    evaluated,
)
from maha_core.learn.progress import Progress

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "cosine": lambda done: (1 + cos(pi * done)) / 2,
}
"""The learning rate, relative to the first, by the share of all steps that are done."""


class Epochs(Protocol):
    """An iterable that yields the objectives of the batches of one epoch."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Objective]: ...


@dataclass
class Epoch:
    """The losses of an epoch's batches."""

    losses: list[float] = field(default_factory=list)

    @property
    def mean(self) -> float:
        """The mean of the batches' losses, infinite before the first."""
        return float(np.mean(self.losses)) if self.losses else inf

    @property
    def standard_error(self) -> float:
        """The standard error of the mean; unknown of one batch."""
        count = len(self.losses)
        return float(np.std(self.losses, ddof=1)) / sqrt(count) if count > 1 else nan


class BatchSearch(Minimisation):
    """One minimisation by Adam.

    Parameters
    ----------
    name : str
        The estimator's name, for messages.
    epochs : Epochs
        The batches' objectives.
    validation : callable or None
        The loss of points held out, at a parameter. The best parameter by it is kept; without it
        the last one is.
    learning_rate : float
        The size of a step's entries, relative to the root mean square of the start's.
    schedule : str
        One of `SCHEDULES`.
    max_iter : int
        The most epochs.
    tol : float or None
        An epoch has to bring the loss down by more than this share of it; None never stops.
    patience : int
        The search ends after so many epochs in which none did.
    callback : callable or None
        ``callback(A.ravel(), epoch)`` after every epoch.
    progress : Progress
    """

    def __init__(
        self,
        name: str,
        epochs: Epochs,
        *,
        validation: Callable[[Matrix], float] | None,
        learning_rate: float,
        schedule: str,
        max_iter: int,
        tol: float | None,
        patience: int,
        callback: Callback | None,
        progress: Progress,
    ) -> None:
        super().__init__(name, callback, progress)
        self.epochs = epochs
        self.validation = validation
        self.learning_rate = learning_rate
        self.schedule = SCHEDULES[schedule]
        self.max_iter = max_iter
        self.tol = tol
        self.patience = patience

    def _begin(self, start: Matrix) -> None:
        self.A, self.epoch = start.copy(), Epoch()
        self.kept, self.watched, self.waited = (start, inf), inf, 0

    def _result(self) -> tuple[Matrix, float]:
        return self.kept if self.validation is not None else (self.A, self.epoch.mean)

    def _minimise(self, start: Matrix) -> str | None:
        adam = Adam(self.A.shape)
        self.rate = self.learning_rate * (sqrt(np.mean(self.A**2)) or 1.0)
        if self.validation is not None:
            first = self.watched = self._finite(self.validation(self.A))
            self.kept = self.A, first
        while self.n_iter < self.max_iter and self.waited < self.patience:
            self._one_epoch(adam)
        if self.validation is not None and not self.watched < first:
            return self._no_progress(first)
        return None

    def _one_epoch(self, adam: Adam) -> None:
        epoch, total = Epoch(), self.max_iter * len(self.epochs)
        if not self.n_iter:
            self.epoch = epoch  # an interrupt may leave it as it is
        for objective in self.epochs:
            loss, gradient = evaluated(objective, self.A)
            done = adam.n_steps / total
            epoch.losses.append(loss)
            self.A = self.A + self.rate * self.schedule(done) * adam.step(gradient)
        self.n_iter, self.epoch = self.n_iter + 1, epoch
        self._watch()
        self.progress.show(self.n_iter, epoch.mean, epoch.standard_error)
        self._tell(self.A.ravel())

    def _watch(self) -> None:
        """Note whether the loss fell, of points held out where there are any."""
        found = self.epoch.mean
        if self.validation is not None:
            found = self._finite(self.validation(self.A))
        fallen = self.tol is None or self.watched - found > self.tol * abs(self.watched)
        self.waited = 0 if fallen or self.watched == inf else self.waited + 1
        if found < self.watched:
            self.watched, self.kept = found, (self.A, found)

    def _finite(self, loss: float) -> float:
        if not np.isfinite(loss):
            raise NotFiniteError
        return loss

    def _interrupted(self) -> str:
        return (
            f"was interrupted after {self.n_iter} epochs; components_ is the best so far: fit "
            "again with warm_start=True to go on"
        )

    def _not_finite(self) -> str:
        return (
            f"met a loss or gradient that is not finite after {self.n_iter} epochs, and kept the "
            "metric before; scale the data with sklearn.preprocessing.StandardScaler, or lower "
            "learning_rate"
        )

    def _no_progress(self, first: float) -> str:
        return (
            f"did not bring the loss of the points held out below that of its start, {first:.6g}, "
            f"in {self.n_iter} epochs, and kept the start; lower learning_rate, or try another init"
        )
