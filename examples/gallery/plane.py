"""Functions of the plane: a grid of points, and how a function is drawn on it."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure

from style import INK

SIDE = np.linspace(-2, 2, 100)
GRID = np.stack(np.meshgrid(SIDE, SIDE), axis=-1).reshape(-1, 2)
LEVELS = np.linspace(-1.2, 1.2, 13)
COLOURS = "RdBu_r"


def draw_surface(axes: Axes, values, title: str) -> ContourSet:
    """Draw the values ``(10000,)`` of a function on the grid."""
    values = np.reshape(values, (SIDE.size, SIDE.size))
    image = axes.contourf(SIDE, SIDE, values, LEVELS, cmap=COLOURS, extend="both")
    axes.set_aspect("equal")
    axes.set_xlim(SIDE[0], SIDE[-1])
    axes.set_ylim(SIDE[0], SIDE[-1])
    axes.set_xlabel("first coordinate")
    axes.set_title(title)
    return image


def draw_points(axes: Axes, X, y) -> None:
    """Draw points ``(n, 2)`` in the colours of their values ``(n,)``."""
    low, high = LEVELS[0], LEVELS[-1]
    axes.scatter(*X.T, c=y, cmap=COLOURS, vmin=low, vmax=high, s=16, edgecolor=INK, linewidth=0.4)


def explain(figure: Figure, axes: list[Axes], image: ContourSet) -> None:
    """Name the second axis, and what the colours mean."""
    axes[0].set_ylabel("second coordinate")
    figure.colorbar(image, ax=axes, label="y", aspect=25, shrink=0.8)
