"""An exact Gaussian process of GPyTorch whose kernel has a full Mahalanobis matrix.

    python -m pip install gpytorch
    python examples/gaussian_process.py --points 20000

The kernel's matrix never exists: linear_operator asks for its products, which a
`maha_core.KernelOperator` computes tile by tile, and whose derivatives are products, too. What is
learned is the noise, the scale and the factor A of the metric ``M = A^T A``.
"""

from __future__ import annotations

import argparse
from typing import Any

import gpytorch
import torch
from linear_operator import LinearOperator

import maha_core as mc

KERNEL = mc.kernels.Gaussian()


class KernelProducts(LinearOperator):
    """The matrix ``k(X, Y)`` under a metric's factor A; without Y that of X with itself."""

    def __init__(self, X: torch.Tensor, A: torch.Tensor, Y: torch.Tensor | None = None) -> None:
        super().__init__(X, A, Y=Y)
        self.X, self.A, self.Y = X, A, Y

    @property
    def others(self) -> torch.Tensor:
        return self.X if self.Y is None else self.Y

    def _size(self) -> torch.Size:
        return torch.Size((len(self.X), len(self.others)))

    def _matmul(self, rhs: torch.Tensor) -> torch.Tensor:
        return mc.KernelOperator(KERNEL, self.X, self.Y, metric=mc.Factor(self.A)) @ rhs

    def _transpose_nonbatch(self) -> LinearOperator:
        return self if self.Y is None else KernelProducts(self.Y, self.A, self.X)

    def _diagonal(self) -> torch.Tensor:
        return mc.KernelOperator(KERNEL, self.X, self.Y, metric=mc.Factor(self.A)).diagonal()

    def _get_indices(self, row: Any, col: Any, *batch: Any) -> torch.Tensor:
        pairs = row.reshape(-1), col.reshape(-1)
        D = mc.sqdist(self.X, self.others, metric=mc.Factor(self.A), pairs=pairs)
        return KERNEL(D).reshape(row.shape)

    def _getitem(self, row: Any, col: Any, *batch: Any) -> LinearOperator:
        return KernelProducts(self.X[row], self.A, self.others[col])


class MahalanobisKernel(gpytorch.kernels.Kernel):
    """The Gaussian kernel of ``|A (x - y)|^2``."""

    def __init__(self, d: int, k: int) -> None:
        super().__init__()
        start = torch.randn(k, d) / d**0.5
        self.register_parameter("A", torch.nn.Parameter(start))

    def forward(self, x1: torch.Tensor, x2: torch.Tensor, diag: bool = False, **_: Any) -> Any:
        if diag:
            return x1.new_ones(x1.shape[:-1])
        same = x1.shape == x2.shape and torch.equal(x1, x2)
        return KernelProducts(x1, self.A, None if same else x2)


class Model(gpytorch.models.ExactGP):
    """A Gaussian process of mean 0."""

    def __init__(self, X: torch.Tensor, y: torch.Tensor, k: int) -> None:
        likelihood = gpytorch.likelihoods.GaussianLikelihood()
        super().__init__(X, y, likelihood)
        self.mean = gpytorch.means.ZeroMean()
        self.kernel = gpytorch.kernels.ScaleKernel(MahalanobisKernel(X.shape[1], k))

    def forward(self, X: torch.Tensor) -> gpytorch.distributions.MultivariateNormal:
        return gpytorch.distributions.MultivariateNormal(self.mean(X), self.kernel(X))


def data(n: int, d: int = 10) -> tuple[torch.Tensor, torch.Tensor]:
    """Return points, and targets that depend on two directions alone."""
    X = torch.randn(n, d)
    return X, torch.sin(X[:, 0] + X[:, 1]) + 0.5 * X[:, 2] + 0.1 * torch.randn(n)


def fit(X: torch.Tensor, y: torch.Tensor, *, k: int, steps: int, rate: float = 0.1) -> Model:
    """Return a model whose hyperparameters and matrix are learned."""
    model = Model(X, y, k)
    model.train()
    objective = gpytorch.mlls.ExactMarginalLogLikelihood(model.likelihood, model)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for step in range(steps):
        optimizer.zero_grad()
        loss = -objective(model(X), y)
        loss.backward()
        optimizer.step()
        print(f"step {step}: {float(loss.detach()):.4f}", flush=True)
    return model.eval()


def predict(model: Model, X: torch.Tensor) -> torch.Tensor:
    """Return the mean at new points."""
    with torch.no_grad(), gpytorch.settings.skip_posterior_variances():
        mean: torch.Tensor = model(X).mean
    return mean


def without_matrices() -> Any:
    """Return the settings under which nothing of size n x n is made."""
    return gpytorch.settings.max_cholesky_size(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=20)
    given = parser.parse_args()
    torch.manual_seed(0)
    X, y = data(given.points + 200)
    with without_matrices(), gpytorch.settings.cg_tolerance(0.1):
        model = fit(X[:-200], y[:-200], k=3, steps=given.steps)
        error = predict(model, X[-200:]) - y[-200:]
    print(f"error {float(error.square().mean().sqrt()):.3f}, spread {float(y.std()):.3f}")


if __name__ == "__main__":
    main()
