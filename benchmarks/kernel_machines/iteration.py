"""An iteration of a recursive feature machine, beside bare products and the dense way.

It is one under a metric that fewer points have learned, which is nearly of low rank: the hard case.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.kernel_machines import products
from benchmarks.learn import peak
from maha_core.kernels import Laplace
from maha_core.learn.gradient_outer_product import gradient_outer_product
from maha_core.learn.kernel_system import System
from maha_core.learn.recursive_feature_machine import root
from maha_core.metrics import Factor

D, BANDWIDTH, RIDGE, TOL = 100, 14.0, 1e-3, 1e-3
WARM_UP = 5000
MEASURED_ROWS = 20 * products.SIDE
"""Of the bare products, where there are more points."""

Data = tuple[Any, Any]


def data(n: int) -> Data:
    """Return points (n, d) and a target of two of the columns, in float32."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, D)).astype(np.float32)
    return X, (X[:, :1] * X[:, 1:2] + 0.3 * X[:, :1] ** 3)


class Ours:
    """Iterations, one after the other, and their times."""

    def __init__(self, X: Any, Y: Any, A: Any = None) -> None:
        self.X, self.Y = X, Y
        self.A = np.eye(D) if A is None else A
        self.dual: Any = None
        self.steps: list[dict[str, Any]] = []

    def iterate(self) -> None:
        """Solve to a relative residual, and take the next metric from the gradients."""
        start = time.perf_counter()
        metric = Factor((self.A / BANDWIDTH).astype(np.float32))
        system = System(Laplace(), self.X, metric, RIDGE, None, "RFM")
        found = system.solve(self.Y, tol=TOL, max_iter=500, start=self.dual)
        solved = time.perf_counter()
        M = gradient_outer_product(
            Laplace(), self.X, found.solution, metric, sample_weight=None, centering=False
        )
        self.A, self.dual = root(M / np.diag(M).max()), found.solution
        self.steps.append(
            {
                "iterations": found.n_iter,
                "residual": found.residual,
                "solve_seconds": solved - start,
                "gradient_seconds": time.perf_counter() - solved,
            }
        )


def measured(n: int) -> dict[str, Any]:
    """Return what an iteration takes, and the bare products before and after it."""
    warm = Ours(*data(WARM_UP))
    warm.iterate()
    X, Y = data(n)
    ours = Ours(X, Y, warm.A)
    limits = [products.seconds(X, Y, MEASURED_ROWS)]
    found = peak.measured(ours.iterate)
    limits.append(products.seconds(X, Y, MEASURED_ROWS))
    own, gradient = np.mean(limits, axis=0)
    step = ours.steps[-1]
    bare = (step["iterations"] + 1) * own + gradient  # one more product for the true residual
    step |= {**found, "bare_seconds": bare, "ratio": found["seconds"] / bare}
    return {"n": n, "d": D, "step": step, "limits": limits, "machine": machine.describe()}


def beside_torch(n: int) -> dict[str, Any]:
    """Return an iteration's seconds of ours and of the dense way, from the Euclidean metric on."""
    import torch

    from benchmarks.kernel_machines import dense

    warm = Ours(*data(WARM_UP))
    warm.iterate()
    X, Y = data(n)
    ours = Ours(X, Y, warm.A)
    M = torch.from_numpy(warm.A.T @ warm.A).float()
    found = peak.measured(ours.iterate)
    tensors = torch.from_numpy(X), torch.from_numpy(Y)
    other = peak.measured(lambda: dense.iteration(*tensors, M, BANDWIDTH, RIDGE))
    step = ours.steps[-1] | found
    ratio = other["seconds"] / found["seconds"]
    own = {"ours": step, "torch": other, "ratio": ratio}
    return {"n": n, "d": D, **own, "machine": machine.describe()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernel_machines.iteration")
    parser.add_argument("--points", type=int, default=70_000)
    parser.add_argument("--torch", action="store_true", help="beside the dense way")
    chosen = parser.parse_args()
    print(json.dumps((beside_torch if chosen.torch else measured)(chosen.points)))


if __name__ == "__main__":
    main()
