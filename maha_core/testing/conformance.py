"""The class that the author of a plugin subclasses, with the tests of all topics."""

from maha_core.testing.close_points import ClosePoints
from maha_core.testing.coincident_points import CoincidentPoints
from maha_core.testing.derivatives import Derivatives
from maha_core.testing.distances import Distances
from maha_core.testing.inputs import Inputs
from maha_core.testing.kernel_functions import KernelFunctions
from maha_core.testing.listed_pairs import ListedPairs
from maha_core.testing.losses import Losses
from maha_core.testing.metric_methods import MetricMethods
from maha_core.testing.neighbors import Neighbors
from maha_core.testing.outputs import Outputs
from maha_core.testing.reductions import Reductions
from maha_core.testing.refusals import Refusals


class Conformance(
    Distances,
    Neighbors,
    ListedPairs,
    Derivatives,
    ClosePoints,
    CoincidentPoints,
    Losses,
    Reductions,
    KernelFunctions,
    MetricMethods,
    Inputs,
    Outputs,
    Refusals,
):
    """The tests of one backend; subclass it under a name that starts with Test.

    Define `array` and `to_numpy`. Everything else is inherited; override the attributes where a
    library lacks something, `context` where the calls need one, and `listed` where lists of row
    numbers are of another library.

    Attributes
    ----------
    dtypes : tuple of str
        The floating dtypes that the library has, of float64 and float32.
    out : bool
        Whether ``out=`` is supported; None: as the library's arrays can be written or not.
    lazy : bool
        Whether arrays are lazy, so that `Full.is_psd`, a bool, raises TypeError.
    tile_bytes : tuple of int or None
        The tile sizes with which every result is computed; None is the backend's. One size may
        suffice for a library that compiles for every shape.

    Examples
    --------
    >>> import numpy as np
    >>> from maha_core.testing import Conformance
    >>> class TestNumPy(Conformance):
    ...     def array(self, values):
    ...         return np.array(values)
    ...
    ...     def to_numpy(self, array):
    ...         return array
    >>> TestNumPy().test_a_scatter_adds_up_duplicates(with_Y=True, dtype="float64")
    """
