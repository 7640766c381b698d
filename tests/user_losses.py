"""Losses as a user would write them on the public protocol: row-wise, listed pairs, both."""

import numpy as np

from maha_core.losses import Loss, PointData
from maha_core.reductions import ListedSum, LogSumExp, Sum


class LogSum(Loss):
    """phi = sum_i w_i log sum_j exp(-D_ij), over j != i where the points meet themselves."""

    def __init__(self, weight=None):
        self.weight = weight

    def point_data(self):
        return () if self.weight is None else (PointData("weight", rows=self.weight),)

    def reductions(self):
        return {"log_sum": LogSumExp()}

    def row_function(self, row):
        return row.log_sum if self.weight is None else row.weight * row.log_sum


class Hinge(Loss):
    """A small LMNN: mu sum_p D_p + (1 - mu) sum_p sum_l [1 + D_p - D_il]+ over other labels l."""

    def __init__(self, i, j, labels, mu=0.5):
        self.i, self.j, self.labels, self.mu = i, j, labels, mu

    def pairs(self, n):
        return self.i, self.j

    def pair_term(self, item, D):
        return self.mu * D

    def point_data(self):
        return (PointData("labels", self.labels, kind="label", columns_name="labels_Y"),)

    def reductions(self):
        hinge = ListedSum(lambda D, T: np.maximum(1 + T - D, 0), lambda a, b: a != b, "labels")
        return {"hinges": hinge}

    def row_function(self, row):
        return (1 - self.mu) * row.hinges


class SquaredPairs(Loss):
    """phi = sum_p D_p^2 over listed pairs alone."""

    def __init__(self, i, j):
        self.i, self.j = i, j

    def pairs(self, n):
        return self.i, self.j

    def pair_term(self, item, D):
        return D * D


class Product(Loss):
    """phi = sum a_i a_j D_ij, with no more said of the data than their name."""

    def __init__(self, a):
        self.a = a

    def point_data(self):
        return (PointData("a", rows=self.a),)

    def reductions(self):
        return {"sum": Sum(lambda D, a, b: a * b * D, data="a")}

    def row_function(self, row):
        return row.sum
