"""array-api-strict arrays on its other devices never leave their device."""

import numpy as np
import pytest

import maha_core as mc

strict = pytest.importorskip("array_api_strict", reason="array_api_strict is not installed")

DEVICES = [d for d in strict.__array_namespace_info__().devices() if "CPU" not in str(d)]
N, M, D, K = 11, 9, 3, 2


class On:
    """Random arrays on one device."""

    def __init__(self, device):
        self.device = device
        self.dtype = strict.float32 if "no_" in str(device) else strict.float64
        self.integer = strict.int32 if "no_x64" in str(device) else strict.int64
        self.rng = np.random.default_rng(0)

    def real(self, *shape):
        return self.array(self.rng.standard_normal(shape), self.dtype)

    def array(self, values, dtype):
        name = str(dtype).rpartition(".")[2]
        return strict.asarray(np.asarray(values).astype(name), dtype=dtype, device=self.device)


@pytest.fixture(params=DEVICES, ids=str)
def on(request):
    return On(request.param)


def metrics(on):
    spread = np.eye(D) + 0.1
    return (
        None,
        mc.Full(on.real(D, D)),
        mc.Factor(on.real(K, D)),
        mc.Diagonal(on.real(D)),
        mc.Covariance(on.array(spread, on.dtype)),
    )


def positive(on):
    return (
        None,
        mc.Full(on.array(np.eye(D), on.dtype)),
        mc.Factor(on.real(K, D)),
        mc.Diagonal(on.array(np.ones(D), on.dtype)),
        mc.Covariance(on.array(np.eye(D) + 0.1, on.dtype)),
    )


def pairs(on):
    return on.array([0, 3, 3, 8], on.integer), on.array([1, 2, 2, 0], on.integer)


def parts(*gradients):
    return [part for gradient in gradients for part in gradient if part is not None]


def searches(on):
    """Tell whether the device can hold what nonzero and argsort return.

    array-api-strict gives 64-bit indices even on its device without 64-bit dtypes, and then refuses
    them: there the guard is off, and what must sort is left out.
    """
    return "no_x64" not in str(on.device)


def sqdist(on, X, Y):
    out = strict.empty((len_(X), len_(X if Y is None else Y)), dtype=on.dtype, device=on.device)
    for metric in metrics(on):
        yield mc.sqdist(X, Y, metric=metric)
        yield mc.sqdist(X, Y, metric=metric, out=out)
        yield mc.sqdist(X, Y, metric=metric, pairs=pairs(on))


def dist(on, X, Y):
    for metric in positive(on):
        yield mc.dist(X, Y, metric=metric)
        yield mc.dist(X, Y, metric=metric, pairs=pairs(on))


def nearest(on, X, Y):
    if not searches(on):
        pytest.skip("array-api-strict cannot sort on this device")
    for metric in metrics(on):
        yield from mc.nearest(X, Y, metric=metric, k=3)


def jacobian(on, X, Y):
    for metric in metrics(on)[1:]:
        yield mc.jacobian(X, Y, metric=metric)


def jacobian_slice(on, X, Y):
    for metric in metrics(on)[1:]:
        index = 1 if isinstance(metric, mc.Diagonal) else (1, 2)
        yield mc.jacobian_slice(X, Y, metric=metric, index=index)


def jvp(on, X, Y):
    for metric in metrics(on):
        arguments = {"X_tangent": on.real(*X.shape)}
        if metric is not None:
            arguments["metric_tangent"] = on.real(*metric.parameter.shape)
        if Y is not None:
            arguments["Y_tangent"] = on.real(*Y.shape)
        yield mc.jvp(X, Y, metric=metric, **arguments)
        yield mc.jvp(X, Y, metric=metric, **arguments, pairs=pairs(on))


def wrt(metric, Y):
    return ("X", *(() if metric is None else ("metric",)), *(() if Y is None else ("Y",)))


def vjp(on, X, Y):
    for metric in metrics(on):
        arguments = {"metric": metric, "wrt": wrt(metric, Y)}
        G = on.real(len_(X), len_(X if Y is None else Y))
        yield from parts(mc.vjp(X, Y, **arguments, cotangent=G))
        if searches(on):
            yield from parts(mc.vjp(X, Y, **arguments, cotangent=on.real(4), pairs=pairs(on)))


def value_and_grad(on, X, Y):
    y, y_Y = on.real(N), None if Y is None else on.real(M)
    losses = (
        mc.losses.MLKR(y, y_Y, sample_weight=on.array(np.ones(N), on.dtype)),
        mc.losses.Pairwise(lambda D, a, b: (D * a * b, a * b + 0 * D), data=y, data_Y=y_Y),
        mc.losses.Pairwise(lambda D: (D * D, 2 * D), symmetric=True),
    )
    for metric in metrics(on):
        for loss in losses:
            value, gradient = mc.value_and_grad(loss, X, Y, metric=metric, wrt=wrt(metric, Y))
            yield value
            yield from parts(gradient)


def objects(on, X, Y):
    for metric in positive(on)[1:]:
        yield from (
            metric.parameter,
            metric.matrix(),
            metric.to_factor().parameter,
            metric.embed(X),
        )
    yield mc.Covariance.from_points(X).parameter
    yield mc.Full(on.real(D, D)).nearest_psd().parameter


def len_(array):
    return array.shape[0]


CALLS = (sqdist, dist, nearest, jacobian, jacobian_slice, jvp, vjp, value_and_grad, objects)


@pytest.mark.parametrize("tile_bytes", [None, 64])
@pytest.mark.parametrize("with_Y", [False, True])
@pytest.mark.parametrize("call", CALLS)
def test_results_stay_on_the_device(on, call, with_Y, tile_bytes):
    X, Y = on.real(N, D), on.real(M, D) if with_Y else None
    precision = "accurate" if searches(on) else "fast"
    with mc.options(tile_bytes=tile_bytes, precision=precision):
        results = list(call(on, X, Y))
    assert results
    for result in results:
        assert result.device == on.device
        assert result.dtype in (on.dtype, strict.int64, strict.int32)


def test_whole_numbers_become_the_widest_float_of_the_device(on):
    X = on.array(np.arange(6).reshape(3, 2), on.integer)
    with mc.options(precision="accurate" if searches(on) else "fast"):
        result = mc.sqdist(X)
    assert result.dtype == on.dtype
    assert result.device == on.device
