"""Mahalanobis distances and their gradients, at any size, for arrays of any library."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from maha_core import backend, kernels, losses, reductions  # noqa: F401  # the generic backend is made known
from maha_core.dispatch import use_backend
from maha_core.distance import dist, nearest, sqdist
from maha_core.gradient import jacobian, jacobian_slice, jvp, vjp
from maha_core.hessian import hvp
from maha_core.inventory import backends
from maha_core.kernel_gradients import kernel_gradient
from maha_core.kernel_matrices import kernel_matrix
from maha_core.kernel_operator import KernelOperator
from maha_core.metrics import Covariance, Diagonal, Factor, Full
from maha_core.objective import value, value_and_grad
from maha_core.options import options
from maha_core.problem import Gradient, Neighbors, ReductionGradient, Within
from maha_core.reducing import reduce, reduce_vjp
from maha_core.targets import target_neighbors
from maha_core.version import version
from maha_core.within import within

if TYPE_CHECKING:
    from maha_core import compat as compat
    from maha_core import learn as learn

    __version__: str

__all__ = [
    "Covariance",
    "Diagonal",
    "Factor",
    "Full",
    "Gradient",
    "KernelOperator",
    "Neighbors",
    "ReductionGradient",
    "Within",
    "backends",
    "dist",
    "hvp",
    "jacobian",
    "jacobian_slice",
    "jvp",
    "kernel_gradient",
    "kernel_matrix",
    "kernels",
    "losses",
    "nearest",
    "options",
    "reduce",
    "reduce_vjp",
    "reductions",
    "sqdist",
    "target_neighbors",
    "use_backend",
    "value",
    "value_and_grad",
    "vjp",
    "within",
]


_AT_FIRST_ACCESS = ("compat", "learn", "testing")
"""What needs SciPy, scikit-learn or pytest; `from maha_core import *` does without."""


def __getattr__(name: str) -> Any:
    """Load modules that need further libraries, and the version, at the first access."""
    if name in _AT_FIRST_ACCESS:
        return import_module(f"maha_core.{name}")
    if name == "__version__":
        return version()
    raise AttributeError(f"module 'maha_core' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names."""
    return sorted([*__all__, *_AT_FIRST_ACCESS, "__version__"])
