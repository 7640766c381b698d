"""Length scales that are rotated
==============================

A Gaussian process with one length scale a column, and with a full matrix of them.

80 noisy points of a wave that runs in a direction of the plane that is no column's. With a length
scale for each column the process has to be short in both, and knows little between the points. The
full matrix finds the direction: it is short along the wave and long across. An ellipse is the set
of points at distance 1 from its centre.
"""

import numpy as np
from matplotlib.axes import Axes

from maha_core.learn import GaussianProcess
from style import INK, bare, panels, save

DIRECTION = np.array([0.8, -0.6])
SIDE = np.linspace(-2, 2, 80)
GRID = np.stack(np.meshgrid(SIDE, SIDE), axis=-1).reshape(-1, 2)
ANGLE = np.linspace(0, 2 * np.pi, 200)
LEVELS = np.linspace(-1.2, 1.2, 13)


def main() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(80, 2))
    y = wave(X) + rng.normal(scale=0.2, size=80)
    figure, axes = panels(1, 3, 11, 3.6)
    draw(axes[0], wave(GRID), "the wave, and what is seen")
    axes[0].scatter(
        *X.T, c=y, cmap="RdBu_r", vmin=-1.2, vmax=1.2, s=18, edgecolor=INK, linewidth=0.4
    )
    for panel, metric in zip(axes[1:], ("diagonal", "full"), strict=True):
        model = GaussianProcess(metric=metric).fit(X, y)
        mean = model.predict(GRID)
        error = np.sqrt(np.mean((mean - wave(GRID)) ** 2))
        draw(panel, mean, f"{metric}: error {error:.2f}")
        M = np.asarray(model.metric_.matrix())
        panel.plot(*np.linalg.solve(np.linalg.cholesky(M).T, circle()), color=INK, lw=1.6)
        panel.set_xlabel(f"log likelihood {model.log_marginal_likelihood_:.0f}")
    save(figure, __file__)


def wave(X):
    return np.sin(3 * X @ DIRECTION)


def circle():
    return np.array([np.cos(ANGLE), np.sin(ANGLE)])


def draw(axes: Axes, surface, title: str) -> None:
    axes.contourf(SIDE, SIDE, surface.reshape(80, 80), LEVELS, cmap="RdBu_r", extend="both")
    axes.set_aspect("equal")
    axes.set_xlim(-2, 2)
    axes.set_ylim(-2, 2)
    bare(axes)
    axes.set_title(title)


if __name__ == "__main__":
    main()
