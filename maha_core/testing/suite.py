"""The base class of the suite: methods that the author of a plugin defines, and defaults."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

import numpy as np
import pytest

import maha_core as mc
from maha_core.testing import oracle

Array = Any
Values = np.ndarray[Any, Any]

PARAMETRIC = oracle.FORMS[1:]

every_metric = pytest.mark.parametrize("metric", oracle.FORMS)
every_parametric = pytest.mark.parametrize("metric", PARAMETRIC)
alone_and_with_y = pytest.mark.parametrize("with_Y", [False, True], ids=["alone", "with_Y"])


class Suite:
    """Conversion of arrays, and features that a library lacks; see `Conformance`."""

    dtypes: ClassVar[tuple[str, ...]] = ("float64", "float32")
    out: ClassVar[bool | None] = None
    lazy: ClassVar[bool] = False
    tile_bytes: ClassVar[tuple[int | None, ...]] = (None, 512)

    def array(self, values: Values) -> Array:
        """Return NumPy data as an array of the library under test, of the same dtype."""
        raise NotImplementedError("define array(self, values): NumPy data to the library's array")

    def to_numpy(self, array: Array) -> Values:
        """Return an array of the library as NumPy data, computing it where it is lazy."""
        raise NotImplementedError("define to_numpy(self, array): the library's array to NumPy")

    def listed(self, values: Values) -> Array:
        """Return row numbers and labels as losses of listed pairs take them: as `array` does.

        A lazy library may take lists of another library alone, whose values are known.
        """
        return self.array(values)

    def context(self) -> AbstractContextManager[object]:
        """Return the context in which the library is called, such as ``mc.use_backend(name)``."""
        return nullcontext()

    def tilings(self) -> list[AbstractContextManager[object]]:
        """Return the options of one tile and those of many."""
        return [mc.options(tile_bytes=size) for size in self.tile_bytes]

    @pytest.fixture(autouse=True)
    def _inside_the_context(self) -> Any:
        with self.context():
            yield

    @pytest.fixture(params=["float64", "float32"])
    def dtype(self, request: pytest.FixtureRequest) -> str:
        """Every floating dtype of the library."""
        if request.param not in self.dtypes:
            pytest.skip(f"{request.param} is not in {type(self).__name__}.dtypes")
        return str(request.param)
