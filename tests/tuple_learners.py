"""Learners from tuples and from labelled points, and small data for them."""

import numpy as np

import maha_core as mc

FROM_PAIRS = {
    "GMML": (mc.learn.GMML, {}),
    "ITML": (mc.learn.ITML, {"gamma": 0.1}),
    "MMC": (mc.learn.MMC, {}),
    "SDML": (mc.learn.SDML, {"balance_param": 1e-3}),
}
FROM_TRIPLETS = {"SCML": (mc.learn.SCML, {"max_iter": 200, "output_iter": 50, "random_state": 0})}
FROM_QUADRUPLETS = {"LSML": (mc.learn.LSML, {})}
FROM_TUPLES = FROM_PAIRS | FROM_TRIPLETS | FROM_QUADRUPLETS

FROM_POINTS = {
    "Covariance": (mc.learn.Covariance, {}),
    "RCA_Supervised": (mc.learn.RCA_Supervised, {"n_chunks": None, "random_state": 0}),
    "LFDA": (mc.learn.LFDA, {}),
    "DMLMJ": (mc.learn.DMLMJ, {}),
    "GMML_Supervised": (mc.learn.GMML_Supervised, {"random_state": 0}),
    "ITML_Supervised": (mc.learn.ITML_Supervised, {"gamma": 0.1, "random_state": 0}),
    "MMC_Supervised": (mc.learn.MMC_Supervised, {"random_state": 0}),
    "SDML_Supervised": (mc.learn.SDML_Supervised, {"balance_param": 1e-4, "random_state": 0}),
    "LSML_Supervised": (mc.learn.LSML_Supervised, {"random_state": 0}),
    "SCML_Supervised": (
        mc.learn.SCML_Supervised,
        {"max_iter": 200, "output_iter": 50, "n_basis": 30, "random_state": 0},
    ),
}
ANY_ARRAY = ("GMML", "MMC", "LSML")
"""Learners from tuples that are made of D and its gradients."""


def made(table, name, **changes):
    kind, parameters = table[name]
    return kind(**{**parameters, **changes})


def points(n=60, d=4, classes=3):
    """Points and labels; column 0 tells the classes apart, the last is the largest and is noise."""
    rng = np.random.default_rng(5)
    y = np.arange(n) % classes
    X = rng.standard_normal((n, d)) * np.linspace(1, 2, d)
    X[:, 0] += 4 * y
    return X, y


def rows_of_tuples(size, p=40):
    """Row numbers of points(): pairs with labels, or tuples whose first distance is within."""
    _, y = points()
    rng = np.random.default_rng(size)
    own = [rng.permutation(np.flatnonzero(y == y[i]))[:2] for i in range(p)]
    other = [rng.permutation(np.flatnonzero(y != y[i]))[:2] for i in range(p)]
    first = np.arange(p)
    own, other = np.array(own), np.array(other)
    own[:, 0] = np.where(own[:, 0] == first, own[:, 1], own[:, 0])
    if size == 2:
        half = p // 2
        index = np.stack([first, np.r_[own[:half, 0], other[half:, 0]]], axis=1)
        return index, np.repeat([1, -1], half)
    columns = (first, own[:, 0], other[:, 0])
    if size == 4:
        columns = (first, own[:, 0], first, other[:, 0])
    return np.stack(columns, axis=1), None


def size_of(name):
    return 2 if name in FROM_PAIRS else 3 if name in FROM_TRIPLETS else 4


def fit_arguments(name):
    """Return formed tuples, and labels where the learner takes them."""
    index, y = rows_of_tuples(size_of(name))
    tuples = points()[0][index]
    return (tuples,) if y is None else (tuples, y)


def quadratic(differences, M):
    """D of differences, in longdouble."""
    differences, M = differences.astype(np.longdouble), np.asarray(M).astype(np.longdouble)
    return np.sum((differences @ M) * differences, axis=-1)
