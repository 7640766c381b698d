"""Every loss that carries CUDA expressions, and data for it."""

import numpy as np

import maha_core as mc

N, M, D = 45, 23, 4


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def labels(n, dtype="int64"):
    return (np.arange(n) % 5 % 3).astype(dtype)


def exponential(D):
    values = np.exp(-D)
    return values, -values


def mismatch(D, a, b):
    return (D - a * b) ** 2, 2 * (D - a * b)


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
    return mc.losses.Pairwise(exponential, symmetric=True, cuda=("exp(-D)", "-exp(-D)"))


def pairwise_with_data(on, Y):
    return mc.losses.Pairwise(
        mismatch,
        data=on(drawn(N)),
        data_Y=on(drawn(M)) if Y else None,
        sample_weight=on(1 + drawn(N, seed=2) ** 2),
        cuda=("(D - a * b) * (D - a * b)", "2 * (D - a * b)"),
    )


LOSSES = (mlkr, weighted_mlkr, nca, nca_of_bytes, log_nca, pairwise, pairwise_with_data)
