"""The Matern kernels with nu = 3/2 and nu = 5/2."""

from maha_core.kernels.base import Kernel, xp


class Matern32(Kernel):
    """The Matern kernel with nu = 3/2: ``(1 + r) exp(-r)``, ``r = sqrt(3 D)``.

    Notes
    -----
    Its derivative in D is ``-(3/2) exp(-r)``, also at D = 0; its second is infinite at D = 0 and
    taken as 0 there. Source: Rasmussen and Williams, *Gaussian Processes for Machine Learning*,
    2006, equation 4.17.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> mc.kernels.Matern32()(np.array([0.0, 1.0])).round(4)
    array([1.    , 0.4834])
    """

    def __init__(self) -> None:
        super().__init__(lambda D: xp.matern32(3 * D))

    def __repr__(self) -> str:
        return "Matern32()"


class Matern52(Kernel):
    """The Matern kernel with nu = 5/2: ``(1 + r + r^2 / 3) exp(-r)``, ``r = sqrt(5 D)``.

    Notes
    -----
    Its derivatives in D are ``-(5/6) (1 + r) exp(-r)`` and ``(25/12) exp(-r)``, also at D = 0.
    Source: Rasmussen and Williams, *Gaussian Processes for Machine Learning*, 2006, equation 4.17.

    Examples
    --------
    >>> import numpy as np, maha_core as mc
    >>> mc.kernels.Matern52()(np.array([0.0, 1.0])).round(4)
    array([1.   , 0.524])
    """

    def __init__(self) -> None:
        super().__init__(lambda D: xp.matern52(5 * D))

    def __repr__(self) -> str:
        return "Matern52()"
