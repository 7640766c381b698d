"""Metric learning as scikit-learn estimators, one file each, in memory linear in n.

They take NumPy arrays and whatever scikit-learn itself converts, and arrays of any other library
that maha_core serves, which are never converted: data, distances and gradients stay where they are.
"""

from maha_core.learn.lmnn import LMNN
from maha_core.learn.mlkr import MLKR
from maha_core.learn.nca import NCA

__all__ = ["LMNN", "MLKR", "NCA"]
