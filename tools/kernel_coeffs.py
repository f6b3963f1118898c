#!/usr/bin/python3
"""Compute the constants of kernels/math.h and write kernels/coeffs.h.

    /usr/bin/python3 tools/kernel_coeffs.py > kernels/coeffs.h

Every polynomial is a weighted minimax fit by Remez exchange in 60-digit arithmetic (mpmath). The
error reached is printed beside each as bits (-log2 of the largest weighted error, coefficients
already rounded to double). Polynomials come out as macros in Horner form of explicit fused
multiply-adds, because the order of operations is part of the contract of kernels/.
"""
import sys
from fractions import Fraction
from mpmath import mp, mpf
import mpmath

mp.dps = 60


def remez(f, w, a, b, deg, grid=None, iters=30, powers=None):
    """Coefficients c with min max |w(x) (f(x) - sum c_j x^powers_j)| on [a, b]."""
    powers = powers or list(range(deg + 1))
    n = len(powers)
    grid = grid or 24 * n
    xs = [(a + b) / 2 + (b - a) / 2 * mpmath.cos(mpmath.pi * (i + mpf(1) / 2) / grid)
          for i in range(grid)][::-1]
    xs = [x if x != 0 else mpf(10) ** -20 for x in xs]
    fs = [f(x) for x in xs]
    ws = [w(x) for x in xs]
    pw = [[x ** p for p in powers] for x in xs]
    ref = [int((grid - 1) * (1 - mpmath.cos(mpmath.pi * i / n)) / 2) for i in range(n + 1)]
    ref = sorted(set(ref))
    i = 0
    while len(ref) < n + 1:
        if i not in ref:
            ref.append(i)
        i += 1
    ref.sort()
    c = None
    for _ in range(iters):
        A = mpmath.matrix(n + 1, n + 1)
        y = mpmath.matrix(n + 1, 1)
        for row, g in enumerate(ref):
            for j in range(n):
                A[row, j] = pw[g][j]
            A[row, n] = (-1) ** row / ws[g]
            y[row] = fs[g]
        s = mpmath.lu_solve(A, y)
        c = [s[j] for j in range(n)]
        level = abs(s[n])
        err = [ws[g] * (fs[g] - sum(cj * pj for cj, pj in zip(c, pw[g]))) for g in range(grid)]
        # one extremum per run of equal sign, then the best n + 1 consecutive
        ext = []
        for g in range(grid):
            if ext and (err[g] > 0) == (err[ext[-1]] > 0):
                if abs(err[g]) > abs(err[ext[-1]]):
                    ext[-1] = g
            else:
                ext.append(g)
        while len(ext) > n + 1:
            if abs(err[ext[0]]) < abs(err[ext[-1]]):
                ext.pop(0)
            else:
                ext.pop()
        if len(ext) < n + 1:
            break
        ref = ext
        if max(abs(e) for e in err) < level * (1 + mpf(10) ** -3):
            break
    return c, max(abs(e) for e in err)


def dbl(x):
    """Nearest double as a Python float (mpmath rounds to nearest when asked for 53 bits)."""
    return float(mpf(x))


def fit(name, f, w, a, b, deg, fixed=0, powers=None):
    """Fit, rounding the `fixed` lowest coefficients first and fitting the rest again."""
    a, b = mpf(a), mpf(b)
    powers = list(powers or range(deg + 1))
    done = []
    for _ in range(fixed):
        c, e = remez(lambda x: f(x) - sum(mpf(d) * x ** p for d, p in done), w, a, b, 0,
                     powers=powers[len(done):])
        done.append((dbl(c[0]), powers[len(done)]))
    rest = powers[len(done):]
    c, e = remez(lambda x: f(x) - sum(mpf(d) * x ** p for d, p in done), w, a, b, 0, powers=rest)
    cs = [d for d, _ in done] + [dbl(x) for x in c]
    worst = mpf(0)
    for i in range(401):
        x = a + (b - a) * (mpf(i) + mpf(1) / 3) / 402
        worst = max(worst, abs(w(x) * (f(x) - sum(mpf(d) * x ** p for d, p in zip(cs, powers)))))
    print(f"/* {name}: degree {len(cs) - 1}, {float(-mpmath.log(worst, 2)):.1f} bits */")
    emit(name, cs)
    sys.stdout.flush()
    return cs


