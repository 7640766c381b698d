"""The ellipses of a metric
========================

Which points are at one distance from a point, under three metrics.

Two classes lie in layers. Across the layers they can be told apart; along them there is nothing to
learn. An ellipse is the set of points at one distance from its centre, and all ellipses have one
area. Metrics are learned from half of the points. The percentage is that of the other half which
their 3 nearest neighbours in the first half name rightly.
"""

import warnings

import numpy as np
from matplotlib.axes import Axes
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

import maha_core as mc
from style import BLUE, INK, ORANGE, panels, save

ANGLE = np.linspace(0, 2 * np.pi, 200)


def main() -> None:
    X, y = layers()
    halves = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)
    figure, axes = panels(1, 3, 9, 3.6)
    for panel, (name, metric) in zip(axes, metrics(halves[0], halves[2]).items(), strict=True):
        draw(panel, X, y, metric)
        panel.set_title(f"{name}\n{accuracy(*halves, metric):.0f} % of held-out points right")
    axes[0].set_ylabel("second coordinate")
    save(figure, __file__)


def layers():
    """Four thin layers of 40 points each, of two classes in turn, turned by 30 degrees."""
    rng = np.random.default_rng(0)
    layer = np.repeat(np.arange(4), 40)
    flat = np.c_[rng.normal(scale=2.0, size=160), layer + rng.normal(scale=0.2, size=160)]
    turn = np.deg2rad(30)
    return flat @ [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]], layer % 2


def metrics(X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return {
            "Euclidean": mc.Factor(np.eye(2)),
            "Mahalanobis": mc.Covariance.from_points(X).to_factor(),
            "NCA": mc.learn.NCA(init="identity", max_iter=200).fit(X, y).metric_,
        }


def accuracy(X, X_test, y, y_test, metric) -> float:
    """How many held-out points their 3 nearest neighbours name rightly."""
    model = KNeighborsClassifier(3).fit(metric.embed(X), y)
    return 100 * model.score(metric.embed(X_test), y_test)


def middle(X):
    """A point of each layer, far from those of the others."""
    along = X @ [np.cos(np.deg2rad(30)), np.sin(np.deg2rad(30))]
    wanted = (-2.5, 2.5, -2.5, 2.5)
    return [40 * k + np.argmin(abs(along[40 * k :][:40] - a)) for k, a in enumerate(wanted)]


def draw(axes: Axes, X, y, metric) -> None:
    axes.scatter(*X.T, c=np.where(y, ORANGE, BLUE), s=14, lw=0, alpha=0.8)
    shape = np.linalg.solve(metric.parameter, np.array([np.cos(ANGLE), np.sin(ANGLE)]))
    shape *= 0.9 / np.sqrt(abs(np.linalg.det(np.cov(shape))) ** 0.5 * 2)  # all of one area
    for centre in X[middle(X)]:
        axes.plot(*(centre[:, None] + shape), color=INK, lw=1.4)
        axes.plot(*centre, "o", color=INK, ms=3)
    axes.set_aspect("equal")
    axes.set_xlim(-6.4, 5.4)
    axes.set_ylim(-3.8, 6.8)
    axes.set_xlabel("first coordinate")


if __name__ == "__main__":
    main()
