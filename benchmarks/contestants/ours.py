"""maha_core, default options."""

from __future__ import annotations

from typing import Any

import numpy as np

import maha_core as mc
from benchmarks.agreement import ROWS
from benchmarks.cases import NEIGHBOURS
from benchmarks.contestants.roster import OURS, Job, enter
from benchmarks.problem import Problem


@enter("sqdist", OURS)
def sqdist(problem: Problem) -> Job:
    X, A, out = problem.X, problem.A, problem.out
    return Job(lambda: mc.sqdist(X, metric=mc.Factor(A), out=out))


@enter("sqdist", f"{OURS}, guard off")
def sqdist_fast(problem: Problem) -> Job:
    X, A, out = problem.X, problem.A, problem.out

    def run() -> np.ndarray:
        with mc.options(precision="fast"):
            return mc.sqdist(X, metric=mc.Factor(A), out=out)

    return Job(run)


@enter("sqdist-without-out", OURS)
def sqdist_without_out(problem: Problem) -> Job:
    X, A = problem.X, problem.A
    return Job(lambda: mc.sqdist(X, metric=mc.Factor(A)))


@enter("sqdist-without-out", f"{OURS}, with out")
def sqdist_with_out(problem: Problem) -> Job:
    return sqdist(problem)


@enter("small-sqdist", OURS)
def small_sqdist(problem: Problem) -> Job:
    X, metric = problem.X, mc.Factor(problem.A)
    return Job(lambda: mc.sqdist(X, metric=metric))


@enter("small-sqdist", f"{OURS}, new Factor")
def small_sqdist_new_metric(problem: Problem) -> Job:
    return sqdist_without_out(problem)


def gaussian(D: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values = np.exp(-D)
    return values, -values


@enter("pairwise", OURS)
def pairwise(problem: Problem) -> Job:
    return _value_and_grad(mc.losses.Pairwise(gaussian, symmetric=True), problem)


@enter("mlkr", OURS)
def mlkr(problem: Problem) -> Job:
    return _value_and_grad(mc.losses.MLKR(problem.y), problem)


@enter("vjp", OURS)
def vjp(problem: Problem) -> Job:
    X, A, G = problem.X, problem.A, problem.cotangent
    return Job(lambda: mc.vjp(X, metric=mc.Factor(A), cotangent=G).metric)


@enter("kernel-product", OURS)
def kernel_product(problem: Problem) -> Job:
    B, metric = problem.B, mc.Factor(problem.A)
    K = mc.KernelOperator(mc.kernels.Gaussian(), problem.X, problem.Y, metric=metric)
    return Job(lambda: K @ B)


@enter("nearest", OURS)
def nearest(problem: Problem) -> Job:
    X, Y = problem.X, problem.Y
    return Job(lambda: mc.nearest(X, Y, k=NEIGHBOURS), answer=lambda found: found.sqdist[:ROWS])


@enter("within", OURS)
def within(problem: Problem) -> Job:
    X, Y, radius = problem.X, problem.Y, problem.radius
    return Job(lambda: mc.within(X, Y, radius=radius), answer=lambda found: found.indptr[-1:])


def _value_and_grad(loss: mc.losses.Loss, problem: Problem) -> Job:
    X, A = problem.X, problem.A

    def answer(result: Any) -> np.ndarray:
        return result[1].metric

    return Job(lambda: mc.value_and_grad(loss, X, metric=mc.Factor(A)), answer=answer)
