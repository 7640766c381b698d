"""Mahalanobis distances and their gradients, at any size, on whatever array you already hold."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from maha_core import losses
from maha_core.dispatch import use_backend
from maha_core.distance import dist, nearest, sqdist
from maha_core.gradient import jacobian, jacobian_slice, jvp, vjp
from maha_core.inventory import backends
from maha_core.metrics import Covariance, Diagonal, Factor, Full
from maha_core.objective import value_and_grad
from maha_core.options import options
from maha_core.problem import Gradient, Neighbors
from maha_core.targets import target_neighbors

if TYPE_CHECKING:
    from maha_core import learn

__all__ = [
    "Covariance",
    "Diagonal",
    "Factor",
    "Full",
    "Gradient",
    "Neighbors",
    "backends",
    "dist",
    "jacobian",
    "jacobian_slice",
    "jvp",
    "learn",
    "losses",
    "nearest",
    "options",
    "sqdist",
    "target_neighbors",
    "use_backend",
    "value_and_grad",
    "vjp",
]


def __getattr__(name: str) -> Any:
    """Load `learn`, which needs scikit-learn and SciPy, at its first access."""
    if name == "learn":
        return import_module("maha_core.learn")
    raise AttributeError(f"module 'maha_core' has no attribute {name!r}")
