"""The array libraries that the tests run on, and how NumPy data gets in and out of each."""

import sys
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import array_api_compat
import numpy as np
import pytest

FAMILIES = ("numpy", "strict", "torch", "jax", "dask", "cupy")
NAMES = ("numpy", "readonly", "strict", "torch", "jax", "dask", "cupy")


def family(name):
    """Return the name under which `--backend` chooses a library."""
    return "numpy" if name == "readonly" else name


@dataclass(frozen=True)
class Library:
    """An array library: its array API namespace and the way in."""

    name: str
    xp: Any

    def array(self, values, dtype=None):
        """Move NumPy data into the library."""
        values = np.array(values, dtype=dtype, order="C")
        if self.name == "readonly":
            values.flags.writeable = False
            return values
        if self.name == "dask":
            return self.xp.from_array(values, chunks=tuple(map(_unevenly, values.shape)))
        if self.name == "jax":
            with debug_nans(False):  # a test may ask what becomes of NaN
                return self.xp.asarray(values)
        return values if self.name == "numpy" else self.xp.asarray(values)

    def arrays(self, *values):
        return tuple(None if value is None else self.array(value) for value in values)

    def numpy(self, array):
        """Move an array of the library to NumPy, checking that it is one."""
        assert self.owns(array), f"{type(array)} is not an array of {self.name}"
        return array.get() if self.name == "cupy" else np.asarray(array)

    def owns(self, array):
        return (
            array_api_compat.is_array_api_obj(array)
            and array_api_compat.array_namespace(array) is self.xp
            and not isinstance(array, np.generic)
        )

    @property
    def lazy(self):
        """Whether values are known at compute only."""
        return self.name == "dask"

    @property
    def tile_xp(self):
        """The namespace of the tiles that losses meet."""
        return _numpy() if self.name == "dask" else self.xp

    @property
    def writable(self):
        return self.name not in ("readonly", "jax", "dask")


def _unevenly(extent):
    """Cut an axis into chunks of different sizes, one of them empty."""
    first = extent // 3
    return (first, 0, extent - first) if first else (extent,)


def load(name):
    """Import an array library, or skip the test with the reason."""
    return Library(name, _NAMESPACES[name]())


def _numpy():
    return array_api_compat.array_namespace(np.empty(0))


def _strict():
    return _import("array_api_strict")


def _torch():
    return array_api_compat.array_namespace(_import("torch").empty(0))


def _jax():
    jax = _import("jax")
    jax.config.update("jax_enable_x64", True)
    return array_api_compat.array_namespace(jax.numpy.empty(0))


def _dask():
    return array_api_compat.array_namespace(_import("dask.array").empty(0))


def _cupy():
    cupy = _import("cupy")
    try:
        devices = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        pytest.skip(f"no GPU: {error}")
    assert devices > 0
    return array_api_compat.array_namespace(cupy.empty(0))


def debug_nans(wanted=True):
    """Return the context in which JAX raises as soon as it makes a NaN, or does not."""
    jax = sys.modules.get("jax")
    return nullcontext() if jax is None else jax.debug_nans(wanted)


def _import(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a library warns of while it loads is its own affair
        return pytest.importorskip(name, reason=f"{name} is not installed")


_NAMESPACES = {
    "numpy": _numpy,
    "readonly": _numpy,
    "strict": _strict,
    "torch": _torch,
    "jax": _jax,
    "dask": _dask,
    "cupy": _cupy,
}
