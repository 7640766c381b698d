"""The Gaussian kernel."""

from maha_core.kernels.base import Kernel, xp


class Gaussian(Kernel):
    """The Gaussian kernel ``exp(-D / 2)``, also known as RBF and squared exponential.

    Notes
    -----
    The metric sets the length scales: ``Diagonal(1 / scale**2)``. Source: Rasmussen and Williams,
    *Gaussian Processes for Machine Learning*, 2006, section 4.2.1.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> mc.kernels.Gaussian()(np.array([0.0, 2.0])).round(4)
    array([1.    , 0.3679])
    """

    def __init__(self) -> None:
        super().__init__(lambda D: xp.exp(-0.5 * D))

    def __repr__(self) -> str:
        return "Gaussian()"
