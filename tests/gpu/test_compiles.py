"""Every kernel compiles to machine code for every GPU that we name, with no GPU at hand.

A missing compiler is an error, not a reason to skip: pip install --group cuda.
"""

import re

import pytest

import expressions
import maha_core as mc

ARCHITECTURES = ("sm_80", "sm_90", "sm_100")
OLDER = "sm_75"  # copies without cp.async
FILES = ("epilogue", "flagged", "product", "rows")
OF_CUPY = ("-ftz=true",)
"""What CuPy adds to the options of every module."""


@pytest.fixture(scope="module")
def nvrtc(library):
    from cuda.bindings import nvrtc

    return nvrtc


@pytest.fixture
def compiled(nvrtc):
    """A function that returns the size of the machine code, or raises the compiler's messages."""

    def compiled(code, options, architecture):
        _, program = nvrtc.nvrtcCreateProgram(code.encode(), b"kernel.cu", 0, [], [])
        flags = [flag.encode() for flag in (*options, *OF_CUPY, f"-arch={architecture}")]
        (status,) = nvrtc.nvrtcCompileProgram(program, len(flags), flags)
        _, length = nvrtc.nvrtcGetProgramLogSize(program)
        log = b" " * length
        nvrtc.nvrtcGetProgramLog(program, log)
        assert status == nvrtc.nvrtcResult.NVRTC_SUCCESS, log.decode()
        _, size = nvrtc.nvrtcGetCUBINSize(program)
        nvrtc.nvrtcDestroyProgram(program)
        return size

    return compiled


@pytest.fixture
def modules(gpu, monkeypatch):
    """The sources of modules that are made while the test runs, with their options."""
    from maha_cupy import launch

    made, module = {}, gpu.RawModule

    def noted(*, code, options):
        made[code, options] = None
        return module(code=code, options=options)

    launch._kernel.cache_clear()
    monkeypatch.setattr(gpu, "RawModule", noted)
    yield made
    launch._kernel.cache_clear()


@pytest.mark.parametrize("architecture", [OLDER, *ARCHITECTURES])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FILES)
def test_a_kernel_file_compiles(compiled, name, dtype, architecture):
    from maha_cupy.launch import compiler_options, source

    assert compiled(source(name), compiler_options(dtype), architecture) > 1000


@pytest.mark.cases(10)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss_of", expressions.LOSSES, ids=lambda loss: loss.__name__)
def test_a_loss_s_expressions_compile(gpu, compiled, modules, loss_of, dtype, architecture):
    """In both kernels that visit; what another loss changes are its expressions."""
    first = loss_of is expressions.LOSSES[0]
    kernels = {4: "product", 65: "epilogue"} if first else {4: "product"}

    def on(values):
        return gpu.asarray(values.astype(dtype) if values.dtype == "float64" else values)

    for width in kernels:
        mc.value_and_grad(loss_of(on, False), on(expressions.drawn(expressions.N, width)))
    visits = [(code, options) for code, options in modules if code.startswith("#define PARAMETERS")]
    assert {re.search(r"maha_(\w+)\(", code)[1] for code, _ in visits} == set(kernels.values())
    for code, options in visits:
        assert compiled(code, options, architecture) > 1000


def test_no_kernel_file_is_left_out(gpu):
    from maha_cupy.launch import FOLDER

    assert sorted(path.stem for path in FOLDER.glob("*.cu")) == sorted(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_broken_kernel_does_not_compile(compiled, name):
    from maha_cupy.launch import compiler_options, source

    broken = source(name).replace("threadIdx.x", "undefined_name")
    with pytest.raises(AssertionError, match="undefined_name"):
        compiled(broken, compiler_options("float32"), "sm_90")


def test_sources_hold_what_they_include(gpu):
    """CuPy's cache of compiled kernels sees the source alone."""
    from maha_cupy.launch import source

    text = source("product")
    assert "#include" not in text
    for once in ("typedef float real;", "struct SumOf {", "struct Tile {"):
        assert text.count(once) == 1
