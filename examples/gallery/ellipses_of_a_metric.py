"""The ellipses of a metric
========================

Which points are at distance 1 from a point, under four metrics.

Two classes lie in layers, across which they can be told apart; along the layers and in the spread
of the data there is nothing to learn. An ellipse is the set of points at one distance from a point.
"""

import warnings

import numpy as np
from matplotlib.axes import Axes
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

import maha_core as mc
from style import BLUE, INK, ORANGE, bare, panels, save

ANGLE = np.linspace(0, 2 * np.pi, 200)


def main() -> None:
    X, y = layers()
    figure, axes = panels(1, 4, 13, 3.4)
    for panel, (name, metric) in zip(axes, metrics(X, y).items(), strict=True):
        draw(panel, X, y, metric)
        panel.set_title(f"{name}: {accuracy(X, y, metric):.0f} % right")
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
            "LMNN": mc.learn.LMNN(3, init="identity").fit(X, y).metric_,
        }


def accuracy(X, y, metric) -> float:
    """How many points their 3 nearest others name rightly."""
    model = KNeighborsClassifier(3)
    return 100 * cross_val_score(model, metric.embed(X), y, cv=LeaveOneOut()).mean()


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
    bare(axes)


if __name__ == "__main__":
    main()
