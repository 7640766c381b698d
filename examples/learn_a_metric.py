"""Learn a Mahalanobis metric on real data, and see what it buys.

442 diabetes patients, 10 measurements each (age, sex, body mass index, blood pressure, six values
of the blood serum), and one number to predict: how far the disease had gone a year later. The data
come with scikit-learn; nothing is downloaded.

Kernel regression predicts a patient's number as the mean over the other patients with the weights
softmax(-D_ij), so everything hangs on the metric in D. MLKR (Weinberger & Tesauro 2007) chooses A
in D_ij = |A (x_i - x_j)|^2 so that the leave-one-out error on the training patients is smallest.
Here A has two rows, which makes the learned metric a picture as well.

    python examples/learn_a_metric.py --output picture.png
"""

import argparse
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import softmax
from sklearn.cross_decomposition import PLSRegression
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold, RepeatedKFold, train_test_split
from tqdm import tqdm

import maha_core as mc
from picture import Result, draw

Array = NDArray[np.float64]
Metric = Any
Learner = Callable[[Array, Array], Metric]

MEASUREMENTS = (
    "age", "sex", "body mass index", "blood pressure", "total cholesterol",
    "LDL", "HDL", "cholesterol / HDL", "log triglycerides", "glucose",
)  # fmt: skip
LIBRARIES = ("numpy", "torch", "jax.numpy", "array_api_strict", "cupy", "dask.array")
OUTER = RepeatedKFold(n_splits=5, n_repeats=2, random_state=0)
INNER = KFold(n_splits=3, shuffle=True, random_state=0)
BANDWIDTHS = np.geomspace(0.5, 10.0, 13)
PENALTIES = (0.01, 0.02, 0.03)

os.environ.setdefault("JAX_ENABLE_X64", "1")  # JAX otherwise rounds every float64 to float32


def main() -> None:
    parser = argparse.ArgumentParser(description="Learn a Mahalanobis metric on real data.")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".png"))
    output = parser.parse_args().output

    X, y = load_patients()
    print("1. Slices of the derivative, 100 patients, against plain loops\n")
    show_slices(X[:100], first_guess(X, y))
    print("2. The same lines on every array library\n")
    show_libraries(X, y)
    print(f"\n3. Kernel regression on held-out patients, {OUTER.get_n_splits()} folds\n")
    scores = cross_validated(X, y)
    show_scores(scores)
    draw(one_split(X, y, scores), output)
    print(f"\n4. The picture: {output}")


def load_patients() -> tuple[Array, Array]:
    """Standardised measurements X (442, 10) and progression y (442,)."""
    X, y = load_diabetes(return_X_y=True)
    return standardised(X), y


def standardised(values: Array) -> Array:
    return (values - values.mean(axis=0)) / values.std(axis=0)


def first_guess(X: Array, y: Array) -> Array:
    """Two directions, as rows (2, d), along which X varies together with y."""
    return PLSRegression(n_components=2, scale=False).fit(X, y).x_rotations_.T


# -- 1. slices -------------------------------------------------------------------------------------


def show_slices(X: Array, A: Array) -> None:
    metric = mc.Factor(A)

    slice_of_M = mc.jacobian_slice(X, metric=mc.Full(metric.matrix()), index=(2, 8))
    loops = [[(p - q)[2] * (p - q)[8] for q in X] for p in X]
    show_slice("dD/dM[2, 8] = (x_i - x_j)_2 (x_i - x_j)_8", slice_of_M, loops)

    slice_of_A = mc.jacobian_slice(X, metric=metric, index=(0, 2))
    loops = [[2 * (A @ (p - q))[0] * (p - q)[2] for q in X] for p in X]
    show_slice("dD/dA[0, 2] = 2 (A (x_i - x_j))_0 (x_i - x_j)_2", slice_of_A, loops)


def show_slice(formula: str, computed: Array, loops: list[list[float]]) -> None:
    error = relative_error(computed, np.asarray(loops))
    print(f"   {formula}")
    for row in computed[:4, :6]:
        print("     ", " ".join(f"{entry:8.4f}" for entry in row), " ...")
    print(f"   largest difference of all {computed.size} entries: {error:.0e} of the largest\n")


def relative_error(computed: Array, expected: Array) -> float:
    return float(np.abs(computed - expected).max() / np.abs(expected).max())


# -- 2. array libraries ----------------------------------------------------------------------------


def show_libraries(X: Array, y: Array) -> None:
    arrays = X, standardised(y), first_guess(X, y)
    _, expected = objective_and_gradient(*arrays)
    print(f"   {'':16} {'MLKR objective':>16}   gradient's difference from NumPy's")
    for library in LIBRARIES:
        print(f"   {library:16} {run_on(library, arrays, expected)}")


def objective_and_gradient(X: Any, y: Any, A: Any) -> tuple[float, Any]:
    """The same lines for every library: the arrays decide where they run."""
    value, gradient = mc.value_and_grad(mc.losses.MLKR(y), X, metric=mc.Factor(A))
    return float(value), gradient.metric


