"""Every loss, as the library has it and as a term per row by its definition."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

import maha_core as mc
from maha_core.testing import oracle
from maha_core.testing.problem import Problem
from maha_core.testing.suite import Values


class LossCase(NamedTuple):
    """A loss, its terms, and whether its second derivatives are known."""

    loss: mc.losses.Loss
    terms: oracle.RowTerms
    twice: bool = True


class LogLikelihood(mc.losses.Loss):
    """A loss of one's own: minus the log-likelihood of a kernel density estimate."""

    def __init__(self, sample_weight: Any) -> None:
        self.sample_weight = sample_weight

    def reductions(self) -> dict[str, mc.reductions.Reduction]:
        """Return the log-density of every row."""
        return {"density": mc.reductions.LogSumExp()}

    def row_function(self, row: SimpleNamespace) -> Any:
        """Return minus that."""
        return -row.density


class _Data:
    """Targets, labels and weights of a problem's points."""

    def __init__(self, problem: Problem) -> None:
        n, m = problem.shape
        self.problem, self.n, self.m = problem, n, m
        self.weight = np.abs(problem.draw(n))
        self.y = problem.draw(n)
        self.y_Y = self.y if problem.alone else problem.draw(m)
        self.labels = np.arange(n) % 3
        self.labels_Y = self.labels if problem.alone else np.arange(m) % 3
        self.same = self.labels[:, None] == self.labels_Y[None, :]

    def of_columns(self, values: Values) -> Any:
        """Return numbers of Y's points as an array, None where there is no Y."""
        return None if self.problem.alone else self.problem.suite.array(values)

    def array(self, values: Values) -> Any:
        """Return an array of the library."""
        return self.problem.suite.array(values)


def _mlkr(data: _Data) -> LossCase:
    loss = mc.losses.MLKR(
        data.array(data.y), data.of_columns(data.y_Y), sample_weight=data.array(data.weight)
    )
    return LossCase(loss, lambda D: data.weight * _errors(data, D, data.y, data.y_Y))


def _mlkr_of_vectors(data: _Data) -> LossCase:
    y = np.stack([data.y, data.y**2], axis=1)
    y_Y = np.stack([data.y_Y, data.y_Y**2], axis=1)
    loss = mc.losses.MLKR(data.array(y), data.of_columns(y_Y))

    def terms(D: Values) -> Values:
        return _errors(data, D, y[:, 0], y_Y[:, 0]) + _errors(data, D, y[:, 1], y_Y[:, 1])

    return LossCase(loss, terms)


def _mlkr_far_targets(data: _Data) -> LossCase:
    """An offset of all targets costs no digits."""
    offset = np.asarray(4096, dtype=data.y.dtype)
    y, y_Y = data.y + offset, data.y_Y + offset
    loss = mc.losses.MLKR(data.array(y), data.of_columns(y_Y))
    return LossCase(loss, lambda D: _errors(data, D, y, y_Y))


def _errors(data: _Data, D: Values, y: Values, y_Y: Values) -> Values:
    y, y_Y = oracle.exact(y), oracle.exact(y_Y)
    return np.asarray((oracle.softmax(-D, data.problem.apart) @ y_Y - y) ** 2)


def _nca(data: _Data) -> LossCase:
    return LossCase(_nca_loss(data, log=False), lambda D: -data.weight * _own_share(data, D))


def _nca_log(data: _Data) -> LossCase:
    def terms(D: Values) -> Values:
        return np.asarray(-data.weight * np.log(_own_share(data, D)))

    return LossCase(_nca_loss(data, log=True), terms)


def _nca_loss(data: _Data, *, log: bool) -> mc.losses.Loss:
    return mc.losses.NCA(
        data.array(data.labels),
        data.of_columns(data.labels_Y),
        log=log,
        sample_weight=data.array(data.weight),
    )


def _own_share(data: _Data, D: Values) -> Values:
    return np.asarray((oracle.softmax(-D, data.problem.apart) * data.same).sum(axis=1))


