#!/usr/bin/python3
"""Known answers for kernels/special.h by mpmath: tests/golden/special.txt.

    /usr/bin/python3 tests/golden/make_special.py > tests/golden/special.txt

A line is: function, arguments, value, all hex doubles. Functions: gamma, lgamma, lbeta, log1pmx, stirling, erfcx;
gp gq: incomplete gamma P, Q (a, x); bp bq: incomplete beta I, 1 - I (a, b, x).
"""
import random
import mpmath as mp

mp.mp.dps = 60
random.seed(4711)


def out(name, *a):
    print(name, *(float(x).hex() for x in a))


def lu(a, b):
    return 10 ** random.uniform(a, b)


for i in range(100):
    x = random.choice([random.uniform(-15, 15), random.uniform(0.3, 4), random.uniform(0, 171), lu(-5, 6)])
    if x < 171:
        out("gamma", x, mp.gamma(x))
    out("lgamma", x, mp.re(mp.loggamma(x)))
    a, b = lu(-2, 4), lu(-2, 4)
    out("lbeta", a, b, mp.log(mp.beta(a, b)))
    x = random.choice([-random.uniform(0, 0.9), random.uniform(0, 3), lu(-12, -1)])
    out("log1pmx", x, mp.log1p(mp.mpf(x)) - x)
    x = lu(-3, 5)
    out("stirling", x, mp.loggamma(x) - ((x - mp.mpf(1) / 2) * mp.log(x) - x + mp.log(2 * mp.pi) / 2))
    x = lu(-3, 2.3)
    out("erfcx", x, mp.exp(mp.mpf(x) ** 2) * mp.erfc(x))
for i in range(300):
    a = lu(-1.5, 3.5)
    x = a * lu(-0.5, 0.5) if i % 2 else a + random.uniform(-4, 4) * a ** 0.5
    if x <= 0:
        continue
    p = mp.gammainc(a, 0, x, regularized=True)
    q = mp.gammainc(a, x, mp.inf, regularized=True)
    if min(p, q) > 1e-290:
        out("gp", a, x, p)
        out("gq", a, x, q)
for i in range(250):
    a, b = lu(-1.5, 2.5), lu(-1.5, 2.5)
    x = random.uniform(0, 1)
    if i % 2:
        x = min(max(a / (a + b) * lu(-0.3, 0.3), 1e-5), 0.9999)
    p = mp.betainc(a, b, 0, x, regularized=True)
    q = mp.betainc(b, a, 0, 1 - mp.mpf(x), regularized=True)
    if min(p, q) > 1e-290:
        out("bp", a, b, x, p)
        out("bq", a, b, x, q)
# large a, both tails, by the power series and the continued fraction (Lentz)
mp.mp.dps = 40
for a in (20000.5, 1e5, 1e6, 1e7):
    for z in (-20, -8, -3, -1, -0.01, 0, 0.01, 1, 3, 8, 20):
        x = a + z * a ** 0.5
        front = mp.exp(a * mp.log(x) - x - mp.loggamma(a + 1))
        if x <= a:
            term = total = n = mp.mpf(1)
            while term > total * mp.mpf(10) ** -35:
                term *= x / (a + n)
                total += term
                n += 1
            p = front * total
            q = 1 - p
        else:
            b, c = mp.mpf(x) + 1 - a, mp.mpf(10) ** 300
            d = h = 1 / b
            i, delta = 1, 0
            while abs(delta - 1) > mp.mpf(10) ** -35:
                an = -i * (i - mp.mpf(a))
                b += 2
                d, c = 1 / (an * d + b), b + an / c
                delta = d * c
                h *= delta
                i += 1
            q = front * a * h
            p = 1 - q
        out("gp", a, x, p)
        out("gq", a, x, q)
