"""Tests whether numba is available; it is imported only when a compiled pass is first needed."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from maha_core.extras import install

if TYPE_CHECKING:
    from maha_core.options import Options


def wanted(options: Options) -> bool:
    """Tell whether compiled passes are used: by the options, and if numba is installed.

    Examples
    --------
    >>> from maha_core.options import Options
    >>> from maha_numpy.compiled.presence import wanted
    >>> wanted(Options(compiled=False))
    False
    """
    return options.compiled and why_not() is None


@cache
def installed() -> bool:
    """Tell whether numba is installed, without importing it."""
    return find_spec("numba") is not None


@cache
def why_not() -> str | None:
    """Return the reason why passes are not compiled on this machine, None if they are."""
    if not installed():
        return f"numba is not installed: {install('fast')}"
    try:
        import numba
    except Exception as error:  # it refuses a NumPy that is newer than itself, for one
        return f"numba cannot be imported: {type(error).__name__}: {error}"
    if numba.config.DISABLE_JIT:
        return "NUMBA_DISABLE_JIT is set"
    return None


def description() -> str:
    """Return a text for users: the vector instructions in use, or why there are none."""
    reason = why_not()
    if reason is not None:
        return f"no compiled passes: {reason}"
    import numba

    return f"passes compiled by numba {numba.__version__} for {_instructions()}"


def _instructions() -> str:
    """Return the widest vector instructions of this machine, and the compiler's name for it."""
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    known = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX", "neon": "NEON"}
    widest = next((name for key, name in known.items() if features.get(key)), "the baseline")
    return f"{widest} ({binding.get_host_cpu_name()})"