def _lmnn(data: _Data) -> LossCase:
    rows = np.arange(data.n)[:, None]
    others = data.same & data.problem.apart
    targets = np.stack([np.flatnonzero(row)[:2] for row in others])
    loss = mc.losses.LMNN(
        data.array(data.labels),
        data.array(targets),
        weight=0.3,
        margin=2.0,
        sample_weight=data.array(data.weight),
    )

    def terms(D: Values) -> Values:
        near = D[rows, targets]
        lacking = oracle.positive_part(2 + near[:, :, None] - D[:, None, :])
        push = (lacking * ~data.same[:, None, :]).sum(axis=(1, 2))
        return np.asarray(data.weight * (0.3 * near.sum(axis=1) + 0.7 * push))

    return LossCase(loss, terms)


def _contrastive(data: _Data) -> LossCase:
    i, j = data.problem.pairs()
    j = np.where(i == j, (j + 1) % data.m, j)
    same = np.arange(len(i)) % 2
    first, second, alike = map(data.problem.suite.listed, (i, j, same))
    loss = mc.losses.Contrastive(first, second, alike, 3.0, sample_weight=data.array(data.weight))

    def terms(D: Values) -> Values:
        near = D[i, j]
        gap = oracle.positive_part(3 - np.sqrt(near))
        return _added(D, i, data.weight[i] * np.where(same == 1, near, gap**2))

    return LossCase(loss, terms)


def _triplet(data: _Data) -> LossCase:
    (a, p), n = data.problem.pairs(), data.problem.pairs()[1]
    anchor, positive, negative = map(data.problem.suite.listed, (a, p, n))
    weight = data.array(data.weight)
    loss = mc.losses.Triplet(anchor, positive, negative, 0.5, sample_weight=weight)

    def terms(D: Values) -> Values:
        return _added(D, a, data.weight[a] * oracle.positive_part(0.5 + D[a, p] - D[a, n]))

    return LossCase(loss, terms)


def _added(D: Values, i: Values, values: Values) -> Values:
    found = np.zeros(len(D), dtype=D.dtype)
    np.add.at(found, i, values)
    return found


def _pairwise(data: _Data) -> LossCase:
    return _pairwise_of(data, lambda D, a, b: D**2 + np.exp(-0.5 * D) * (a - b), symmetric=False)


def _pairwise_symmetric(data: _Data) -> LossCase:
    return _pairwise_of(data, lambda D, a, b: np.exp(-0.5 * D) * (a - b) ** 2, symmetric=True)


def _pairwise_infinite(data: _Data) -> LossCase:
    """What f is on a self-pair, here infinity, has no effect."""
    return _pairwise_of(data, lambda D, a, b: a * b / D, symmetric=True)


def _pairwise_arrays(data: _Data) -> LossCase:
    """A function that returns values and derivatives as arrays, also infinite on a self-pair."""
    return _pairwise_of(data, _reciprocal, symmetric=False)._replace(twice=False)


def _reciprocal(D: Any, a: Any, b: Any) -> tuple[Any, Any]:
    return a * b / D, -a * b / D**2


def _pairwise_of(data: _Data, f: Callable[..., Any], *, symmetric: bool) -> LossCase:
    a, b = oracle.exact(data.y)[:, None], oracle.exact(data.y_Y)[None, :]
    apart = data.problem.apart
    loss = mc.losses.Pairwise(
        f,
        data=data.array(data.y),
        data_Y=data.of_columns(data.y_Y),
        symmetric=symmetric,
    )

    def terms(D: Values) -> Values:
        found = f(np.where(apart, D, 1), a, b)
        values = found[0] if isinstance(found, tuple) else found
        return np.asarray(np.where(apart, values, 0).sum(axis=1))

    return LossCase(loss, terms)


def _own(data: _Data) -> LossCase:
    loss = LogLikelihood(data.array(data.weight))
    return LossCase(loss, lambda D: -data.weight * oracle.log_sum_exp(-D, data.problem.apart))


LOSSES: dict[str, Callable[[_Data], LossCase]] = {
    "mlkr": _mlkr,
    "mlkr, vectors": _mlkr_of_vectors,
    "mlkr, far targets": _mlkr_far_targets,
    "nca": _nca,
    "nca, log": _nca_log,
    "lmnn": _lmnn,
    "contrastive": _contrastive,
    "triplet": _triplet,
    "pairwise": _pairwise,
    "pairwise, symmetric": _pairwise_symmetric,
    "pairwise, infinite": _pairwise_infinite,
    "pairwise, arrays": _pairwise_arrays,
    "one's own": _own,
}


def loss_case(name: str, problem: Problem) -> LossCase:
    """Return a loss with data of a problem's points."""
    return LOSSES[name](_Data(problem))
