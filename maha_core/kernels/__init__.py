"""Kernels: functions of squared distance, one family a file. The metric has the length scales."""

from maha_core.kernels.base import Kernel
from maha_core.kernels.gaussian import Gaussian
from maha_core.kernels.laplace import Laplace
from maha_core.kernels.matern import Matern32, Matern52
from maha_core.kernels.rational_quadratic import RationalQuadratic

__all__ = ["Gaussian", "Kernel", "Laplace", "Matern32", "Matern52", "RationalQuadratic"]
