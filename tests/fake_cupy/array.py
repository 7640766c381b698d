"""``cupy.ndarray`` held in the host's memory, counting what a GPU would send to the host."""

import operator
import sys

import numpy as np

from fake_cupy.work import work


class Transfers:
    """What a test may ask: how often a value went from the "device" to the host."""

    def __init__(self):
        self.count = 0


transfers = Transfers()


class Device:
    """A device, current inside ``with``."""

    current = 0

    def __init__(self, number=None):
        self.id = Device.current if number is None else getattr(number, "id", number)
        self._before = []

    def __enter__(self):
        self._before.append(Device.current)
        Device.current = self.id
        return self

    def __exit__(self, *error):
        Device.current = self._before.pop()

    def __eq__(self, other):
        return isinstance(other, Device) and self.id == other.id

    def __hash__(self):
        return self.id

    def __repr__(self):
        return f"<CUDA Device {self.id}>"


class Pointer:
    def __init__(self, ptr):
        self.ptr = ptr


class ndarray:  # noqa: N801  # CuPy's name
    """An array whose values the host sees only by `get`, `item`, `bool`, `float`, `int`."""

    __module__ = "cupy"
    __array_priority__ = 1000

    def __init__(self, values, device=None):
        assert isinstance(values, np.ndarray), type(values)
        self._values = values
        self.device = Device(device)

    def get(self):
        transfers.count += 1
        return self._values.copy()

    def item(self):
        return self.get().item()

    def tolist(self):
        return self.get().tolist()

    def __bool__(self):
        return bool(self.get())

    def __float__(self):
        return float(self.get())

    def __int__(self):
        return int(self.get())

    def __index__(self):
        return operator.index(self.get().item())

    def __array_function__(self, function, types, args, kwargs):
        """Let NumPy's functions be CuPy's, as Dask calls them."""
        if not all(issubclass(kind, ndarray) for kind in types):
            return NotImplemented
        module, path = sys.modules["cupy"], function.__module__.split(".")[1:]
        for name in (*path, function.__name__):
            module = getattr(module, name, None)
        return NotImplemented if module is None else module(*args, **kwargs)

    def __array_ufunc__(self, ufunc, method, *args, **kwargs):
        """Let NumPy's universal functions be CuPy's."""
        if method != "__call__":
            return NotImplemented
        if any(isinstance(arg, np.ndarray) for arg in args):
            raise TypeError("Unsupported type <class 'numpy.ndarray'>")
        return getattr(sys.modules["cupy"], ufunc.__name__)(*args, **kwargs)

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed; use .get()")

    def fill(self, value):
        self._values.fill(value)

    def __len__(self):
        return len(self._values)

    def __repr__(self):
        return repr(self.get())

    def __getitem__(self, key):
        return wrap(self._values[self._host_key(key)], self.device)

    def __setitem__(self, key, value):
        self._values[self._host_key(key)] = unwrap(value, self)
        work.note("write", (self._values[self._host_key(key)],))

    def _host_key(self, key):
        if isinstance(key, ndarray) and key.dtype == np.bool_:
            transfers.count += 1  # the size of the result depends on values
        return unwrap(key, self)

    @property
    def data(self):
        return Pointer(self._values.ctypes.data)

    @property
    def T(self):
        return wrap(self._values.T, self.device)


def unwrap(value, like=None):
    """Return the NumPy values inside arguments, which must live on the current device."""
    if isinstance(value, ndarray):
        assert value.device == (Device() if like is None else like.device), "on another device"
        return value._values
    if isinstance(value, (tuple, list)):
        return type(value)(unwrap(item, like) for item in value)
    assert like is None or not (isinstance(value, np.ndarray) and value.ndim), "a NumPy array"
    return value


def wrap(value, device=None):
    """Return NumPy results as arrays; numbers become 0-d arrays, as CuPy's do."""
    if isinstance(value, (np.ndarray, np.generic)):
        return ndarray(np.asarray(value), device)
    if isinstance(value, tuple):
        return tuple(wrap(item, device) for item in value)
    if isinstance(value, list):
        return [wrap(item, device) for item in value]
    return value


def _attribute(name):
    return property(lambda self: getattr(self._values, name))


class Flags:
    def __init__(self, flags):
        self.c_contiguous = flags.c_contiguous
        self.f_contiguous = flags.f_contiguous


for _name in ("shape", "dtype", "ndim", "size", "strides", "nbytes", "itemsize"):
    setattr(ndarray, _name, _attribute(_name))
ndarray.flags = property(lambda self: Flags(self._values.flags))


def _on_current_device(array):
    """Kernels run on the current device: CuPy refuses arrays of another, or warns of the detour."""
    assert array.device == Device(), "on another device than the current one"


def _method(name):
    def method(self, *args, **kwargs):
        if name not in _VIEWS:
            _on_current_device(self)
        kwargs = {key: unwrap(value) for key, value in kwargs.items()}
        result = getattr(self._values, name)(*unwrap(args), **kwargs)
        work.note(name, (self._values,), result)
        return wrap(result, self.device)

    return method


_VIEWS = ("reshape", "ravel", "swapaxes", "transpose")
_METHODS = [
    "swapaxes",
    "astype",
    "copy",
    "reshape",
    "ravel",
    "all",
    "any",
    "sum",
    "min",
    "max",
    "argsort",
    "swapaxes",
    "transpose",
    "round",
]
for _name in _METHODS:
    setattr(ndarray, _name, _method(_name))


def _operator(name, in_place):
    function = getattr(np.ndarray, name)

    def method(self, *others):
        if any(isinstance(other, np.ndarray) for other in others):
            raise TypeError("Unsupported type <class 'numpy.ndarray'>")
        _on_current_device(self)
        with np.errstate(all="ignore"):
            result = function(self._values, *unwrap(others, self))
        work.note(name, (self._values, *unwrap(others, self)), result, in_place)
        return (
            result
            if result is NotImplemented
            else (self if in_place else wrap(result, self.device))
        )

    return method


_BINARY = "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split()  # noqa: SIM905
_UNARY = ("neg", "pos", "abs", "invert")
_NAMES = [
    *(f"__{side}{name}__" for name in _BINARY for side in ("", "r")),
    *(f"__{name}__" for name in ("eq", "ne", "lt", "le", "gt", "ge", *_UNARY)),
]
for _name in _NAMES:
    setattr(ndarray, _name, _operator(_name, False))
for _name in ("iadd", "isub", "imul", "itruediv"):
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__", True))
ndarray.__hash__ = None
