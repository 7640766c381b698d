"""Time and memory against the number of points: kernel ridge, RFM, and Gaussian processes.

    python -m benchmarks.kernel_machines.growth

Each figure is of a process of its own, on one thread, in seconds of the processor, which other work
on the machine disturbs least. Others hold K; a size is left out where half as many points took more
than `LARGEST` seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import maha_core as mc
from benchmarks import machine
from benchmarks.kernel_machines.iteration import Ours
from benchmarks.learn import peak
from maha_core.blas import one_thread

TARGET = Path(__file__).parents[1] / "results" / "kernel_machines_growth.json"
SIZES = (1000, 2000, 4000, 8000, 16000)
D, LENGTH, NOISE = 20, 4.0, 0.05
WARM_UP, FEW = 4500, 500
LARGEST = 30.0

Job = Callable[[], object]


def data(n: int) -> tuple[Any, Any]:
    """Return points (n, d) and noisy targets, in float64."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, D))
    return X, np.sin(X[:, 0] + X[:, 1]) + np.sqrt(NOISE) * rng.standard_normal(n)


def our_ridge(n: int) -> Job:
    from maha_core.learn import KernelRidge

    metric = mc.Diagonal(np.full(D, 1 / LENGTH**2))
    return partial(KernelRidge("gaussian", metric=metric, alpha=NOISE).fit, *data(n))


def their_ridge(n: int) -> Job:
    from sklearn.kernel_ridge import KernelRidge

    return partial(KernelRidge(kernel="rbf", gamma=1 / (2 * LENGTH**2), alpha=NOISE).fit, *data(n))


def our_rfm(n: int) -> Job:
    X, y = (values.astype(np.float32) for values in data(n))
    return Ours(X, y[:, None], np.eye(D)).iterate


def dense_rfm(n: int) -> Job:
    import torch

    from benchmarks.kernel_machines import dense

    X, y = (torch.from_numpy(values.astype(np.float32)) for values in data(n))
    return lambda: dense.iteration(X, y[:, None], torch.eye(D), 14.0, 1e-3)


def our_process(n: int) -> Job:
    from maha_core.learn import gaussian_process

    X, y = data(n)
    model = gaussian_process.GaussianProcess(metric="diagonal", n_probes=10)
    likelihood = model._likelihood(X, y, np.random.RandomState(0))

    def evaluate() -> object:
        with one_thread():  # as in a fit
            return likelihood(mc.Diagonal(np.full(D, 1 / LENGTH**2)), 1.0, NOISE)

    return evaluate


def their_process(n: int) -> Job:
    import gpytorch
    import torch

    X, y = (torch.from_numpy(values) for values in data(n))

    class Model(gpytorch.models.ExactGP):
        def __init__(self) -> None:
            super().__init__(X, y, gpytorch.likelihoods.GaussianLikelihood())
            self.mean = gpytorch.means.ZeroMean()
            of_columns = gpytorch.kernels.RBFKernel(ard_num_dims=D)
            self.kernel = gpytorch.kernels.ScaleKernel(of_columns)
            of_columns.lengthscale = LENGTH
            self.likelihood.noise = NOISE

        def forward(self, x: Any) -> Any:
            return gpytorch.distributions.MultivariateNormal(self.mean(x), self.kernel(x))

    model = Model().double().train()
    objective = gpytorch.mlls.ExactMarginalLogLikelihood(model.likelihood, model)
    return lambda: objective(model(X), y).backward()


CONTESTANTS: dict[str, Callable[[int], Job]] = {
    "kernel ridge, maha_core": our_ridge,
    "kernel ridge, scikit-learn": their_ridge,
    "RFM, maha_core": our_rfm,
    "RFM, dense in torch": dense_rfm,
    "GP, maha_core": our_process,
    "GP, GPyTorch": their_process,
}


def measure() -> None:
    """Measure everything that is not in the file yet."""
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    found = json.loads(TARGET.read_text()) if TARGET.exists() else {"found": {}}
    for name in CONTESTANTS:
        points, last = found["found"].setdefault(name, {}), 0.0
        for n in SIZES:
            if str(n) not in points and last < LARGEST:
                points[str(n)] = peak.elsewhere(
                    "benchmarks.kernel_machines.growth", "--one", name, "--points", str(n)
                )
                found["machine"] = machine.describe()
                TARGET.write_text(json.dumps(found, indent=1) + "\n")
            last = points.get(str(n), {"seconds": np.inf})["seconds"]
            print(name, n, points.get(str(n)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernel_machines.growth")
    parser.add_argument("--one", choices=CONTESTANTS)
    parser.add_argument("--points", type=int)
    chosen = parser.parse_args()
    if chosen.one is None:
        measure()
        return
    with mc.options(threads=1):
        CONTESTANTS[chosen.one](WARM_UP if "maha_core" in chosen.one else FEW)()
        print(json.dumps(_on_one_thread(CONTESTANTS[chosen.one](chosen.points))))


def _on_one_thread(job: Job) -> dict[str, Any]:
    start = time.process_time()
    found = peak.measured(job)
    return {**found, "seconds": time.process_time() - start}


if __name__ == "__main__":
    main()
