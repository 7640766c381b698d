"""The forms in which a metric is given, one file each."""

from maha_core.metrics.base import Metric
from maha_core.metrics.covariance import Covariance
from maha_core.metrics.diagonal import Diagonal
from maha_core.metrics.factor import Factor
from maha_core.metrics.full import Full

__all__ = ["Covariance", "Diagonal", "Factor", "Full", "Metric"]
