"""Reductions of the rows of D, one a file, for `maha_core.reduce` and for losses."""

from maha_core.reductions.base import PointData, Reduction
from maha_core.reductions.listed_sum import ListedSum
from maha_core.reductions.log_sum_exp import LogSumExp
from maha_core.reductions.softmax_mean import SoftmaxMean
from maha_core.reductions.sum import Sum

__all__ = ["ListedSum", "LogSumExp", "PointData", "Reduction", "SoftmaxMean", "Sum"]
