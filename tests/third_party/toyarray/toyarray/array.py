"""The array type, whose operators are those of the array API standard."""

import operator

import array_api_compat.numpy as xp


class Array:
    """An array that holds an ndarray, and mixes with toy arrays and Python scalars only."""

    # ndarray + Array shall fail like Array + ndarray.
    __array_ufunc__ = None

    def __init__(self, data):
        self._data = xp.asarray(data)

    def __array_namespace__(self, api_version=None):
        from toyarray import namespace

        return namespace

    @property
    def shape(self):
        return self._data.shape

    @property
    def ndim(self):
        return self._data.ndim

    @property
    def size(self):
        return self._data.size

    @property
    def dtype(self):
        return self._data.dtype

    @property
    def device(self):
        return self._data.device

    @property
    def T(self):
        return Array(self._data.T)

    @property
    def mT(self):
        return Array(self._data.mT)

    def to_device(self, device, stream=None):
        if device != self.device:
            raise ValueError(f"a toy array lives on {self.device!r}, not on {device!r}")
        return self

    def numpy(self):
        """Leave the toy box: the only way out."""
        return self._data

    def __getitem__(self, key):
        return Array(self._data[unwrapped(key)])

    def __setitem__(self, key, value):
        self._data[unwrapped(key)] = unwrapped(value)

    def __bool__(self):
        return bool(self._data)

    def __int__(self):
        return int(self._data)

    def __float__(self):
        return float(self._data)

    def __index__(self):
        return operator.index(self._data)

    def __repr__(self):
        return f"toyarray.Array({self._data!r})"

    __hash__ = None


def unwrapped(value):
    """Take toy arrays out of an argument: an array, a scalar, or a tuple or list of them."""
    if isinstance(value, Array):
        return value._data
    if isinstance(value, (tuple, list)):
        return type(value)(unwrapped(item) for item in value)
    if isinstance(value, xp.ndarray):
        raise TypeError("an ndarray is no toy array: write toyarray.Array(value)")
    return value


def wrapped(value):
    """Put ndarrays and NumPy scalars into toy arrays."""
    if isinstance(value, (xp.ndarray, xp.generic)):
        return Array(value)
    if isinstance(value, (tuple, list)):
        items = [wrapped(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value


def _add_operator(name):
    function = getattr(operator, name)

    def forward(self, *others):
        return wrapped(function(self._data, *map(unwrapped, others)))

    setattr(Array, name, forward)


def _add_binary_operator(name):
    function = getattr(operator, f"__{name}__")

    def reflected(self, other):
        return wrapped(function(unwrapped(other), self._data))

    def in_place(self, other):
        self._data = function(self._data, unwrapped(other))
        return self

    _add_operator(f"__{name}__")
    setattr(Array, f"__r{name}__", reflected)
    setattr(Array, f"__i{name}__", in_place)


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    _add_binary_operator(_name)
for _name in ("and", "or", "xor", "lshift", "rshift"):
    _add_binary_operator(_name)
for _name in ("eq", "ne", "lt", "le", "gt", "ge", "neg", "pos", "abs", "invert"):
    _add_operator(f"__{_name}__")
