"""Digits in two dimensions
========================

PCA, LDA, NCA and LMNN, on digits held out.

Each map is linear and learned from one half of 1797 digits of 8 x 8 pixels; the picture shows the
other half. The number is how many of these the 3 nearest digits of the first half name rightly.
"""

import warnings

import numpy as np
from matplotlib.axes import Axes
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from maha_core.learn import LMNN, NCA
from style import panels, save

REDUCERS = {
    "PCA": PCA(2, random_state=0),
    "LDA": LinearDiscriminantAnalysis(n_components=2),
    "NCA": NCA(2, max_iter=200),
    "LMNN": LMNN(3, 2, max_iter=200),
}


def main() -> None:
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)
    scaler = StandardScaler().fit(X)
    X, X_test = scaler.transform(X), scaler.transform(X_test)
    figure, axes = panels(2, 2, 9, 8.4)
    for panel, (name, reducer) in zip(axes, REDUCERS.items(), strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            reducer.fit(X, y)
        Z, Z_test = reducer.transform(X), reducer.transform(X_test)
        accuracy = KNeighborsClassifier(3).fit(Z, y).score(Z_test, y_test)
        draw(panel, Z_test, y_test, f"{name}: {100 * accuracy:.0f} % of held-out digits right")
    save(figure, __file__)


def draw(axes: Axes, Z, y, title: str) -> None:
    axes.scatter(*Z.T, c=y, cmap="tab10", s=5, lw=0, alpha=0.75)
    axes.set_xlim(*np.percentile(Z[:, 0], [0.5, 99.5]))
    axes.set_ylim(*np.percentile(Z[:, 1], [0.5, 99.5]))
    places = apart([np.median(Z[y == digit], axis=0) for digit in range(10)], np.ptp(Z, axis=0))
    for digit, place in enumerate(places):
        axes.text(
            *place, str(digit), weight="bold", ha="center", va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1},
        )  # fmt: skip
    axes.set_title(title)
    axes.set_xlabel("first component")
    axes.set_ylabel("second component")


def apart(places, extent):
    """Move labels that would overlap until they lie apart."""
    places = np.array(places) / extent
    for _ in range(50):
        step = places[:, None] - places
        distance = np.linalg.norm(step, axis=2)
        push = np.where((distance > 0) & (distance < 0.05), 0.005 / (distance + 1e-9), 0)
        places = places + np.sum(push[..., None] * step, axis=1)
    return places * extent


if __name__ == "__main__":
    main()
