"""LMNN, before and after
======================

A wine, its 3 target neighbours, and the impostors that are nearer than these.

178 wines of three growers, 13 measurements. LMNN pulls every wine's target neighbours (the nearest
of its own grower) near, and pushes other growers' wines beyond the farthest of them. The axis is
the distance from one wine in all 13 dimensions, as a share of the distance to its farthest target:
what lies left of the line at 1 is nearer than that.
"""

import numpy as np
from matplotlib.axes import Axes
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale

import maha_core as mc
from style import CLASSES, INK, RED, panels, save

WINE = 73


def main() -> None:
    X, y = load_wine(return_X_y=True)
    X = scale(X)
    targets = mc.target_neighbors(X, y, k=3)
    learner = mc.learn.LMNN(3, init="identity").fit(X, y)
    figure, axes = panels(2, 1, 9, 5.6)
    metrics = {"Euclidean metric": None, "LMNN, learned from these wines": learner.metric_}
    for panel, (name, metric) in zip(axes, metrics.items(), strict=True):
        D = mc.sqdist(X, metric=metric)
        draw(panel, D[WINE], y, targets[WINE])
        count = impostors_of_all(D, y, targets)
        panel.set_title(f"{name}: the 178 wines have {count} impostors in all")
    axes[-1].set_xlabel(f"distance from wine {WINE}, over that of its farthest target neighbour")
    save(figure, __file__)


def impostors_of_all(D, y, targets) -> int:
    """The pairs of wines of two growers that are nearer than the first one's farthest target."""
    farthest = np.take_along_axis(D, targets, axis=1).max(axis=1)
    return int(np.count_nonzero((farthest[:, None] > D) & (y[:, None] != y)))


def draw(axes: Axes, squared, y, targets) -> None:
    share = np.sqrt(squared / squared[targets].max())
    height = y + np.random.default_rng(0).uniform(-0.25, 0.25, size=len(y))
    others = np.arange(len(y)) != WINE
    impostors = others & (y != y[WINE]) & (share < 1)
    colours = np.array(CLASSES)[y]
    axes.scatter(share[others], height[others], c=colours[others], s=16, lw=0, alpha=0.7)
    ring = {"facecolor": "none", "s": 60, "lw": 1.4}
    axes.scatter(share[targets], height[targets], edgecolor=INK, label="target neighbours", **ring)
    label = f"impostors ({np.count_nonzero(impostors)})"
    axes.scatter(share[impostors], height[impostors], edgecolor=RED, label=label, **ring)
    axes.axvline(1, color=INK, lw=0.8, ls=":")
    axes.set_xlim(left=0)
    axes.set_yticks(range(3), [f"grower {c + 1}" for c in range(3)])
    axes.legend(frameon=False, loc="upper left")


if __name__ == "__main__":
    main()
