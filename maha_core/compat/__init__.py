"""The signatures of other libraries: `compat.scipy` and `compat.sklearn`.

Unlike the other functions of `maha_core`, these convert their arguments as the originals do: they
accept lists and DataFrames, and compute in float64.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from maha_core.compat import scipy

if TYPE_CHECKING:
    from maha_core.compat import sklearn

__all__ = ["scipy", "sklearn"]


def __getattr__(name: str) -> Any:
    """Load `sklearn`, which needs scikit-learn, at its first access."""
    if name == "sklearn":
        return import_module("maha_core.compat.sklearn")
    raise AttributeError(f"module 'maha_core.compat' has no attribute {name!r}")