def run_on(library: str, arrays: tuple[Array, ...], expected: Array) -> str:
    try:
        xp = importlib.import_module(library)
        value, gradient = objective_and_gradient(*map(xp.asarray, arrays))
    except ImportError:
        return f"{'not installed':>16}"
    except (
        Exception
    ) as reason:  # what cannot work here (no GPU, no library) is a row of the table too
        return f"   {type(reason).__name__}: {reason}"
    gradient = gradient.get() if library == "cupy" else np.asarray(gradient)
    return f"{value:16.10f}   {relative_error(gradient, expected):.0e}"


# -- 3. kernel regression with three metrics -------------------------------------------------------


def euclidean(X: Array, y: Array) -> Metric:
    ones = np.ones(X.shape[1])
    return with_best_bandwidth(X, y, [mc.Diagonal(ones / h**2) for h in BANDWIDTHS])


def mahalanobis(X: Array, y: Array) -> Metric:
    S = mc.Covariance.from_points(X).parameter
    return with_best_bandwidth(X, y, [mc.Covariance(S * h**2) for h in BANDWIDTHS])


def with_best_bandwidth(X: Array, y: Array, metrics: list[Metric]) -> Metric:
    """The one with the smallest leave-one-out error on the patients given."""
    loss = mc.losses.MLKR(y)
    return min(metrics, key=lambda metric: mc.value_and_grad(loss, X, metric=metric)[0])


def learned(X: Array, y: Array) -> Metric:
    """MLKR, with the penalty that predicts best on inner folds of the patients given."""

    def inner_error(penalty: float) -> float:
        errors = [
            held_out_error(lambda X, y: mlkr(X, y, penalty), X, y, train, test)
            for train, test in INNER.split(X)
        ]
        return float(np.mean(errors))

    return mlkr(X, y, min(PENALTIES, key=inner_error))


def mlkr(X: Array, y: Array, penalty: float) -> Metric:
    """Minimise the mean squared leave-one-out error plus penalty |A|^2."""
    loss, start = mc.losses.MLKR(standardised(y)), first_guess(X, y)

    def objective(flat: Array) -> tuple[float, Array]:
        value, gradient = mc.value_and_grad(loss, X, metric=mc.Factor(flat.reshape(start.shape)))
        n = len(X)
        return value / n + penalty * flat @ flat, gradient.metric.ravel() / n + 2 * penalty * flat

    until = {"ftol": 1e-6}
    found = minimize(objective, start.ravel(), method="L-BFGS-B", jac=True, options=until)
    return mc.Factor(found.x.reshape(start.shape))


def predict(metric: Metric, X_train: Array, y_train: Array, X: Array) -> Array:
    return softmax(-mc.sqdist(X, X_train, metric=metric), axis=1) @ y_train


def held_out_error(learn: Learner, X: Array, y: Array, train: Array, test: Array) -> float:
    """Mean squared error on the test patients; the metric has seen the training patients only."""
    metric = learn(X[train], y[train])
    return float(np.mean((predict(metric, X[train], y[train], X[test]) - y[test]) ** 2))


def cross_validated(X: Array, y: Array) -> dict[str, Array]:
    """R2 by metric and fold."""
    learners = {"Euclidean": euclidean, "Mahalanobis": mahalanobis, "Learned": learned}
    errors: dict[str, list[float]] = {name: [] for name in learners}
    for train, test in tqdm(OUTER.split(X), "   learning", OUTER.get_n_splits(), unit="fold"):
        for name, learn in learners.items():
            errors[name].append(held_out_error(learn, X, y, train, test))
    return {name: 1 - np.asarray(values) / y.var() for name, values in errors.items()}


def show_scores(scores: dict[str, Array]) -> None:
    """R2 is 1 for perfect predictions and 0 for predicting the mean."""
    print(f"\n   {'metric':14} {'R2':>6}   better than Euclidean")
    for name, values in scores.items():
        wins = np.count_nonzero(values > scores["Euclidean"])
        compared = "" if name == "Euclidean" else f"in {wins} of {values.size} folds"
        print(f"   {name:14} {values.mean():6.3f}   {compared}".rstrip())


# -- 4. the picture --------------------------------------------------------------------------------


def one_split(X: Array, y: Array, scores: dict[str, Array]) -> Result:
    """Learn on two patients of three, to show the metric on the third."""
    train, test = train_test_split(np.arange(len(X)), test_size=1 / 3, random_state=0)
    test = test[np.argsort(y[test])]
    metric = turned_towards(y[train], X[train], learned(X[train], y[train]))
    return Result(
        before=mc.sqdist(X[test]),
        after=mc.sqdist(X[test], metric=metric),
        y=y[test],
        embedding=metric.embed(X[test]),
        training=metric.embed(X[train]),
        training_y=y[train],
        A=metric.parameter,
        measurements=MEASUREMENTS,
        scores=scores,
    )


def turned_towards(y: Array, X: Array, metric: Metric) -> Metric:
    """The same metric with A rotated so that y rises along the embedding's first axis."""
    cos, sin = (y - y.mean()) @ metric.embed(X)
    rotation = np.array([[cos, sin], [-sin, cos]]) / np.hypot(cos, sin)
    return mc.Factor(rotation @ metric.parameter)


if __name__ == "__main__":
    main()
