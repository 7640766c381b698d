"""Losses and matrices with their backward pass, beside torch's own expressions of them.

    python -m benchmarks.autograd

Times are minima of runs in turn; memory is the peak of the process above what it holds before.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

import maha_core as mc

N, D, K = 8000, 64, 8
ROUNDS = 9
FLOORS = {"MLKR": 10.0, "sqdist": 2.0}
MOST_MEBIBYTES = 100

Tensor = Any
Program = Callable[[Tensor, Tensor, Tensor], Tensor]


def plain_mlkr(X: Tensor, A: Tensor, y: Tensor) -> Tensor:
    """Return MLKR as one writes it in torch."""
    Z = X @ A.T
    q = (Z * Z).sum(1)
    D2 = (q[:, None] + q[None, :] - 2 * Z @ Z.T).clamp_min(0)
    D2 = D2.masked_fill(torch.eye(len(X), dtype=torch.bool), torch.inf)
    return ((torch.softmax(-D2, 1) @ y - y) ** 2).sum()


def plain_sqdist(X: Tensor, A: Tensor, y: Tensor) -> Tensor:
    Z = X @ A.T
    return torch.cdist(Z, Z).square()


PROGRAMS: dict[str, tuple[Program, Program]] = {
    "MLKR": (lambda X, A, y: mc.value(mc.losses.MLKR(y), X, metric=mc.Factor(A)), plain_mlkr),
    "sqdist": (lambda X, A, y: mc.sqdist(X, metric=mc.Factor(A)), plain_sqdist),
}


def data(dtype: str, n: int = N) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    kind = getattr(torch, dtype)
    X, y = torch.randn(n, D, dtype=kind), torch.randn(n, dtype=kind)
    A = (torch.randn(K, D, dtype=kind) / D).requires_grad_()
    return X.requires_grad_(), A, y


def seconds(program: Program, X: Tensor, A: Tensor, y: Tensor) -> float:
    """Return what the program and its backward pass take."""
    X.grad = A.grad = None
    start = perf_counter()
    found = program(X, A, y)
    found.backward(None if found.ndim == 0 else torch.ones_like(found))
    return perf_counter() - start


def compare(name: str, dtype: str) -> float:
    """Return by how much ours is quicker."""
    arrays, times = data(dtype), ([], [])  # type: tuple[Any, tuple[list[float], list[float]]]
    for program in PROGRAMS[name]:
        seconds(program, *data(dtype, 500))
    for _ in range(ROUNDS):
        for program, own in zip(PROGRAMS[name], times, strict=True):
            own.append(seconds(program, *arrays))
    ours, theirs = map(min, times)
    print(f"{name:7} {dtype}  maha_core {ours:7.3f} s  torch {theirs:7.3f} s  {theirs / ours:5.1f}")
    return theirs / ours


def peak(name: str, which: int, dtype: str) -> int:
    """Return the peak in MiB above the inputs, in a process of its own."""
    arrays = data(dtype)
    seconds(PROGRAMS[name][which], *data(dtype, 500))
    before = resident("VmRSS")
    seconds(PROGRAMS[name][which], *arrays)
    return (resident("VmHWM") - before) // 1024


def resident(field: str) -> int:
    """Return what the process holds, or has held at most, in KiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise OSError(f"/proc/self/status has no {field}")


def peaks(dtype: str) -> int:
    found = []
    for which in (0, 1):
        command = [sys.executable, "-m", "benchmarks.autograd", "--peak", str(which), dtype]
        found.append(int(subprocess.run(command, check=True, capture_output=True).stdout))
    print(f"MLKR    {dtype}  peak above the inputs: maha_core {found[0]} MiB, torch {found[1]} MiB")
    return found[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peak", nargs=2, metavar=("WHICH", "DTYPE"))
    given = parser.parse_args()
    if given.peak:
        print(peak("MLKR", int(given.peak[0]), given.peak[1]))
        return 0
    held = True
    for dtype in ("float32", "float64"):
        for name, floor in FLOORS.items():
            held &= compare(name, dtype) >= floor
        held &= peaks(dtype) <= MOST_MEBIBYTES
    return 0 if held else 1


if __name__ == "__main__":
    raise SystemExit(main())
