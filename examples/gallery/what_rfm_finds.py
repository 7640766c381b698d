"""What a recursive feature machine finds
======================================

Its matrix for the diabetes data, beside a linear model's coefficients.

442 patients, 10 measurements, and how far the disease went in a year. The linear model gives each
column one coefficient. The recursive feature machine learns a matrix M: its diagonal says along
which columns the prediction changes, and an entry off the diagonal that it changes along two
columns together. Both are judged on the half of the patients that they have not seen.
"""

import numpy as np
from matplotlib.axes import Axes
from sklearn.datasets import load_diabetes
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.preprocessing import StandardScaler

from maha_core.learn import RFM
from style import BLUE, ORANGE, panels, save


def main() -> None:
    bunch = load_diabetes()
    X = StandardScaler().fit_transform(bunch.data)
    y = (bunch.target - bunch.target.mean()) / bunch.target.std()
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, random_state=0)
    linear = RidgeCV(np.geomspace(0.1, 1000, 20)).fit(X, y)
    grid = {"alpha": [0.1, 0.3, 1.0, 3.0, 10.0]}
    machine = GridSearchCV(RFM(n_iter=3, random_state=0), grid).fit(X, y)
    figure, (left, right) = panels(1, 2, 10, 4.2)
    draw_coefficients(left, linear.coef_, bunch.feature_names)
    left.set_title(f"ridge regression: R² {linear.score(X_test, y_test):.2f}")
    draw_matrix(right, machine.best_estimator_, bunch.feature_names)
    right.set_title(f"RFM's matrix M: R² {machine.score(X_test, y_test):.2f}")
    save(figure, __file__)


def draw_coefficients(axes: Axes, coefficients, names) -> None:
    height = np.arange(len(names))[::-1]
    axes.barh(height, coefficients, color=np.where(coefficients > 0, BLUE, ORANGE))
    axes.axvline(0, color="0.6", lw=0.8)
    axes.set_yticks(height, names)
    axes.set_xlabel("coefficient")


def draw_matrix(axes: Axes, model, names) -> None:
    M = np.asarray(model.get_mahalanobis_matrix())
    M = M / np.diag(M).max()
    image = axes.imshow(M, cmap="RdBu", vmin=-1, vmax=1)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.figure.colorbar(image, ax=axes, shrink=0.9)


if __name__ == "__main__":
    main()