def emit(name, cs):
    print(f"#define KC_{name}(x) \\")
    n = len(cs)
    out = "\t" + "k_fma(" * (n - 1) + f"k_set({cs[-1].hex()})"
    lines = [out]
    for c in reversed(cs[:-1]):
        lines.append(f"\t    , x, k_set({c.hex()}))")
    print(" \\\n".join(lines))


def const(name, x, note=""):
    print(f"#define KC_{name} {dbl(x).hex()}{'  /* ' + note + ' */' if note else ''}")


def short(x, bits):
    """x rounded to a multiple of 2^-bits."""
    return mpf(int(mpmath.nint(x * mpf(2) ** bits))) / mpf(2) ** bits


def split_const(name, x, bits):
    hi = short(x, bits)
    const(name + "HI", hi)
    const(name + "LO", x - hi)


def log_table():
    """Sixteen reciprocals c and T = -log c, T a multiple of 2^-42 to within 2^-73.

    Interval i of the mantissa begins at bits OFF + i 2^48, OFF half an interval below 0.6875; the
    interval around 1 has c = 1 and T = 0.
    """
    off = 0x3FE5800000000000
    cs, ts = [], []
    import struct
    for i in range(16):
        lo = struct.unpack("<d", struct.pack("<Q", off + i * 2 ** 48))[0]
        hi = struct.unpack("<d", struct.pack("<Q", off + (i + 1) * 2 ** 48))[0]
        if lo < 1 < hi:
            cs.append(1.0)
            ts.append(0.0)
            continue
        centre = mpmath.log((mpf(lo) + mpf(hi)) / 2)
        k0 = int(mpmath.nint(centre * 2 ** 42))
        best = None
        prec = 160
        one = 1 << prec
        step = int(mpmath.floor(mpmath.exp(-mpf(2) ** -42) * one))
        cur = int(mpmath.floor(mpmath.exp(-mpf(k0) / 2 ** 42) * one))
        frac = prec - 53 if cur >= one >> 1 and cur < one else prec - 52
        mask = (1 << frac) - 1
        for j in range(1 << 20):
            low = cur & mask
            d = min(low, mask + 1 - low)
            if best is None or d < best[0]:
                best = (d, j)
            cur = cur * step >> prec
        T = mpf(k0 + best[1]) / mpf(2) ** 42
        c = dbl(mpmath.exp(-T))
        miss = abs(-mpmath.log(mpf(c)) - T)
        print(f"/* interval {i}: T off by 2^{float(mpmath.log(miss, 2)):.1f} */")
        cs.append(c)
        ts.append(dbl(T))
    print(f"#define KC_LOG_OFF 0x{off:x}LL")
    print("#define KC_LOG_C " + ", ".join(c.hex() for c in cs))
    print("#define KC_LOG_T " + ", ".join(t.hex() for t in ts))


def erfcx(x):
    return mpmath.exp(x * x) * mpmath.erfc(x)


def norm_inv_f(w):
    """z/(2u-1) as a function of w = -log(4u(1-u))."""
    e = mpmath.exp(-w)
    x2 = 1 - e
    x = mpmath.sqrt(x2)
    # p = upper tail probability = (1 - x)/2 = e / (2 (1 + x)); solve erfc(z/sqrt2)/2 = p by Newton
    p = e / (2 * (1 + x))
    if w < 1:
        z = mpmath.sqrt(2) * mpmath.erfinv(x)
    else:
        z = mpmath.sqrt(2 * -mpmath.log(p * mpmath.sqrt(4 * mpmath.pi * w)))
    for _ in range(60):
        q = mpmath.erfc(z / mpmath.sqrt(2)) / 2
        d = (q - p) / (mpmath.exp(-z * z / 2) / mpmath.sqrt(2 * mpmath.pi))
        z += d / (1 - z * d / 2) if abs(z * d) < 1 else d
        if abs(d) < mpf(10) ** -50 * abs(z):
            break
    return z / x


