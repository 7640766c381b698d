"""torch: the usual expressions, fused where torch offers it, and their autograd."""

from __future__ import annotations

from collections.abc import Callable

import torch

from benchmarks.contestants.roster import BY_HAND, Job, enter, gradient
from benchmarks.problem import Problem

CHUNK = 2048
"""Rows of a chunk; fewer are slower."""

PARTS = 4
"""One in so many rows is multiplied, and stands for all of them."""


@enter("sqdist", "torch, cdist")
@enter("sqdist-without-out", "torch, cdist")
def cdist(problem: Problem) -> Job:
    X, A = _points(problem)

    def run() -> torch.Tensor:
        Z = X @ A.T
        return torch.cdist(Z, Z).square_()

    return Job(run)


@enter("sqdist", BY_HAND)
def addmm(problem: Problem) -> Job:
    """Fuse by hand and write to `out`: more than users do, and torch's best."""
    X, A = _points(problem)
    out = torch.from_numpy(problem.out)

    def run() -> torch.Tensor:
        Z = X @ A.T
        q = (Z * Z).sum(1)
        torch.addmm(q, Z, Z.T, alpha=-2, out=out)
        return out.add_(q[:, None]).clamp_(min=0)

    return Job(run)


@enter("pairwise", "torch")
def pairwise(problem: Problem) -> Job:
    def loss(D: torch.Tensor) -> torch.Tensor:
        values = torch.exp(-D)
        return values.sum() - values.diagonal().sum()

    return _value_and_grad(problem, loss)


@enter("mlkr", "torch")
def mlkr(problem: Problem) -> Job:
    y = torch.from_numpy(problem.y)

    def loss(D: torch.Tensor) -> torch.Tensor:
        p = torch.softmax(-D.fill_diagonal_(torch.inf), dim=1)
        return (p @ y - y).square().sum()

    return _value_and_grad(problem, loss)


@enter("vjp", "torch")
def vjp(problem: Problem) -> Job:
    X, A = _points(problem)
    G = torch.from_numpy(problem.cotangent)
    A.requires_grad_()

    def run() -> torch.Tensor:
        (dA,) = torch.autograd.grad(_sqdist(X, A), A, G)
        return dA

    return Job(run)


@enter("kernel-product", "torch, in chunks")
def kernel_product(problem: Problem) -> Job:
    part = problem.X[: -(-len(problem.X) // PARTS)]
    X, A = torch.from_numpy(part), torch.from_numpy(problem.A)
    Y, B = torch.from_numpy(problem.Y), torch.from_numpy(problem.B)

    def run() -> torch.Tensor:
        Z, ZY = X @ A.T, Y @ A.T
        q = (ZY * ZY).sum(1)
        found = []
        for rows in Z.split(CHUNK):
            D = torch.addmm(q, rows, ZY.T, alpha=-2)
            D += (rows * rows).sum(1)[:, None]
            found.append(D.mul_(-0.5).exp_() @ B)
        return torch.cat(found)

    return Job(run, share=len(part) / len(problem.X))


def _value_and_grad(problem: Problem, loss: Callable[[torch.Tensor], torch.Tensor]) -> Job:
    X, A = _points(problem)
    A.requires_grad_()

    def run() -> tuple[torch.Tensor, torch.Tensor]:
        value = loss(_sqdist(X, A))
        (dA,) = torch.autograd.grad(value, A)
        return value.detach(), dA

    return Job(run, answer=gradient)


def _points(problem: Problem) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(problem.X), torch.from_numpy(problem.A)


def _sqdist(X: torch.Tensor, A: torch.Tensor) -> torch.Tensor:
    Z = X @ A.T
    q = (Z * Z).sum(1)
    return torch.addmm(q, Z, Z.T, alpha=-2) + q[:, None]
