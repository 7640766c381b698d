"""Kernel regression with a learned metric
=======================================

A wave runs along one direction of the plane.

300 noisy points are seen. Kernel regression needs a bandwidth: too narrow, it follows the noise;
too wide, it flattens the wave. With one for all directions it must do some of both. MLKR learns
that the wave runs along one direction only, and averages along the other.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

import maha_core as mc
from maha_core.learn.kernel_regression import kernel_regression
from plane import GRID, draw_points, draw_surface, explain
from style import panels, save

DIRECTION = np.array([0.8, 0.6])


def main() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(300, 2))
    y = wave(X) + rng.normal(scale=0.4, size=300)
    width = best_width(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        learner = mc.learn.MLKR(init=np.eye(2) / width, alpha=0.0).fit(X, y)
    surfaces = {
        "the wave, and what is seen": wave(GRID),
        "one bandwidth": kernel_regression(GRID / width, X / width, y),
        "MLKR": learner.predict(GRID),
    }
    figure, axes = panels(1, 3, 11, 3.5)
    for panel, (name, surface) in zip(axes, surfaces.items(), strict=True):
        error = np.sqrt(np.mean((surface - wave(GRID)) ** 2))
        title = name if panel is axes[0] else f"{name}: error {error:.2f} on a grid"
        image = draw_surface(panel, surface, title)
    draw_points(axes[0], X, y)
    explain(figure, axes, image)
    save(figure, __file__)


def wave(X):
    return np.sin(3 * X @ DIRECTION)


def best_width(X, y) -> float:
    """The bandwidth that errs least on points left out."""
    loss = mc.losses.MLKR(y)
    widths = np.geomspace(0.05, 2, 60)
    errors = [mc.value_and_grad(loss, X, metric=mc.Factor(np.eye(2) / w))[0] for w in widths]
    return float(widths[np.argmin(errors)])


if __name__ == "__main__":
    main()
