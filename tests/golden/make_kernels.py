#!/usr/bin/python3
"""Known answers for kernels/math.h by mpmath: tests/golden/kernels.txt.

    /usr/bin/python3 tests/golden/make_kernels.py [POINTS] > tests/golden/kernels.txt

A line is: function, argument(s) as hex doubles, the result as the nearest double plus what is left of it.
The test measures errors in units in the last place of the result against the sum of the two.
"""
import random
import sys
from mpmath import mp, mpf
import mpmath

mp.dps = 50
random.seed(20261121)
N = int(sys.argv[1]) if len(sys.argv) > 1 else 90


def uni(a, b):
    return lambda: random.uniform(a, b)


def logu(a, b, sign=False):
    def f():
        x = 2.0 ** random.uniform(a, b)
        return -x if sign and random.random() < 0.5 else x
    return f


def norm_inv(u):
    u = mpf(u)
    if u == mpf(1) / 2:
        return mpf(0)
    neg = u < mpf(1) / 2
    p = u if neg else 1 - u
    if p > mpf("0.1"):
        z = mpmath.sqrt(2) * mpmath.erfinv(1 - 2 * p)
    else:
        t = -2 * mpmath.log(p)
        z = mpmath.sqrt(t - mpmath.log(2 * mpmath.pi * t))
    for _ in range(80):
        d = (mpmath.erfc(z / mpmath.sqrt(2)) / 2 - p) * mpmath.sqrt(2 * mpmath.pi) * mpmath.exp(z * z / 2)
        d /= 1 - z * d / 2 if abs(z * d) < 1 else 1
        z += d
        if abs(d) < mpf(10) ** -40 * abs(z):
            break
    return -z if neg else z


def pick(*gens):
    return lambda: random.choice(gens)()


def near_pio2():
    k = random.randint(1, 2 ** random.randint(1, 26))
    return float(k * mp.pi / 2) * (1 + random.choice([0, 0, 2.0 ** -30, -2.0 ** -40, 2.0 ** -52]))


tiny = logu(-1000, -20, True)
FUNCS = {
    "exp": (mpmath.exp, pick(uni(-5, 5), uni(-708, 709), uni(-744, -708), tiny)),
    "exp2": (lambda x: mpf(2) ** mpf(x), pick(uni(-5, 5), uni(-1070, 1023), tiny)),
    "expm1": (mpmath.expm1, pick(uni(-1, 1), uni(-30, 100), logu(-60, 0, True))),
    "log": (mpmath.log, pick(uni(0.5, 2), uni(0.96, 1.04), logu(-1070, 1023), logu(-10, 10))),
    "log2": (lambda x: mpmath.log(x) / mpmath.log(2), pick(uni(0.5, 2), uni(0.96, 1.04), logu(-1070, 1023))),
    "log10": (lambda x: mpmath.log(x) / mpmath.log(10), pick(uni(0.5, 2), uni(0.96, 1.04), logu(-1070, 1023))),
    "log1p": (lambda x: mpmath.log1p(mpf(x)), pick(uni(-0.9, 2), logu(-60, 0, True), logu(0, 1000))),
    "sin": (mpmath.sin, pick(uni(-4, 4), uni(-2 ** 27, 2 ** 27), near_pio2, tiny)),
    "cos": (mpmath.cos, pick(uni(-4, 4), uni(-2 ** 27, 2 ** 27), near_pio2)),
    "tan": (mpmath.tan, pick(uni(-4, 4), uni(-2 ** 27, 2 ** 27), near_pio2)),
    "asin": (mpmath.asin, pick(uni(-1, 1), uni(0.98, 1), tiny)),
    "acos": (mpmath.acos, pick(uni(-1, 1), uni(0.98, 1), uni(-1, -0.98))),
    "atan": (mpmath.atan, pick(uni(-3, 3), logu(-60, 60, True))),
    "sinh": (mpmath.sinh, pick(uni(-3, 3), uni(-710, 710), logu(-60, 0, True))),
    "cosh": (mpmath.cosh, pick(uni(-3, 3), uni(-710, 710))),
    "tanh": (mpmath.tanh, pick(uni(-3, 3), uni(-20, 20), logu(-60, 0, True))),
    "asinh": (mpmath.asinh, pick(uni(-3, 3), logu(-60, 1000, True))),
    "acosh": (mpmath.acosh, pick(uni(1, 3), logu(0, 1000), lambda: 1 + 2.0 ** random.uniform(-50, 0))),
    "atanh": (mpmath.atanh, pick(uni(-1, 1), logu(-60, -1, True), lambda: 1 - 2.0 ** random.uniform(-50, 0))),
    "erf": (mpmath.erf, pick(uni(-1, 1), uni(-6, 6), logu(-60, 0, True))),
    "erfc": (mpmath.erfc, pick(uni(-2, 2), uni(0, 26.5), uni(-6, 6))),
    "norm_pdf": (mpmath.npdf, pick(uni(-3, 3), uni(-37, 37))),
    "norm_cdf": (lambda x: mpmath.erfc(-mpf(x) / mpmath.sqrt(2)) / 2, pick(uni(-3, 3), uni(-37, 0), uni(0, 8))),
    "norm_inv": (norm_inv, pick(uni(0, 1), uni(0.4, 0.6), logu(-52, -5), logu(-1070, -52), uni(0.99, 1))),
}
PAIRS = {
    "pow": (lambda x, y: mpf(x) ** mpf(y),
            pick(lambda: (random.uniform(0.5, 2), random.uniform(-20, 20)),
                 lambda: (random.uniform(0.01, 100), random.uniform(-50, 50)),
                 lambda: (2.0 ** random.uniform(-1000, 1000), random.uniform(-1, 1)),
                 lambda: (1 + random.uniform(-1e-3, 1e-3), random.uniform(-6e5, 6e5)),
                 lambda: (random.uniform(0.2, 4), random.randint(-64, 64) / 2),
                 lambda: (random.uniform(0.9, 1.2), float(random.randint(-64, 64))))),
    "atan2": (mpmath.atan2, lambda: (random.uniform(-3, 3), random.uniform(-3, 3) * 2.0 ** random.uniform(-9, 9))),
}


def emit(name, args, v):
    hi = float(v)
    if hi in (float("inf"), float("-inf")):
        return
    lo = float(mpf(v) - mpf(hi))
    print(name, *(float(a).hex() for a in args), hi.hex(), lo.hex())


for name, (f, g) in FUNCS.items():
    for _ in range(N):
        x = g()
        emit(name, [x], f(mpf(x)))
for name, (f, g) in PAIRS.items():
    for _ in range(N * 2):
        x = g()
        emit(name, x, f(mpf(x[0]), mpf(x[1])))
