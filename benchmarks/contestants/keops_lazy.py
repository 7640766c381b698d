"""KeOps on the CPU: sums over pairs that are never stored, and their autograd through torch."""

from __future__ import annotations

from collections.abc import Callable

import pykeops

pykeops.set_verbose(False)

import torch  # noqa: E402
from pykeops.torch import LazyTensor  # noqa: E402

from benchmarks.contestants.roster import Job, enter, gradient  # noqa: E402
from benchmarks.problem import Problem  # noqa: E402

PARTS = 16
"""One in so many rows is multiplied, and stands for all of them."""


@enter("pairwise", "keops")
def pairwise(problem: Problem) -> Job:
    def loss(kernel: LazyTensor) -> torch.Tensor:
        rows = kernel.sum(1)
        return rows.sum() - len(rows)  # a self-pair adds exp(0)

    return _value_and_grad(problem, loss)


@enter("mlkr", "keops")
def mlkr(problem: Problem) -> Job:
    y = torch.from_numpy(problem.y)
    targets = torch.stack([y, torch.ones_like(y)], dim=1)

    def loss(kernel: LazyTensor) -> torch.Tensor:
        weighted, total = (kernel @ targets - targets).unbind(1)  # self-pairs taken away
        return (weighted / total - y).square().sum()

    return _value_and_grad(problem, loss)


@enter("kernel-product", "keops")
def kernel_product(problem: Problem) -> Job:
    part = problem.X[: -(-len(problem.X) // PARTS)]
    X, A = torch.from_numpy(part), torch.from_numpy(problem.A)
    Y, B = torch.from_numpy(problem.Y), torch.from_numpy(problem.B)

    def run() -> torch.Tensor:
        Z, ZY = X @ A.T, Y @ A.T
        D = LazyTensor(Z[:, None, :]).sqdist(LazyTensor(ZY[None, :, :]))
        return (-D / 2).exp() @ B

    return Job(run, share=len(part) / len(problem.X))


def _value_and_grad(problem: Problem, loss: Callable[[LazyTensor], torch.Tensor]) -> Job:
    X, A = torch.from_numpy(problem.X), torch.from_numpy(problem.A)
    A.requires_grad_()

    def run() -> tuple[torch.Tensor, torch.Tensor]:
        Z = X @ A.T
        D = LazyTensor(Z[:, None, :]).sqdist(LazyTensor(Z[None, :, :]))
        value = loss((-D).exp())
        (dA,) = torch.autograd.grad(value, A)
        return value.detach(), dA

    return Job(run, answer=gradient)
