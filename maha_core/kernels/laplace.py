"""The Laplace kernel."""

from maha_core.kernels.base import Kernel, xp


class Laplace(Kernel):
    """The Laplace kernel ``exp(-sqrt(D))``, also known as exponential and Matern with nu = 1/2.

    Notes
    -----
    Its derivative in D is infinite at D = 0 and is taken as 0 there, because the derivative of D
    is 0. Source: Rasmussen and Williams, *Gaussian Processes for Machine Learning*, 2006, section
    4.2.1.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> mc.kernels.Laplace()(np.array([0.0, 1.0])).round(4)
    array([1.    , 0.3679])
    """

    def __init__(self) -> None:
        super().__init__(lambda D: xp.exp(-xp.sqrt(D)))

    def __repr__(self) -> str:
        return "Laplace()"
