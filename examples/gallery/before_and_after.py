"""LMNN, before and after
======================

A wine, its 3 target neighbours, and the impostors that are nearer than these.

178 wines of three growers, 13 measurements. LMNN pulls every wine's target neighbours (the nearest
of its own grower) near and pushes other growers' wines out of their reach. Both panels show
the same wines in the two directions that vary most under the metric.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.preprocessing import scale

import maha_core as mc
from style import CLASSES, INK, RED, panels, save

WINE = 73


def main() -> None:
    X, y = load_wine(return_X_y=True)
    X = scale(X)
    targets = mc.target_neighbors(X, y, k=3)
    learner = mc.learn.LMNN(3, init="identity").fit(X, y)
    figure, axes = panels(1, 2, 11, 4.8)
    for panel, name, Z in zip(axes, ("before", "after"), (X, learner.transform(X)), strict=True):
        impostors = impostors_of(Z, y, targets)
        draw(panel, PCA(2).fit_transform(Z), Z, y, targets[WINE], impostors[WINE])
        panel.set_title(f"{name}: all 178 wines have {sum(map(len, impostors))} impostors")
    save(figure, __file__)


def impostors_of(Z, y, targets):
    """For each point the points of other classes nearer than its farthest target."""
    D = mc.sqdist(Z)
    reach = np.take_along_axis(D, targets, axis=1).max(axis=1)
    return [np.flatnonzero((D[i] < reach[i]) & (y != y[i])) for i in range(len(y))]


def draw(axes: Axes, flat, Z, y, targets, impostors) -> None:
    axes.scatter(*flat.T, c=[CLASSES[label] for label in y], s=16, lw=0, alpha=0.6)
    for j in targets:
        axes.plot(*flat[[WINE, j]].T, color=INK, lw=1.2)
    axes.scatter(*flat[impostors].T, s=60, facecolor="none", edgecolor=RED, lw=1.4)
    axes.scatter(*flat[targets].T, s=40, facecolor="none", edgecolor=INK, lw=1.2)
    axes.plot(*flat[WINE], "o", color=INK, ms=7)
    reach = np.sqrt(((Z[targets] - Z[WINE]) ** 2).sum(axis=1).max())
    axes.add_patch(Circle(flat[WINE], reach, fill=False, color=INK, lw=0.8, ls=":"))
    axes.set_aspect("equal")


if __name__ == "__main__":
    main()