def main():
    ln2 = mpmath.log(2)
    print("/* Generated by tools/kernel_coeffs.py; do not edit. */")
    print("#ifndef KERNELS_COEFFS_H\n#define KERNELS_COEFFS_H\n")
    const("LOG2E", 1 / ln2)
    split_const("LN2", ln2, 42)
    const("LN2", ln2)
    const("INVLN10", 1 / mpmath.log(10))
    const("INVLN10LO", 1 / mpmath.log(10) - mpf(dbl(1 / mpmath.log(10))))
    const("LOG2ELO", 1 / ln2 - mpf(dbl(1 / ln2)))
    pio2 = mpmath.pi / 2
    const("2OPI", 2 / mpmath.pi)
    p1 = mpf(dbl(pio2)); p2 = mpf(dbl(pio2 - p1)); p3 = pio2 - p1 - p2
    const("PIO2_1", p1); const("PIO2_2", p2); const("PIO2_3", p3)
    const("PIO4", mpmath.pi / 4)
    const("PIO4LO", mpmath.pi / 4 - mpf(dbl(mpmath.pi / 4)))
    const("PI", mpmath.pi)
    const("PILO", mpmath.pi - mpf(dbl(mpmath.pi)))
    const("SQRT2", mpmath.sqrt(2))
    const("SQRT1_2", mpmath.sqrt(mpf(1) / 2))
    const("SQRT1_2LO", mpmath.sqrt(mpf(1) / 2) - mpf(dbl(mpmath.sqrt(mpf(1) / 2))))
    const("INVSQRT2PI", 1 / mpmath.sqrt(2 * mpmath.pi))
    log_table()
    h = ln2 / 2 * mpf("1.0001")
    fit("EXP", lambda r: (mpmath.exp(r) - 1 - r) / r ** 2, lambda r: r ** 2 / mpmath.exp(r), -h, h, 10)
    fit("EXP2", lambda r: (mpf(2) ** r - 1) / r, lambda r: r / mpf(2) ** r, -0.5001, 0.5001, 11, fixed=1)
    fit("LOG", lambda r: (mpmath.log1p(r) - r + r * r / 2) / r ** 3, lambda r: r * r,
        mpf(-1) / 31, mpf(1) / 31, 7)
    fit("SINH", lambda z: (mpmath.sinh(mpmath.sqrt(z)) / mpmath.sqrt(z) - 1) / z, lambda z: z, 1e-30, 1.01, 8)
    q = mpmath.pi / 4 * mpf("1.001")
    fit("SIN", lambda z: (mpmath.sin(mpmath.sqrt(z)) / mpmath.sqrt(z) - 1) / z, lambda z: z, 1e-30, q * q, 6)
    fit("COS", lambda z: (mpmath.cos(mpmath.sqrt(z)) - 1 + z / 2) / z ** 2, lambda z: z ** 2, 1e-30, q * q, 6)
    fit("ASIN", lambda z: (mpmath.asin(mpmath.sqrt(z)) / mpmath.sqrt(z) - 1) / z, lambda z: z, 1e-30, 0.2501, 12)
    t = (mpmath.sqrt(2) - 1) * mpf("1.0001")
    fit("ATAN", lambda z: (mpmath.atan(mpmath.sqrt(z)) / mpmath.sqrt(z) - 1) / z, lambda z: z, 1e-30, t * t, 11)
    fit("ERF", lambda z: mpmath.erf(mpmath.sqrt(z)) / mpmath.sqrt(z), lambda z: 1 / (mpmath.erf(mpmath.sqrt(z)) / mpmath.sqrt(z)), 1e-30, 1.0, 13, fixed=1)
    # erfcx(x) (1 + 2x) in t = (x - A)/(x + A), x in [0, 28]
    A = mpf(4)
    const("ERFCX_A", A)
    back = lambda t: A * (1 + t) / (1 - t)
    g = lambda t: erfcx(back(t)) * (1 + 2 * back(t))
    fit("ERFCX", g, lambda t: 1 / g(t), -1, (28 - A) / (28 + A), 24, fixed=1)
    # inverse normal: z = (2u-1) f(w), w = -log(4u(1-u)); centre in w - 2.5, tails in t = (sqrt w - A)/(sqrt w + A)
    fit("NI", lambda v: norm_inv_f(v + mpf(5) / 2), lambda v: 1 / norm_inv_f(v + mpf(5) / 2), -2.5, 2.5, 20)
    for name, A, a, b, deg in (("NI_MID", 4, 4.99, 37, 27), ("NI_FAR", 10, 36.9, 1492, 31)):
        sa, sb = mpmath.sqrt(mpf(a)), mpmath.sqrt(mpf(b))
        g2 = lambda t, A=A: norm_inv_f((A * (1 + t) / (1 - t)) ** 2)
        fit(name, g2, lambda t: 1 / g2(t), (sa - A) / (sa + A), (sb - A) / (sb + A), deg)
    # special functions (kernels/special.h)
    const("HALFLN2PI", mpmath.log(2 * mpmath.pi) / 2)
    const("SQRT2PI", mpmath.sqrt(2 * mpmath.pi))
    const("INVSQRTPI", 1 / mpmath.sqrt(mpmath.pi))
    lg = lambda t: mpmath.loggamma(2 + t) / (t * (1 + t))
    fit("LGAMMA2", lg, lambda t: 1 / lg(t), -0.5001, 0.5001, 18, fixed=1)
    # Gamma(x) for x in [1, 2], t = x - 1.5
    gm = lambda t: mpmath.gamma(mpf(3) / 2 + t)
    fit("GAMMA15", gm, lambda t: 1 / gm(t), -0.5, 0.5, 22, fixed=1)
    stir = lambda x: mpmath.loggamma(x) - ((x - mpf(1) / 2) * mpmath.log(x) - x + mpmath.log(2 * mpmath.pi) / 2)
    for name, A, a, b, deg in (("STIRL_1", 2, 1, 4, 20), ("STIRL_4", 8, 4, 16, 20)):
        g3 = lambda t, A=A: stir(A * (1 + t) / (1 - t))
        fit(name, g3, lambda t: mpf(1), (mpf(a) - A) / (a + A), (mpf(b) - A) / (b + A), deg)
    # x > 16: S(x) = P(1/x^2)/x
    fit("STIRL_16", lambda z: stir(1 / mpmath.sqrt(z)) / mpmath.sqrt(z), lambda z: 12, 1e-14, 1 / mpf(256), 6)
    # log(1+t) - t = r (2 r^2 P(r^2) - t), r = t/(2+t)
    lp = lambda z: (mpmath.atanh(mpmath.sqrt(z)) / mpmath.sqrt(z) - 1) / z
    fit("LOG1PMX", lp, lambda z: 1 / lp(z), 1e-30, 0.0677, 10, fixed=1)
    temme()
    print("\n#endif")


