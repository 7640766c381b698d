"""Plain functions that numba compiles when they are first called.

A file of passes does not import numba: passes are Python functions, which also run uncompiled. A
pass that another calls is compiled with it and inlined by numba. Both must be in one file, because
numba checks the time of that file to tell whether its cache is valid.
"""

from __future__ import annotations

import os
import types
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

from maha_numpy.compiled.alone import alone

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Pass(Generic[Arguments, Result]):
    """A function of arrays and numbers, compiled for one floating dtype at a time.

    A direct call runs as plain Python. The compiled function releases the interpreter's lock, so
    that threads of our pool run it in parallel.

    Parameters
    ----------
    function : callable
        A function that numba can compile: loops over arrays and numbers. Its file must exist, so
        that the compiled code can be cached.
    fastmath : tuple of str
        LLVM's fast-math flags, such as ``("contract", "reassoc")``. Do not use ``"nnan"`` or
        ``"ninf"`` if NaN or infinity may occur, as when norms overflow.

    Examples
    --------
    >>> from maha_numpy.compiled.jit import Pass
    >>> half = Pass(lambda a: a / 2)
    >>> half(3.0)
    1.5
    """

    def __init__(
        self, function: Callable[Arguments, Result], fastmath: tuple[str, ...] = ()
    ) -> None:
        self.function = function
        self.fastmath = fastmath
        self._compiled: dict[str, Callable[Arguments, Result]] = {}

    def __call__(self, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        """Run uncompiled."""
        return self.function(*args, **kwargs)

    def compiled(self, dtype: Any) -> Callable[Arguments, Result]:
        """Return the function as numba compiles it, for arrays of a dtype.

        It is compiled at its first call, or loaded from the cache on disk. Always call it with
        arguments of the same types.
        """
        found = self._compiled.get(str(dtype))
        if found is None:
            found = self._compiled.setdefault(str(dtype), self._make(str(dtype)))
        return found

    def _make(self, dtype: str) -> Callable[Arguments, Result]:
        import numba

        survive_forks()
        # Python's error model would test every divisor, which prevents vectorised loops.
        compiled = numba.njit(nogil=True, error_model="numpy", fastmath=set(self.fastmath))
        dispatcher = compiled(self._linked(dtype))
        # numba raises RuntimeError where neither the source's folder nor the home can be written.
        with suppress(RuntimeError):
            dispatcher.enable_caching()
            dispatcher._cache = _Store(dispatcher._cache)
        return dispatcher

    def _linked(self, dtype: str) -> Callable[Arguments, Result]:
        """Return the function with the compiled form of the passes that it calls.

        Each dtype has its own name and therefore its own cache file, because numba's index of
        several signatures is not safe if two processes add to it concurrently.
        """
        plain: Any = self.function
        names = dict(plain.__globals__)
        for name in plain.__code__.co_names:
            if isinstance(names.get(name), Pass):
                names[name] = names[name].compiled(dtype)
        linked = types.FunctionType(
            plain.__code__, names, plain.__name__, plain.__defaults__, plain.__closure__
        )
        linked.__module__ = plain.__module__
        linked.__qualname__ = f"{plain.__qualname__}_{dtype}"
        return linked


class _Store:
    """numba's cache on disk; a full disk or a broken file is not an error."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._alone = ExitStack()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def load_overload(self, signature: Any, context: Any) -> Any:
        """Return a compiled function, None if it has to be compiled.

        Other processes wait until it is stored, and then load it.
        """
        found = self._loaded(signature, context)
        if found is None:
            self._alone.close()  # compiling was interrupted
            self._alone.enter_context(alone(self._lock))
            found = self._loaded(signature, context)
            if found is not None:
                self._alone.close()
        return found

    def save_overload(self, signature: Any, result: Any) -> None:
        """Store a compiled function, if possible; broken files are overwritten."""
        with self._alone, suppress(Exception):
            try:
                self._store.save_overload(signature, result)
            except Exception:
                self._store.flush()
                self._store.save_overload(signature, result)

    def _loaded(self, signature: Any, context: Any) -> Any:
        try:
            return self._store.load_overload(signature, context)
        except Exception:
            return None

    @property
    def _lock(self) -> Path:
        return Path(self._store.cache_path) / f"{self._store._impl.filename_base}.lock"


def compiles(fastmath: tuple[str, ...] = ()) -> Callable[[Callable[Arguments, Result]], Any]:
    """Decorate a function as a `Pass` with some fast-math flags.

    Examples
    --------
    >>> from maha_numpy.compiled.jit import compiles
    >>> @compiles()
    ... def half(a):
    ...     return a / 2
    >>> half(3.0)
    1.5
    """

    def decorated(function: Callable[Arguments, Result]) -> Pass[Arguments, Result]:
        return Pass(function, fastmath)

    return decorated


@contextmanager
def compiling() -> Iterator[None]:
    """Hold the lock of compiling; other threads that compile, and forks, wait."""
    from numba.core.compiler_lock import global_compiler_lock as lock

    survive_forks()
    with lock:
        yield


@cache
def survive_forks() -> None:
    """Make forks wait while a thread compiles: the child would wait for that thread forever."""
    if not hasattr(os, "register_at_fork"):
        return
    from numba.core.compiler_lock import global_compiler_lock as lock

    os.register_at_fork(
        before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
    )
