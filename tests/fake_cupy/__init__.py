"""A module named ``cupy`` without a GPU: `install` it before maha_core meets CuPy.

Arrays live in the host's memory behind a wall that counts what crosses it, and `RawModule` runs the
CUDA source of the kernels on the CPU. Tests only.
"""

import sys
import time
import types
from contextlib import nullcontext
from functools import partial
from importlib.machinery import ModuleSpec

import numpy as np

from fake_cupy.array import Device, ndarray, transfers, unwrap, wrap
from fake_cupy.kernels import RawModule
from fake_cupy.work import work

__all__ = ["install", "transfers", "work"]

MEMORY = 2**40


class OutOfMemoryError(MemoryError):
    pass


class CUDARuntimeError(RuntimeError):
    pass


def _wrapped(function):
    def wrapped(*args, **kwargs):
        kwargs = {key: unwrap(value) for key, value in kwargs.items()}
        out = kwargs.get("out")
        with np.errstate(all="ignore"):
            result = function(*unwrap(args), **kwargs)
        name = getattr(function, "__name__", type(function).__name__)
        read = (value for key, value in kwargs.items() if key != "out")
        work.note(name, (*_flat(unwrap(args)), *read), result, out is not None)
        return wrap(result if out is None else out)

    return wrapped


def _flat(values):
    for value in values:
        if isinstance(value, (tuple, list)):
            yield from _flat(value)
        else:
            yield value


def _module(name, source, parent=None):
    """Return a module with NumPy's functions on our arrays."""
    made = types.ModuleType(name)
    made.__spec__ = ModuleSpec(name, None)  # find_spec asks for it
    for key in dir(source):
        value = getattr(source, key)
        if key.startswith("_") or key == "test" or isinstance(value, types.ModuleType):
            continue
        plain = isinstance(value, type) or not callable(value)
        setattr(made, key, value if plain else _wrapped(value))
    sys.modules[name] = made
    if parent is not None:
        setattr(parent, name.rpartition(".")[2], made)
    return made


def install():
    """Put the module into ``sys.modules`` in place of CuPy, which other libraries import, too."""
    for name in [*sys.modules]:
        if name.split(".")[0] == "cupy" or name.startswith("array_api_compat.cupy"):
            del sys.modules[name]
    cupy = _module("cupy", np)
    cupy.__version__ = "0+fake"
    cupy.ndarray, cupy.RawModule = ndarray, RawModule
    cupy.nonzero = _counted(cupy.nonzero)
    cupy.concatenate = _few(cupy.concatenate)
    cupy.take = _wrapped(partial(np.take, mode="wrap"))  # a device raises no IndexError
    cupy.linalg = _module("cupy.linalg", np.linalg, cupy)
    cupy.linalg.cholesky = _wrapped(_cholesky)
    _module("cupy.fft", np.fft, cupy)
    _module("cupy.random", np.random, cupy)
    cupy.cuda = _cuda()
    sys.modules["cupy.cuda"] = cupy.cuda
    sys.modules["cupy.cuda.device"] = cupy.cuda
    cupy._core = _core()
    pool = types.SimpleNamespace(
        free_all_blocks=lambda: None,
        free_bytes=lambda: 0,
        get_limit=lambda: 0,
        total_bytes=lambda: 0,
        used_bytes=lambda: 0,
    )
    cupy.asnumpy = ndarray.get
    cupy.random.default_rng = Generator
    cupy.get_default_memory_pool = lambda: pool
    return cupy


class Generator:
    def __init__(self, seed):
        self._generator = np.random.default_rng(seed)

    def standard_normal(self, size):
        return wrap(self._generator.standard_normal(size))


class Event:
    def record(self):
        self.seconds = time.perf_counter()

    def synchronize(self):
        pass


def _few(function):
    def few(arrays, *args, **kwargs):
        assert len(arrays) <= 8, "CuPy sends the addresses of more arrays to the device"
        return function(arrays, *args, **kwargs)

    return few


def _counted(function):
    """Count a function whose result's size, or error, depends on values."""

    def counted(*args, **kwargs):
        transfers.count += 1
        return function(*args, **kwargs)

    return counted


def _cholesky(S):
    """As CuPy's, which does not look at cuSOLVER's status, and returns what that had reached."""
    try:
        return np.linalg.cholesky(S)
    except np.linalg.LinAlgError:
        return np.tril(S)


def _cuda():
    cuda = types.ModuleType("cupy.cuda")
    cuda.Device = Device
    cuda.Stream = types.SimpleNamespace(null=nullcontext())
    cuda.Event = Event
    cuda.cublas = types.SimpleNamespace()
    cuda.nvrtc = types.SimpleNamespace(getVersion=lambda: (12, 9))
    cuda.get_elapsed_time = lambda start, stop: 1e3 * (stop.seconds - start.seconds)
    cuda.get_current_stream = lambda: types.SimpleNamespace(synchronize=lambda: None)
    cuda.memory = types.SimpleNamespace(OutOfMemoryError=OutOfMemoryError)
    cuda.runtime = types.SimpleNamespace(
        CUDARuntimeError=CUDARuntimeError,
        getDevice=lambda: Device.current,
        getDeviceCount=lambda: 2,
        getDeviceProperties=lambda number: {"name": b"a fake", "totalGlobalMem": MEMORY},
        memGetInfo=lambda: (MEMORY, MEMORY),
        runtimeGetVersion=lambda: 12_090,
        driverGetVersion=lambda: 12_090,
    )
    return cuda


def _core():
    routines = types.SimpleNamespace(COMPUTE_TYPE_FP32=2, COMPUTE_TYPE_TF32=3)
    setting = {"float32": 1}

    def set_compute_type(dtype, value):
        setting[np.dtype(dtype).name] = value

    return types.SimpleNamespace(
        _routines_linalg=routines,
        get_compute_type=lambda dtype: setting[np.dtype(dtype).name],
        set_compute_type=set_compute_type,
    )
