"""Elementary functions of one number without a branch, so that loops over them are vectorised.

Their text stands at the head of every generated file: what one pass calls of another must be in its
own file. Polynomials come close to the functions on a small interval; the rest is exact arithmetic
on exponents, by the bits of a number. Coefficients are interpolants at Chebyshev's points. Errors
are a few units in the last place; results below the smallest normal number are 0.
"""

import math
from typing import Any

import numpy as np

LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
ROUNDING = 6755399441055744.0  # 1.5 * 2^52: a number added to it is rounded to an integer
LARGEST_EXPONENT, SMALLEST_EXPONENT = 709.782712893384, -708.3964185322641


def quotient_float64(r: Any) -> Any:
    """(e^r - 1 - r) / r^2 for |r| <= log(2) / 2."""
    q = 2.5100385495510319e-8
    q = q * r + 2.7620088445409748e-7
    q = q * r + 2.7557268459997065e-6
    q = q * r + 0.000024801521295954375
    q = q * r + 0.00019841269863053617
    q = q * r + 0.0013888888917213717
    q = q * r + 0.0083333333333300618
    q = q * r + 0.041666666666624128
    q = q * r + 0.16666666666666667
    return q * r + 0.5


def exp_float64(x: Any) -> Any:
    """e^x: 2^n e^r with r = x - n log 2, |r| <= log(2) / 2."""
    shifted = min(max(x, -750.0), 750.0) * LOG2_E + ROUNDING
    n = shifted - ROUNDING
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    q = quotient_float64(r)
    p = q * (r * r) + r + 1.0
    scaled = np.int64(np.float64(p).view(np.int64) + (np.float64(shifted).view(np.int64) << 52))
    value: Any = scaled.view(np.float64)
    value = math.inf if x > LARGEST_EXPONENT else value
    value = 0.0 if x < SMALLEST_EXPONENT else value
    return x if x != x else value


LOG2_E_32 = np.float32(1.4426950408889634)
LN2_HIGH_32, LN2_LOW_32 = np.float32(0.693359375), np.float32(-2.12194440e-4)
ROUNDING_32 = np.float32(12582912.0)  # 1.5 * 2^23
LARGEST_EXPONENT_32, SMALLEST_EXPONENT_32 = np.float32(88.722839), np.float32(-87.336544)
FAR_32, INFINITY_32, ZERO_32 = np.float32(100.0), np.float32(math.inf), np.float32(0.0)
E0, E1, E2 = np.float32(0.5), np.float32(0.16666576989698776), np.float32(0.041666554617204574)
E3, E4, ONE_32 = np.float32(0.0083631790527225774), np.float32(0.0013926183587713495), np.float32(1)


def exp_float32(x: Any) -> Any:
    """e^x, as in double precision with a shorter polynomial."""
    shifted = min(max(x, -FAR_32), FAR_32) * LOG2_E_32 + ROUNDING_32
    n = shifted - ROUNDING_32
    r = (x - n * LN2_HIGH_32) - n * LN2_LOW_32
    q = E4
    q = q * r + E3
    q = q * r + E2
    q = q * r + E1
    q = q * r + E0
    p = q * (r * r) + r + ONE_32
    power = np.int32(np.float32(shifted).view(np.int32) << 23)
    scaled = np.int32(np.float32(p).view(np.int32) + power)
    value: Any = scaled.view(np.float32)
    value = INFINITY_32 if x > LARGEST_EXPONENT_32 else value
    value = ZERO_32 if x < SMALLEST_EXPONENT_32 else value
    return x if x != x else value


def expm1_float64(x: Any) -> Any:
    """e^x - 1: 2^n (e^r - 1) + (2^n - 1), halved so that 2^1024 is not needed."""
    shifted = min(max(x, -750.0), 750.0) * LOG2_E + ROUNDING
    n = shifted - ROUNDING
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    q = quotient_float64(r)
    p = q * (r * r) + r
    one = np.int64(0x3FE0000000000000 + (np.float64(shifted).view(np.int64) << 52))
    half = one.view(np.float64)
    value = 2.0 * (half * p + (half - 0.5))
    value = math.inf if x > LARGEST_EXPONENT else value
    value = -1.0 if x < -50.0 else value
    return x if x != x or x == 0.0 else value


TWO_52, TINY, TWO_54 = 4503599627370496.0, 2.2250738585072014e-308, 18014398509481984.0


def log_float64(x: Any) -> Any:
    """Log x: e log 2 + log m with x = 2^e m, sqrt(1/2) <= m < sqrt(2); s = (m - 1) / (m + 1)."""
    normal = x * TWO_54 if x < TINY else x
    bits = np.int64(np.float64(normal).view(np.int64) - 0x3FE6A09E667F3BCD)
    part = np.int64((bits & 0x000FFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD)
    m = part.view(np.float64)
    # A biased exponent is a small number, which becomes the last bits of 2^52.
    biased = np.int64((((bits >> 52) + 1023) & 0xFFF) | 0x4330000000000000)
    e = biased.view(np.float64) - (TWO_52 + 1023.0) - (54.0 if x < TINY else 0.0)
    f = m - 1.0
    s = f / (m + 1.0)
    z = s * s
    g = 0.13086767009948173713
    g = g * z + 0.13268759668560612686
    g = g * z + 0.15386240205813477879
    g = g * z + 0.181817956308847532
    g = g * z + 0.22222222391800469329
    g = g * z + 0.28571428570803230015
    g = g * z + 0.40000000000000877606
    g = g * z + 0.66666666666666666465
    # log m = 2 s + s z g, and 2 s = f - s f, of which f is exact
    value: Any = e * LN2_HIGH + (f - (s * (f - z * g) - e * LN2_LOW))
    value = -math.inf if x == 0.0 else value
    value = math.inf if x == math.inf else value
    value = math.nan if x < 0.0 else value
    return x if x != x else value


def log1p_float64(x: Any) -> Any:
    """log(1 + x): that of the rounded sum, and what was rounded off over it."""
    u = 1.0 + x
    rest = x - (u - 1.0)
    value = log_float64(u) + rest / u
    value = -math.inf if u == 0.0 else value
    return x if x == math.inf or x == 0.0 else value


def tanh_float64(x: Any) -> Any:
    """Tanh x = sign(x) t / (t + 2) with t = e^(2 |x|) - 1."""
    t = expm1_float64(2.0 * min(abs(x), 22.0))
    value = t / (t + 2.0)
    value = -value if x < 0.0 else value
    return x if x != x or x == 0.0 else value


def logaddexp_float64(x: Any, y: Any) -> Any:
    """log(e^x + e^y), the larger plus log(1 + e^-|x - y|)."""
    larger = x if x >= y else y
    value = larger + log1p_float64(exp_float64(-abs(x - y)))
    value = larger if abs(x) == math.inf or abs(y) == math.inf else value
    return x + y if x != x or y != y else value


def expm1_float32(x: Any) -> Any:
    """e^x - 1, rounded from double precision."""
    return np.float32(expm1_float64(np.float64(x)))


def log_float32(x: Any) -> Any:
    """Log x, rounded from double precision."""
    return np.float32(log_float64(np.float64(x)))


def log1p_float32(x: Any) -> Any:
    """log(1 + x), rounded from double precision."""
    return np.float32(log1p_float64(np.float64(x)))


def tanh_float32(x: Any) -> Any:
    """Tanh x, rounded from double precision."""
    return np.float32(tanh_float64(np.float64(x)))


def logaddexp_float32(x: Any, y: Any) -> Any:
    """log(e^x + e^y), rounded from double precision."""
    return np.float32(logaddexp_float64(np.float64(x), np.float64(y)))
