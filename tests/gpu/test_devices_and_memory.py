"""X's device whatever the current one is; smaller tiles where memory does not suffice."""

import numpy as np
import pytest

import calls
import forms
import maha_core as mc


@pytest.fixture
def second(gpu):
    if gpu.cuda.runtime.getDeviceCount() < 2:
        pytest.skip("needs two devices")
    return gpu.cuda.Device(1)


def arrays(gpu, device, n=40, d=3):
    rng = np.random.default_rng(0)
    with device:
        return gpu.asarray(rng.standard_normal((n, d))), gpu.asarray(rng.standard_normal((2, d)))


@pytest.mark.parametrize("name", [*calls.CALLS, *calls.ALONE])
def test_every_call_runs_on_the_device_of_X(gpu, library, second, name):
    call = calls.get(name)
    with second:
        arrays = {name: gpu.asarray(array) for name, array in call.arrays.items()}
        expected = calls.leaves(call(lambda name, _: arrays[name]))
    found = calls.leaves(call(lambda name, _: arrays[name]))
    assert gpu.cuda.runtime.getDevice() == 0
    assert {part.device for part in found} == {second}
    for part, wanted in zip(found, expected, strict=True):
        assert np.array_equal(library.numpy(part), library.numpy(wanted))


def test_targets_are_looked_for_on_the_device_of_X(gpu, second):
    with second:
        X = gpu.asarray(np.random.default_rng(0).standard_normal((12, 3)))
        labels = gpu.arange(12) % 2
    targets = mc.target_neighbors(X, labels, k=2)
    _, gradient = mc.value_and_grad(mc.losses.LMNN(labels, targets), X)
    assert targets.device == gradient.X.device == second


@pytest.mark.parametrize("form", ["full", "factor", "diagonal", "covariance"])
def test_metrics_are_worked_on_where_they_live(gpu, second, form):
    with second:
        given = gpu.asarray(np.diag([2.0, 1.0, 0.5]) if form != "diagonal" else np.ones(3))
        X = gpu.asarray(np.random.default_rng(0).standard_normal((9, 3)))
    metric = forms.metric(form, given)
    made = metric.matrix(), metric.to_factor().parameter, metric.embed(X)
    assert {part.device for part in made} == {second}
    assert mc.Covariance.from_points(X).parameter.device == second
    assert gpu.cuda.runtime.getDevice() == 0


def test_two_devices_are_an_error_that_names_them(gpu, second):
    X, _ = arrays(gpu, gpu.cuda.Device(0))
    Y, _ = arrays(gpu, second)
    with pytest.raises(ValueError, match=r"Y lives on device <CUDA Device 1>, and X on <CUDA De"):
        mc.sqdist(X, Y)


def test_out_of_memory_halves_the_tile(gpu, library, monkeypatch):
    from maha_cupy import operations as module

    X, A = arrays(gpu, gpu.cuda.Device(0))
    expected = library.numpy(mc.sqdist(X, metric=mc.Factor(A)))
    tried, write = [], module.write_matrix

    def short_of_memory(backend, problem, D):
        tried.append(problem.options.tile_bytes)
        if len(tried) < 3:
            raise gpu.cuda.memory.OutOfMemoryError(1, 0)
        write(backend, problem, D)

    monkeypatch.setattr(module, "write_matrix", short_of_memory)
    with mc.options(tile_bytes=4096):
        D = library.numpy(mc.sqdist(X, metric=mc.Factor(A)))
    assert tried == [4096, 2048, 1024]
    assert np.allclose(D, expected)


def test_out_of_memory_to_the_end_is_a_clear_error(gpu, monkeypatch):
    from maha_cupy import operations as module

    def no_memory(*_):
        raise gpu.cuda.memory.OutOfMemoryError(1, 0)

    monkeypatch.setattr(module, "write_matrix", no_memory)
    X, _ = arrays(gpu, gpu.cuda.Device(0))
    with pytest.raises(MemoryError, match="ran out of memory 6 times.*fewer points") as caught:
        mc.sqdist(X)
    assert type(caught.value) is MemoryError


def test_a_memory_limit(gpu, library, real):
    """A pool of little memory still serves a streamed loss, in smaller tiles."""
    pool = real.get_default_memory_pool()
    X = real.random.default_rng(0).standard_normal((20_000, 8)).astype("float32")
    loss = mc.losses.MLKR(X[:, 0])
    expected, gradient = map(library.numpy, _objective(loss, X))
    pool.free_all_blocks()
    pool.set_limit(size=2**26)
    try:
        found, slopes = map(library.numpy, _objective(loss, X))
        with pytest.raises(MemoryError, match="use value_and_grad"):
            mc.sqdist(X)
    finally:
        pool.set_limit(size=0)
    assert np.isclose(found, expected, rtol=1e-5)
    assert np.allclose(slopes, gradient, rtol=1e-3, atol=1e-4 * np.abs(gradient).max())


def test_a_pool_s_limit_refuses_D_before_any_work(gpu, fake, monkeypatch):
    X, _ = arrays(gpu, gpu.cuda.Device(0), n=4000)
    pool = gpu.get_default_memory_pool()
    monkeypatch.setattr(pool, "get_limit", lambda: 2**26)
    with (
        fake.work.recorded() as launches,
        pytest.raises(MemoryError, match="122 MiB, and 64 MiB are free; use value_and_grad"),
    ):
        mc.sqdist(X)
    assert (4000, 4000) not in {shape for launch in launches for shape in launch.shapes}


def _objective(loss, X):
    value, gradient = mc.value_and_grad(loss, X)
    return value, gradient.X


def test_tf32_is_used_only_where_asked_for(gpu, library, monkeypatch):
    routines, used = gpu._core._routines_linalg, []
    before = gpu._core.get_compute_type(gpu.float32)
    multiply = gpu.matmul

    def spied(*args, **kwargs):
        used.append(gpu._core.get_compute_type(gpu.float32))
        return multiply(*args, **kwargs)

    monkeypatch.setattr(gpu, "matmul", spied)
    X = gpu.asarray(np.random.default_rng(0).standard_normal((30, 70)).astype("float32"))
    for precision in ("accurate", "fast", "tf32"):
        with mc.options(precision=precision):
            mc.sqdist(X)
    assert used == [routines.COMPUTE_TYPE_FP32] * 2 + [routines.COMPUTE_TYPE_TF32]
    assert gpu._core.get_compute_type(gpu.float32) == before


def test_no_driver_is_a_reason_and_no_error(gpu, fake, monkeypatch):
    runtime = gpu.cuda.runtime

    def fails():
        raise runtime.CUDARuntimeError("cudaErrorInsufficientDriver: too old")

    monkeypatch.setattr(runtime, "getDeviceCount", fails)
    for version, expected in ((0, "finds no NVIDIA driver"), (11_080, "serves CUDA 11.8, too old")):
        monkeypatch.setattr(runtime, "driverGetVersion", lambda v=version: v, raising=False)
        (info,) = (info for info in mc.backends(check=True) if info.name == "cupy")
        assert info.works is False
        assert expected in info.reason


def test_a_missing_cuda_library_is_a_reason(gpu, fake, monkeypatch):
    def fails():
        raise RuntimeError("libnvrtc.so.12: cannot open shared object file")

    monkeypatch.setattr(gpu.cuda.nvrtc, "getVersion", fails)
    (info,) = (info for info in mc.backends(check=True) if info.name == "cupy")
    assert info.works is False
    assert "misses a CUDA library (libnvrtc.so.12" in info.reason
    assert "cupy-cuda12x[ctk]" in info.reason
