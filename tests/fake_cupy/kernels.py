"""``cupy.RawModule`` on the CPU: the same CUDA source, compiled by g++ behind emulation.h."""

import ctypes
import hashlib
import operator
import re
import subprocess
import tempfile
import threading
from functools import cache
from pathlib import Path

import numpy as np

from fake_cupy.work import work

HEADER = Path(__file__).parent / "emulation.h"
RUNTIME = HEADER.with_suffix(".cpp")
MOST_BLOCKS, MOST_THREADS = (2**31 - 1, 65_535, 65_535), (1024, 1024, 64)
FOLDER = Path(tempfile.gettempdir()) / "maha_core_emulated_kernels"
FLAGS = ("-O1", "-shared", "-fPIC", "-w", "-ffp-contract=off")
ONE_LAUNCH = threading.Lock()  # the emulation keeps its state in static variables


class RawModule:
    """CUDA source that runs on the CPU."""

    def __init__(self, *, code, options=()):
        self.code = code
        self.options = options

    def get_function(self, name):
        asked = {"#define SUMS": ", summing", "#define ENTRY": ", writing"}
        visit = "".join(word for macro, word in asked.items() if f"\n{macro}" in self.code)
        return Kernel(_compiled(self.code, self.options), name, name + visit)


class Kernel:
    """A kernel, called like one of CuPy's, with its arguments' number and sizes checked."""

    def __init__(self, library, name, record):
        self.name = name
        self.record = record
        self.run = getattr(library, f"run_{name}")
        number = getattr(library, f"count_{name}")()
        sizes = (ctypes.c_int * number)()
        getattr(library, f"sizes_{name}")(sizes)
        self.sizes = list(sizes)

    def __call__(self, grid, block, arguments):
        assert [value.dtype.itemsize for value in arguments] == self.sizes, self.name
        size = (*grid, *(1,) * (3 - len(grid)), *block, *(1,) * (3 - len(block)))
        assert all(extent > 0 for extent in size), f"{self.name}: an empty launch {size}"
        limits = (*MOST_BLOCKS, *MOST_THREADS)
        assert all(map(operator.le, size, limits)), f"{self.name}: too large a launch {size}"
        values = [np.array(value) for value in arguments]
        pointers = (ctypes.c_void_p * len(values))(*(value.ctypes.data for value in values))
        work.note(self.record)
        with ONE_LAUNCH:
            self.run((ctypes.c_uint * 6)(*size), pointers)


@cache
def _compiled(code, options):
    names = re.findall(r"__global__\s+void\s+(?:__launch_bounds__\(.*?\)\s*)?(maha_\w+)", code)
    source = "\n".join(
        [f'#include "{HEADER}"', code, *(f"EMULATED({name})" for name in dict.fromkeys(names))]
    )
    _runtime()
    return ctypes.CDLL(str(_built(source, options)))


@cache
def _runtime():
    """Load what kernels call, so that they find it."""
    library = _built(RUNTIME.read_text(), (f"-I{HEADER.parent}",))
    return ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)


def _built(source, options):
    """Return the file of a library, which is compiled where it does not exist."""
    digest = hashlib.sha256("".join([source, HEADER.read_text(), *options]).encode())
    FOLDER.mkdir(exist_ok=True)
    library = FOLDER / f"{digest.hexdigest()[:24]}.so"
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            file, made = Path(folder) / "source.cpp", Path(folder) / "library.so"
            file.write_text(source)
            subprocess.run(["g++", *FLAGS, *options, str(file), "-o", str(made)], check=True)
            made.replace(library)
    return library
