"""Nothing crosses the bus inside a call but one status word."""

import pytest

import maha_core as mc
from calls_without_host import CALLS, WIDTHS, covariance, metrics, points


@pytest.fixture(params=CALLS, ids=lambda call: call.__name__)
def call(request):
    return request.param


@pytest.fixture(params=WIDTHS.values(), ids=WIDTHS)
def X(request, gpu):
    return points(gpu, request.param)


@pytest.mark.parametrize("tile_bytes", [None, 2**13])
@pytest.mark.parametrize("with_Y", [False, True])
def test_nothing_is_read_without_checks(gpu, fake, call, X, with_Y, tile_bytes):
    Y = X[:50] + 1 if with_Y else None
    for metric in metrics(gpu, X.shape[1]):
        with mc.options(check_finite=False, tile_bytes=tile_bytes):
            before = fake.transfers.count
            call(gpu, X, Y, metric)
        assert fake.transfers.count == before


@pytest.mark.parametrize("tile_bytes", [None, 2**13])
def test_the_status_is_read_once(gpu, fake, call, X, tile_bytes):
    for metric in (*metrics(gpu, X.shape[1]), covariance(gpu, X.shape[1])):
        before = fake.transfers.count
        with mc.options(tile_bytes=tile_bytes):
            call(gpu, X, None, metric)
        assert fake.transfers.count == before + 1


def test_a_covariance_is_the_status_too(gpu, fake, call, X):
    """Without other checks it is all that is read: S must be symmetric and positive definite."""
    metric = covariance(gpu, X.shape[1])
    with mc.options(check_finite=False):
        before = fake.transfers.count
        call(gpu, X, None, metric)
    assert fake.transfers.count == before + 1


@pytest.mark.parametrize(
    ("S", "message"),
    [
        ([[1.0, 2.0], [2.0, 1.0]], "S is singular or not positive definite"),
        ([[1.0, 1.0], [1.0, 1.0]], "S is singular or not positive definite"),
        ([[-1.0, 0.0], [0.0, 1.0]], "S is singular or not positive definite"),
        ([[1.0, 0.5], [0.0, 1.0]], "S is not symmetric"),
    ],
)
def test_a_status_that_does_not_hold(gpu, library, S, message):
    X, metric = gpu.ones((3, 2)), mc.Covariance(gpu.asarray(S))
    for run in (lambda: mc.sqdist(X, metric=metric), metric.to_factor, lambda: metric.embed(X)):
        with pytest.raises(ValueError, match=message):
            run()


def test_listed_pairs_read_the_status_once(gpu, fake, X):
    index = gpu.arange(10)
    before = fake.transfers.count
    mc.sqdist(X, pairs=(index, index + 1))
    assert fake.transfers.count == before + 1


def test_the_counter_counts(gpu, fake):
    before = fake.transfers.count
    float(gpu.ones(1).sum())
    assert fake.transfers.count == before + 1


@pytest.mark.parametrize("tile_bytes", [None, 2**10])
def test_a_captured_stream_is_never_waited_for(gpu, real, call, X, tile_bytes):
    """CUDA refuses to read from the device, or to wait for it, while a stream is captured."""
    for metric in metrics(gpu, X.shape[1]):
        with (
            mc.options(check_finite=False, tile_bytes=tile_bytes),
            real.cuda.Stream(non_blocking=True) as stream,
        ):
            call(gpu, X, None, metric)  # compiles, and fills the memory pool
            stream.synchronize()
            stream.begin_capture()
            call(gpu, X, None, metric)
            stream.end_capture()
