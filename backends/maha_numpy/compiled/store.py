"""Generated source in the user's cache folder, in files named by content, with numba's cache.

If the folder cannot be written, or other users can write to it, the source is compiled in each
process.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

LARGEST = 1024
"""The number of modules kept."""

WRITTEN = 1_000_000_000
"""The time of every file: numba takes another time for another content."""

_kept: dict[str, ModuleType] = {}


def module(source: str) -> Any:
    """Return the module that a source defines, from a file in the user's cache if possible.

    One thread at a time, see `maha_numpy.compiled.jit.compiling`.

    Examples
    --------
    >>> from maha_numpy.compiled.store import module
    >>> module("number = 3").number
    3
    """
    name = f"maha_{sha256(source.encode()).hexdigest()[:32]}"
    if name not in _kept:
        if len(_kept) >= LARGEST:
            oldest = next(iter(_kept))
            sys.modules.pop(oldest, None)
            del _kept[oldest]
        _kept[name] = _made(name, source)
    return _kept[name]


def _made(name: str, source: str) -> ModuleType:
    path = _written(f"{name}.py", source.encode())
    made = ModuleType(name)
    made.__file__ = str(path or f"<{name}>")
    sys.modules[name] = made  # numba looks up the modules of cached functions there
    # Run the given text, even if the file has changed since.
    exec(compile(source, made.__file__, "exec"), made.__dict__)  # noqa: S102
    return made


def _written(name: str, source: bytes) -> Path | None:
    """Return the file of a source, or None if it cannot be written."""
    # Without platformdirs or a home folder there is no folder.
    with suppress(OSError, ImportError, RuntimeError):
        path = _folder() / name
        if not _holds(path, source):
            _write(path, source)
        return path
    return None


def _folder() -> Path:
    """Return the folder; only its owner may have access, because numba runs code from it.

    Raises
    ------
    OSError
        It cannot be created, or belongs to another user.
    """
    import platformdirs  # of the extra [fast]

    folder = Path(platformdirs.user_cache_dir("maha_core", appauthor=False)) / "passes"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid"):
        for level in (folder, folder.parent):
            found = level.stat()
            if found.st_uid != os.getuid() or found.st_mode & 0o022:
                raise PermissionError(f"{level} is not the user's alone")
        folder.chmod(0o700)
    return folder


def _holds(path: Path, source: bytes) -> bool:
    try:
        return path.read_bytes() == source
    except FileNotFoundError:
        return False


def _write(path: Path, source: bytes) -> None:
    """Write a file atomically: another process sees all of it or nothing."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".py")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(source)
        os.utime(temporary, (WRITTEN, WRITTEN))
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
