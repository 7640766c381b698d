"""Mean ranks on a line, and how far apart they must be for a difference to be more than chance."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from scipy.stats import studentized_range

mpl.use("Agg")

import matplotlib.pyplot as plt

LEVEL = 0.05


def critical_difference(learners: int, sets: int) -> float:
    """Return Nemenyi's critical difference of mean ranks (Demšar 2006)."""
    quantile = studentized_range.ppf(1 - LEVEL, learners, np.inf) / np.sqrt(2)
    return float(quantile * np.sqrt(learners * (learners + 1) / (6 * sets)))


def draw(ranks: dict[str, float], sets: int, path: Path) -> None:
    names = sorted(ranks, key=lambda name: ranks[name])
    difference = critical_difference(len(names), sets)
    figure, axes = plt.subplots(figsize=(7.5, 0.28 * len(names) + 1.3))
    for height, name in enumerate(reversed(names)):
        rank = ranks[name]
        axes.plot([rank, rank + difference], [height, height], color="0.8", lw=5, zorder=1)
        axes.plot(rank, height, "o", color="C3" if name == "Euclidean" else "C0", zorder=2)
    axes.set_yticks(range(len(names)), [f"{name}  {ranks[name]:.2f}" for name in reversed(names)])
    axes.set_xlabel(f"mean rank over {sets} data sets, 3 nearest neighbours")
    axes.set_title(
        f"Grey: worse by less than the critical difference, {difference:.2f}", fontsize=10
    )
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
