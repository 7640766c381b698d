"""CuPy on a GPU, or with ``--fake-cupy`` on none; chosen by ``pytest --backend cupy``."""

import pytest


@pytest.fixture
def gpu(library):
    """The module ``cupy``, real or fake."""
    import cupy

    assert library.name == "cupy"
    return cupy


@pytest.fixture
def fake(gpu):
    """The counting twin of CuPy; skips on a GPU."""
    if "fake" not in gpu.__version__:
        pytest.skip("counts inside the CuPy that needs no GPU")
    import fake_cupy

    return fake_cupy


@pytest.fixture
def real(gpu):
    """CuPy on a GPU; skips without one."""
    if "fake" in gpu.__version__:
        pytest.skip("needs a GPU: nox -s gpu")
    return gpu
