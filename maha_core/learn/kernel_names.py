"""Kernels by name, as the parameter `kernel` of kernel machines takes them."""

from __future__ import annotations

from typing import Any

from sklearn.utils._param_validation import StrOptions

from maha_core.kernels import Gaussian, Kernel, Laplace, Matern32, Matern52

KERNELS: dict[str, Kernel] = {
    "gaussian": Gaussian(),
    "laplace": Laplace(),
    "matern32": Matern32(),
    "matern52": Matern52(),
}
CONSTRAINT: list[Any] = [StrOptions(set(KERNELS)), Kernel]


def kernel_of(kernel: str | Kernel) -> Kernel:
    """Return a kernel, given as itself or by its name."""
    return KERNELS[kernel] if isinstance(kernel, str) else kernel
