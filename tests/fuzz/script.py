"""A call as a script of ten lines that stands alone; it is run as it is printed."""

import base64

import numpy as np

IMPORTS = {
    "numpy": "",
    "strict": ", array_api_strict",
    "torch": ", torch",
    "jax": ", jax.numpy as jnp",
    "dask": ", dask.array as da",
}
TO = {
    "numpy": "{}",
    "strict": "array_api_strict.asarray({})",
    "torch": "torch.asarray({})",
    "jax": "jnp.asarray({})",
}
CLASSES = {"full": "Full", "factor": "Factor", "diagonal": "Diagonal", "covariance": "Covariance"}


class Script:
    """Arrays of a library, options, and an expression of them."""

    def __init__(self, library, rng):
        self.library, self._rng = library, rng
        self._options, self._lines, self._expression = {}, [], ""

    def array(self, name, values):
        """Define an array, somehow laid out in memory; return its name."""
        self._lines.append(f"{name} = {self._laid_out(values)}")
        return name

    def host_array(self, name, values):
        """Define an array that Dask's tasks must all have: one of the chunks' library."""
        if self.library != "dask":
            return self.array(name, values)
        self._lines.append(f"{name} = {_source(values)}")
        return name

    def metric(self, form, parameter):
        """Define a metric; return an expression of it."""
        if form == "euclidean":
            return "None"
        return f"mc.{CLASSES[form]}({self.array('parameter', parameter)})"

    def line(self, line):
        """Add a line."""
        self._lines.append(line)

    def option(self, **options):
        """Set options of the call."""
        self._options.update(options)

    def returns(self, expression):
        """Set what is evaluated."""
        self._expression = expression

    def __str__(self):
        options = ", ".join(f"{name}={value!r}" for name, value in self._options.items())
        return "\n".join(
            [
                f"import base64, numpy as np, maha_core as mc{IMPORTS[self.library]}",
                "def a(text, dtype, *shape):",
                "    return np.frombuffer(base64.b85decode(text), dtype).reshape(shape)",
                *self._lines,
                f"with mc.options({options}):",
                f"    result = {self._expression}",
            ]
        )

    def run(self):
        """Run what is printed, and return the result."""
        namespace = {}
        exec(str(self), namespace)
        return namespace["result"]

    def _laid_out(self, values):
        source = _source(values)
        if self.library == "dask":
            chunks = tuple(self._cut(extent) for extent in values.shape)
            return f"da.from_array({source}, chunks={chunks})"
        to, layout = TO[self.library].format, self._rng.random()
        if self.library == "numpy" and layout < 0.4:
            reading = (
                f"{source}",
                f"{source}[::-1].copy()[::-1]",
                f"np.array({source}, order='F')",
            )
            offset = f"np.append(np.zeros(1, {values.dtype.name!r}), {source})[1:].reshape"
            return (*reading, f"{offset}{values.shape}")[int(layout * 10)]
        if layout > 0.8:
            return to(f"np.repeat({source}, 2, axis=-1)") + "[..., ::2]"
        if layout > 0.6 and values.ndim == 2:
            return to(f"{source}.T.copy()") + ".T"
        return to(f"{source}.copy()")

    def _cut(self, extent):
        if not extent:
            return (0,)
        cuts = self._rng.integers(0, extent + 1, int(self._rng.integers(0, 3)))
        return tuple(int(part) for part in np.diff([0, *np.sort(cuts), extent]))


def _source(values):
    """Return an expression of the same array."""
    if not values.size:
        return f"np.zeros({values.shape}, {values.dtype.name!r})"
    text = base64.b85encode(values.tobytes()).decode()
    return f"a({text!r}, {values.dtype.name!r}, {', '.join(map(str, values.shape))})"
