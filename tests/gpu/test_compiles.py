"""Every kernel file compiles to machine code for every GPU that we name, with no GPU at hand."""

import pytest

nvrtc = pytest.importorskip(
    "cuda.bindings.nvrtc", reason="needs cuda-bindings and NVRTC: pip install --group cuda"
)

ARCHITECTURES = ("sm_80", "sm_90", "sm_100")
FILES = ("epilogue", "flagged", "product", "rows")


def compiled(source, options):
    """Return the size of the machine code, or raise with the compiler's messages."""
    _, program = nvrtc.nvrtcCreateProgram(source.encode(), b"kernel.cu", 0, [], [])
    flags = [option.encode() for option in options]
    (status,) = nvrtc.nvrtcCompileProgram(program, len(flags), flags)
    _, length = nvrtc.nvrtcGetProgramLogSize(program)
    log = b" " * length
    nvrtc.nvrtcGetProgramLog(program, log)
    assert status == nvrtc.nvrtcResult.NVRTC_SUCCESS, log.decode()
    _, size = nvrtc.nvrtcGetCUBINSize(program)
    nvrtc.nvrtcDestroyProgram(program)
    return size


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FILES)
def test_a_kernel_file_compiles(gpu, name, dtype, architecture):
    from maha_cupy.launch import compiler_options, source

    assert compiled(source(name), [*compiler_options(dtype), f"-arch={architecture}"]) > 1000


def test_no_kernel_file_is_left_out(gpu):
    from maha_cupy.launch import FOLDER

    assert sorted(path.stem for path in FOLDER.glob("*.cu")) == sorted(FILES)


def test_a_broken_kernel_does_not_compile(gpu):
    from maha_cupy.launch import compiler_options, source

    broken = source("rows").replace("sum += ", "sum += undefined_name * ")
    with pytest.raises(AssertionError, match="undefined_name"):
        compiled(broken, [*compiler_options("float32"), "-arch=sm_90"])
