"""Length scales that are rotated
==============================

A Gaussian process with one length scale a column, and with a full matrix of them.

80 noisy points of a wave that runs in a direction of the plane that is no column's. With a length
scale for each column the process has to be short in both, and knows little between the points. The
full matrix finds the direction: it is short along the wave and long across. An ellipse is the set
of points at distance 1 from its centre.
"""

import numpy as np

from maha_core.learn import GaussianProcess
from plane import GRID, draw_points, draw_surface, explain
from style import INK, panels, save

DIRECTION = np.array([0.8, -0.6])
ANGLE = np.linspace(0, 2 * np.pi, 200)


def main() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(80, 2))
    y = wave(X) + rng.normal(scale=0.2, size=80)
    figure, axes = panels(1, 3, 11, 3.6)
    image = draw_surface(axes[0], wave(GRID), "the wave, and what is seen")
    draw_points(axes[0], X, y)
    for panel, metric in zip(axes[1:], ("diagonal", "full"), strict=True):
        model = GaussianProcess(metric=metric).fit(X, y)
        mean = model.predict(GRID)
        error = np.sqrt(np.mean((mean - wave(GRID)) ** 2))
        likelihood = model.log_marginal_likelihood_
        title = f"{metric}: error {error:.2f} on a grid,\nlog likelihood {likelihood:.0f}"
        draw_surface(panel, mean, title)
        M = np.asarray(model.metric_.matrix())
        panel.plot(*np.linalg.solve(np.linalg.cholesky(M).T, circle()), color=INK, lw=1.6)
    explain(figure, axes, image)
    save(figure, __file__)


def wave(X):
    return np.sin(3 * X @ DIRECTION)


def circle():
    return np.array([np.cos(ANGLE), np.sin(ANGLE)])


if __name__ == "__main__":
    main()