def temme():
    """Coefficients c_k(eta) of the uniform expansion of the incomplete gamma function (N. M. Temme, 1979; DLMF 8.12): from
    eta^2/2 = mu - log(1 + mu), c_0 = 1/mu - 1/eta, c_k = c_{k-1}'/eta + (-1)^k g_k/mu with the g_k of Stirling's series. Exact."""
    n = 24
    m = [Fraction(0), Fraction(1)]  # mu as a series in eta, by mu mu' = eta (1 + mu)
    for i in range(2, n + 1):
        m.append((m[i - 1] - sum(m[j] * (i + 1 - j) * m[i + 1 - j] for j in range(2, i))) / (i + 1))
    inverse = [Fraction(1)]         # 1/mu is the sum of inverse[j] eta^(j - 1)
    for i in range(1, n):
        inverse.append(-sum(m[j + 1] * inverse[i - j] for j in range(1, i + 1)))
    g = [Fraction(1), Fraction(1, 12), Fraction(1, 288), Fraction(-139, 51840)]
    c = {i - 1: inverse[i] for i in range(n)}
    c[-1] -= 1
    for k, degree in enumerate((14, 10, 6, 3)):
        if k:
            d = {i - 1: (-1) ** k * g[k] * inverse[i] for i in range(n)}
            for e, v in c.items():
                d[e - 2] = d.get(e - 2, 0) + v * e
            c = d
        assert all(v == 0 for e, v in c.items() if e < 0 and e > -4)
        print("\n/* TEMME_%d: power series, degree %d */" % (k, degree))
        emit("TEMME_%d" % k, [float(c[e]) for e in range(degree + 1)])  # correctly rounded


if __name__ == "__main__":
    main()
