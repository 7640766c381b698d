"""Time and memory against n."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from benchmarks.contestants.roster import LIMIT, OURS
from benchmarks.growth import Point

COLOURS = {OURS: "C3", "torch": "C1", "jax": "C0", "keops": "C2", LIMIT: "0.4"}
TITLES = {"mlkr": "MLKR", "pairwise": "symmetric Pairwise, exp(-D)"}


def draw(points: list[Point], path: Path) -> None:
    operations = list(dict.fromkeys(point.case.operation for point in points))
    figure, axes = plt.subplots(
        2, len(operations), figsize=(4.6 * len(operations), 7), sharex=True, squeeze=False
    )
    for (time, memory), operation in zip(axes.T, operations, strict=True):
        mine = [point for point in points if point.case.operation == operation]
        case = mine[0].case
        _lines(time, mine, [point.seconds for point in mine])
        _lines(memory, mine, [(point.memory or float("nan")) / 2**20 for point in mine])
        _slope(time, mine[0].case.n, mine[-1].case.n, mine[0].seconds)
        name = TITLES.get(operation, operation)
        time.set_title(f"{name}: value and gradient\nd = {case.d}, k = {case.k}, {case.dtype}")
        memory.set_xlabel("n")
    axes[0, 0].set_ylabel("seconds")
    axes[1, 0].set_ylabel("MiB above inputs")
    axes[0, 0].legend(frameon=False)
    figure.suptitle("maha_core on NumPy arrays; others on their own arrays, on the CPU")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _lines(axes: Axes, points: list[Point], values: list[float]) -> None:
    for name in dict.fromkeys(point.contestant for point in points):
        chosen = [i for i, point in enumerate(points) if point.contestant == name]
        style = "--" if name == LIMIT else "o-"
        label = "the bare products" if name == LIMIT else name
        n = [points[i].case.n for i in chosen]
        y = [values[i] for i in chosen]
        axes.plot(n, y, style, color=COLOURS.get(name), label=label, markersize=4)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(alpha=0.3)


def _slope(axes: Axes, first: int, last: int, seconds: float) -> None:
    """Draw what n^2 looks like."""
    start = seconds / 6
    axes.plot([first, last], [start, start * (last / first) ** 2], ":", color="0.7")
    axes.annotate("n²", (last, start * (last / first) ** 2), color="0.5")
