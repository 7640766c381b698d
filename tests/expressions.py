"""Losses and reductions that are answered where D is made, and data for them."""

import numpy as np

import maha_core as mc

N, M, D = 45, 23, 4


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def labels(n, dtype="int64"):
    return (np.arange(n) % 5 % 3).astype(dtype)


def exponential(D):
    return np.exp(-D)


def mismatch(D, a, b):
    return (D - a * b) ** 2


def mlkr(on, Y, **more):
    return mc.losses.MLKR(on(drawn(N)), on(drawn(M)) if Y else None, **more)


def weighted_mlkr(on, Y):
    return mlkr(on, Y, sample_weight=on(1 + drawn(N, seed=2) ** 2))


def nca(on, Y, dtype="int64", log=False):
    other = on(labels(M, dtype)) if Y else None
    return mc.losses.NCA(on(labels(N, dtype)), other, log=log)


def nca_of_bytes(on, Y):
    return nca(on, Y, "uint8")


def log_nca(on, Y):
    return nca(on, Y, log=True)


def pairwise(on, Y):
    return mc.losses.Pairwise(exponential, symmetric=True)


def pairwise_with_data(on, Y):
    return mc.losses.Pairwise(
        mismatch,
        data=on(drawn(N)),
        data_Y=on(drawn(M)) if Y else None,
        sample_weight=on(1 + drawn(N, seed=2) ** 2),
    )


class ThreeReductions(mc.losses.Loss):
    """A user's own loss: a mean, a log-sum-exp and a sum of every row in one product."""

    def __init__(self, y, y_Y):
        self.y = y
        self.y_Y = y_Y

    def point_data(self):
        return (mc.losses.PointData("y", self.y, self.y_Y, columns_name="y_Y"),)

    def reductions(self):
        return {
            "mass": mc.reductions.Sum(lambda D: 1 / (1 + D)),
            "fit": mc.reductions.SoftmaxMean("y"),
            "spread": mc.reductions.LogSumExp(),
        }

    def row_function(self, row):
        return (row.y - row.fit) ** 2 * row.mass + row.spread


def three_reductions(on, Y):
    return ThreeReductions(on(drawn(N)), on(drawn(M)) if Y else None)


LOSSES = (
    *(mlkr, weighted_mlkr, nca, nca_of_bytes, log_nca, pairwise, pairwise_with_data),
    three_reductions,
)


def kernel_sum(on, Y):
    return mc.reductions.Sum(mc.kernels.Gaussian(), on(drawn(M if Y else N)))


def root_sum(on, Y):
    return mc.reductions.Sum(np.sqrt)


def sum_of_data(on, Y):
    data, other = on(drawn(N)), on(drawn(M)) if Y else None
    return mc.reductions.Sum(lambda D, a, b: D * a + b, data=data, data_Y=other)


def kernel_mean(on, Y):
    return mc.reductions.SoftmaxMean(on(drawn(M if Y else N)), mc.kernels.Laplace())


def log_sum(on, Y):
    return mc.reductions.LogSumExp()


def log_sum_of_some(on, Y):
    """Without the near pairs, and so without the self-pairs."""
    return mc.reductions.LogSumExp(lambda D: np.where(D < 1, -np.inf, -D))


REDUCTIONS = (kernel_sum, root_sum, sum_of_data, kernel_mean, log_sum, log_sum_of_some)
