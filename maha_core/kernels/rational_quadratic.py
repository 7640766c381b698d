"""The rational quadratic kernel."""

from __future__ import annotations

from typing import Any

from maha_core import validation
from maha_core.kernels.base import Kernel, xp

LARGEST_POWER = 8
"""A power loses as many units in the last place as its exponent says; beyond, logarithms do not."""

SMALLEST_ALPHA, LARGEST_ALPHA = 1e-9, 1e9
"""Beyond, the kernel is 1 or Gaussian to all digits of float32, whose range alpha would leave."""


class RationalQuadratic(Kernel):
    """The rational quadratic kernel ``(1 + D / (2 alpha))^-alpha``.

    Parameters
    ----------
    alpha : float
        From 1e-9 to 1e9. For small alpha the kernel is a mixture of Gaussian kernels of many length
        scales; for large alpha it approaches one Gaussian kernel.

    Raises
    ------
    TypeError
        alpha is not a real number.
    ValueError
        alpha is not positive, not finite or outside the range above.

    Notes
    -----
    Source: Rasmussen and Williams, *Gaussian Processes for Machine Learning*, 2006, equation 4.19.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> mc.kernels.RationalQuadratic(alpha=0.5)(np.array([0.0, 3.0]))
    array([1. , 0.5])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self._alpha = _of_range(validation.positive(alpha, "alpha"))
        super().__init__(self._of)

    @property
    def alpha(self) -> float:
        """The exponent."""
        return self._alpha

    def __repr__(self) -> str:
        return f"RationalQuadratic(alpha={self.alpha!r})"

    def _of(self, D: Any) -> Any:
        alpha, scaled = self.alpha, D * (0.5 / self.alpha)
        if alpha <= LARGEST_POWER:
            return (1 + scaled) ** -alpha
        return xp.exp(-alpha * xp.log1p(scaled))


def _of_range(alpha: float) -> float:
    if not SMALLEST_ALPHA <= alpha <= LARGEST_ALPHA:
        raise ValueError(
            f"alpha must be from {SMALLEST_ALPHA:g} to {LARGEST_ALPHA:g}; got {alpha!r}. For a "
            "larger one write maha_core.kernels.Gaussian(), its limit"
        )
    return alpha
