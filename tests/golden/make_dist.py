#!/usr/bin/python3
"""Known answers for kernels/dist.h: tests/golden/dist.txt.

    /usr/bin/python3 tests/golden/make_dist.py > tests/golden/dist.txt

Densities and distribution functions are written down here in mpmath, independently of the C; SciPy gives
means, deviations and the first guess of each inverse, which Newton's method then makes exact (SciPy's own inverses
of t and F are good to 9 digits only). Lines:
    P name n p1 … pn mean sd          a set of parameters (nan or inf where there is no finite value)
    X x pdf cdf sf                    at a value of the last set
    U u x                             the value for a probability (discrete: the smallest k with cdf >= u)
"""
import math
import warnings
from scipy import stats as s
import mpmath
from mpmath import mpf, exp, log, sqrt, pi

mpmath.mp.dps = 75
warnings.simplefilter("ignore")
NAN, INF = float("nan"), float("inf")
US = [2.0 ** -53, 1e-9, 1e-4, 0.003, 0.025, 0.1, 0.31, 0.5, 0.62, 0.77, 0.9, 0.975, 0.999, 1 - 1e-6, 1 - 2.0 ** -40]
US = [(math.floor(u * 2 ** 52) + 0.5) / 2 ** 52 for u in US]  # as draws are


def h(x):
    x = float(x)
    return "nan" if math.isnan(x) else ("inf" if x > 0 else "-inf") if math.isinf(x) else x.hex()


def head(name, params, d, mean, sd):
    m, v = (d.mean() if mean is None else mean), (d.std() if sd is None else sd)
    print("P", name, len(params), *(h(p) for p in params), h(m), h(v))


def solve(u, guess, pdf, cdf, sf):
    """x with cdf(x) = u, on the logarithm of the smaller tail."""
    u = mpf(u)
    x = mpf(guess)
    for _ in range(100):
        f = pdf(x)
        p, t = (cdf(x), u) if u <= 0.5 else (sf(x), 1 - u)
        if f <= 0 or p <= 0:
            break
        step = log(p / t) * p / f * (-1 if u <= 0.5 else 1)
        x += step
        if abs(step) < abs(x) * mpf(10) ** -30 + mpf(10) ** -300:
            break
    return x


def continuous(name, params, d, pdf, cdf, sf, mean=None, sd=None):
    head(name, params, d, mean, sd)
    for u in US:
        g = d.ppf(u) if u <= 0.5 else d.isf(1 - u)
        if not math.isfinite(g):
            continue
        x = solve(u, g, pdf, cdf, sf)
        if abs(x) < 1e-300 and x != 0:
            continue
        print("U", h(u), h(x))
        x = mpf(float(x))
        print("X", h(x), h(pdf(x)), h(cdf(x)), h(sf(x)))


def discrete(name, params, d, pmf, cdf, sf, mean=None, sd=None):
    head(name, params, d, mean, sd)
    for u in US[1:]:
        k = float(d.ppf(u))
        good = (lambda j: cdf(j) >= u) if u <= 0.5 else (lambda j: sf(j) <= 1 - mpf(u))
        while k > d.support()[0] and good(k - 1):
            k -= 1
        while not good(k):
            k += 1
        if min(abs(cdf(k) - u), abs(cdf(k - 1) - u)) > 1e-13:  # else rounding may decide
            print("U", h(u), h(k))
        print("X", h(k), h(pmf(k)), h(cdf(k)), h(sf(k)))


def gammas(a, sc):
    a, sc = mpf(a), mpf(sc)
    return (lambda x: (x / sc) ** (a - 1) * exp(-x / sc) / (mpmath.gamma(a) * sc),
            lambda x: mpmath.gammainc(a, 0, x / sc, regularized=True),
            lambda x: mpmath.gammainc(a, x / sc, mpmath.inf, regularized=True))


def ibeta(a, b, x):
    """I_x(a, b) by the hypergeometric series on the side where it converges."""
    a, b, x = mpf(a), mpf(b), mpf(x)
    if x <= 0:
        return mpf(0)
    if x >= 1:
        return mpf(1)
    if x > (a + 1) / (a + b + 2):
        return 1 - ibeta(b, a, 1 - x)
    return x ** a * (1 - x) ** b / (a * mpmath.beta(a, b)) * mpmath.hyp2f1(a + b, 1, a + 1, x)


def ibetac(a, b, x, y):
    """1 - I_x(a, b), y = 1 - x."""
    mpmath.mp.dps += 30
    r = ibeta(b, a, y)
    mpmath.mp.dps -= 30
    return +r


def ib(a, b, x):
    mpmath.mp.dps += 30
    r = ibeta(a, b, x)
    mpmath.mp.dps -= 30
    return +r


def betas(a, b, lo=0, hi=1):
    a, b, lo, w = mpf(a), mpf(b), mpf(lo), mpf(hi) - mpf(lo)
    z = lambda x: (x - lo) / w
    return (lambda x: z(x) ** (a - 1) * (1 - z(x)) ** (b - 1) / (mpmath.beta(a, b) * w),
            lambda x: ib(a, b, z(x)), lambda x: ibetac(a, b, z(x), 1 - z(x)) if z(x) > 1e-9 else 1 - ib(a, b, z(x)))


def normals(m, sd):
    m, sd = mpf(m), mpf(sd)
    return (lambda x: mpmath.npdf(x, m, sd), lambda x: mpmath.erfc((m - x) / (sd * sqrt(2))) / 2,
            lambda x: mpmath.erfc((x - m) / (sd * sqrt(2))) / 2)


def lognormals(mu, sg):
    f, c, t = normals(mu, sg)
    return lambda x: f(log(x)) / x, lambda x: c(log(x)), lambda x: t(log(x))


def students(nu):
    nu = mpf(nu)

    def tail(x):
        return ib(nu / 2, mpf(1) / 2, nu / (nu + x * x)) / 2
    return (lambda x: (1 + x * x / nu) ** (-(nu + 1) / 2) / (sqrt(nu) * mpmath.beta(nu / 2, mpf(1) / 2)),
            lambda x: tail(x) if x <= 0 else 1 - tail(x), lambda x: tail(x) if x >= 0 else 1 - tail(x))


def fs(a, b):
    a, b = mpf(a), mpf(b)
    z = lambda x: a * x / (a * x + b)
    return (lambda x: z(x) ** (a / 2) * (1 - z(x)) ** (b / 2) / (x * mpmath.beta(a / 2, b / 2)),
            lambda x: ib(a / 2, b / 2, z(x)), lambda x: ibetac(a / 2, b / 2, z(x), b / (a * x + b)))


def invgausses(mu, lam):
    mu, lam = mpf(mu), mpf(lam)
    N = lambda z: mpmath.erfc(-z / sqrt(2)) / 2

    def wide(f):
        def g(x):
            mpmath.mp.dps += 60
            v = f(mpf(x), sqrt(lam / x))
            mpmath.mp.dps -= 60
            return +v
        return g
    return (lambda x: sqrt(lam / (2 * pi * x ** 3)) * exp(-lam * (x - mu) ** 2 / (2 * mu ** 2 * x)),
            wide(lambda x, r: N(r * (x / mu - 1)) + exp(2 * lam / mu) * N(-r * (x / mu + 1))),
            wide(lambda x, r: N(-r * (x / mu - 1)) - exp(2 * lam / mu) * N(-r * (x / mu + 1))))


def triangs(a, c, b):
    a, c, b = mpf(a), mpf(c), mpf(b)
    w = b - a
    left = lambda x: (x - a) ** 2 / (w * (c - a))
    right = lambda x: (b - x) ** 2 / (w * (b - c))
    return (lambda x: 2 * (x - a) / (w * (c - a)) if x < c else 2 * (b - x) / (w * (b - c)) if x > c else 2 / w,
            lambda x: left(x) if x < c else 1 - right(x) if c < b else mpf(1),
            lambda x: right(x) if x > c else 1 - left(x) if a < c else mpf(1) if x <= a else right(x))


continuous("normal", [10, 5], s.norm(10, 5), *normals(10, 5))
continuous("uniform", [-2, 7], s.uniform(-2, 9), lambda x: mpf(1) / 9, lambda x: (x + 2) / 9, lambda x: (7 - x) / 9)
for a, c, b in ((10, 20, 50), (0, 0, 1), (0, 1, 1)):
    continuous("triang", [a, c, b], s.triang((c - a) / (b - a), a, b - a), *triangs(a, c, b))
for lo, mode, hi in ((10, 20, 50), (0, 0, 1), (-5, 4, 5)):
    w = hi - lo
    a, b = 1 + mpf(4) * (mode - lo) / w, 1 + mpf(4) * (hi - mode) / w
    continuous("pert", [lo, mode, hi], s.beta(float(a), float(b), lo, w), *betas(a, b, lo, hi))
for a, b in ((0.5, 2.5), (2, 3), (0.1, 0.2), (40, 3), (300, 500), (1, 1)):
    continuous("beta", [a, b], s.beta(a, b), *betas(a, b))
continuous("betageneral", [2, 5, -10, 30], s.beta(2, 5, -10, 40), *betas(2, 5, -10, 30))
v = log(mpf(5) / 4)
continuous("lognorm", [10, 5], s.lognorm(float(sqrt(v)), 0, float(exp(log(10) - v / 2))),
           *lognormals(log(10) - v / 2, sqrt(v)), mean=10, sd=5)
continuous("lognorm2", [0.5, 1.5], s.lognorm(1.5, 0, math.exp(0.5)), *lognormals(0.5, 1.5))
for a in (0.2, 0.9, 1, 2.5, 30, 4000):
    continuous("gamma", [a, 3], s.gamma(a, 0, 3), *gammas(a, 3))
continuous("erlang", [4, 2], s.gamma(4, 0, 2), *gammas(4, 2))
continuous("expon", [3], s.expon(0, 3), lambda x: exp(-x / 3) / 3, lambda x: -mpmath.expm1(-x / 3), lambda x: exp(-x / 3))
for a in (mpf(1.7), mpf(0.6)):
    continuous("weibull", [a, 4], s.weibull_min(float(a), 0, 4), lambda x: a / 4 * (x / 4) ** (a - 1) * exp(-(x / 4) ** a),
               lambda x: -mpmath.expm1(-(x / 4) ** a), lambda x: exp(-(x / 4) ** a))
continuous("logistic", [2, 3], s.logistic(2, 3), lambda x: exp(-(x - 2) / 3) / (3 * (1 + exp(-(x - 2) / 3)) ** 2),
           lambda x: 1 / (1 + exp(-(x - 2) / 3)), lambda x: 1 / (1 + exp((x - 2) / 3)))
a = mpf(3.5)
continuous("loglogistic", [1, 2, 3.5], s.fisk(3.5, 1, 2),
           lambda x: a / 2 * ((x - 1) / 2) ** (a - 1) / (1 + ((x - 1) / 2) ** a) ** 2,
           lambda x: 1 / (1 + ((x - 1) / 2) ** -a), lambda x: 1 / (1 + ((x - 1) / 2) ** a))
e = lambda x: exp(-(x - 2) / 3)
continuous("extvalue", [2, 3], s.gumbel_r(2, 3), lambda x: e(x) * exp(-e(x)) / 3, lambda x: exp(-e(x)),
           lambda x: -mpmath.expm1(-e(x)))
continuous("extvaluemin", [2, 3], s.gumbel_l(2, 3), lambda x: exp(-1 / e(x)) / e(x) / 3,
           lambda x: -mpmath.expm1(-1 / e(x)), lambda x: exp(-1 / e(x)))
continuous("pareto", [3.5, 2], s.pareto(3.5, 0, 2), lambda x: a / x * (2 / x) ** a, lambda x: 1 - (2 / x) ** a,
           lambda x: (2 / x) ** a)
continuous("pareto2", [2, 3.5], s.lomax(3.5, 0, 2), lambda x: a / (x + 2) * (2 / (x + 2)) ** a,
           lambda x: 1 - (2 / (x + 2)) ** a, lambda x: (2 / (x + 2)) ** a)
for nu in (1, 2, 3, 4.5, 30, 400):
    continuous("student", [nu], s.t(nu), *students(nu), mean=NAN if nu <= 1 else 0.0,
               sd=NAN if nu <= 1 else INF if nu <= 2 else math.sqrt(nu / (nu - 2)))
for nu in (1, 3, 50):
    continuous("chisq", [nu], s.chi2(nu), *gammas(mpf(nu) / 2, 2))
for a, b in ((5, 9), (1, 6), (40, 60)):
    continuous("f", [a, b], s.f(a, b), *fs(a, b))
for mu, lam in ((2, 3), (1, 40), (5, 0.7)):
    continuous("invgauss", [mu, lam], s.invgauss(mu / lam, 0, lam), *invgausses(mu, lam))
half = lambda x: exp(-sqrt(2) * abs(x - 1) / 3) / 2
continuous("laplace", [1, 3], s.laplace(1, 3 / math.sqrt(2)), lambda x: half(x) * sqrt(2) / 3,
           lambda x: half(x) if x < 1 else 1 - half(x), lambda x: half(x) if x > 1 else 1 - half(x))
continuous("cauchy", [1, 3], s.cauchy(1, 3), lambda x: 1 / (3 * pi * (1 + ((x - 1) / 3) ** 2)),
           lambda x: mpmath.atan2(3, 1 - x) / pi, lambda x: mpmath.atan2(3, x - 1) / pi, NAN, NAN)
r = lambda x: (x / mpf(2.5)) ** 2 / 2
continuous("rayleigh", [2.5], s.rayleigh(0, 2.5), lambda x: x / mpf(6.25) * exp(-r(x)), lambda x: -mpmath.expm1(-r(x)),
           lambda x: exp(-r(x)))
z = lambda x: sqrt(mpf(3) / 2 / (x - 1))
continuous("levy", [1, 3], s.levy(1, 3), lambda x: sqrt(mpf(3) / (2 * pi)) * exp(-z(x) ** 2) / (x - 1) ** mpf(1.5),
           lambda x: mpmath.erfc(z(x)), lambda x: mpmath.erf(z(x)), INF, NAN)


def binoms(n, p):
    p = mpf(p)
    n = int(n)
    return (lambda k: mpmath.binomial(n, int(k)) * p ** int(k) * (1 - p) ** (n - int(k)) if 0 <= k <= n else mpf(0),
            lambda k: mpf(0) if k < 0 else mpf(1) if k >= n else ibetac(k + 1, n - k, p, 1 - p),
            lambda k: mpf(1) if k < 0 else mpf(0) if k >= n else ib(k + 1, n - k, p))


def summed(pmf, lo, hi):
    return (pmf, lambda k: sum((pmf(j) for j in range(lo, int(k) + 1)), mpf(0)),
            lambda k: sum((pmf(j) for j in range(int(k) + 1, hi + 1)), mpf(0)))


for n, p in ((20, 0.3), (1000, 0.02), (5, 0.5), (100000, 0.4), (1, 0.7)):
    discrete("binomial", [n, p], s.binom(n, p), *binoms(n, p))
discrete("bernoulli", [0.3], s.bernoulli(0.3), *binoms(1, 0.3))
for lam in (0.1, 4, 30, 2500):
    L = mpf(lam)
    discrete("poisson", [lam], s.poisson(lam), lambda k: exp(-L + int(k) * log(L) - mpmath.loggamma(int(k) + 1)),
             lambda k: mpf(0) if k < 0 else mpmath.gammainc(k + 1, L, mpmath.inf, regularized=True),
             lambda k: mpf(1) if k < 0 else mpmath.gammainc(k + 1, 0, L, regularized=True))
for n, p in ((3, 0.2), (1, 0.5), (2.5, 0.7), (50, 0.01)):
    R, P = mpf(n), mpf(p)
    discrete("negbin", [n, p], s.nbinom(n, p),
             lambda k: mpmath.gamma(R + int(k)) / (mpmath.gamma(R) * mpmath.factorial(int(k))) * P ** R * (1 - P) ** int(k),
             lambda k: mpf(0) if k < 0 else ib(R, k + 1, P), lambda k: mpf(1) if k < 0 else ibetac(R, k + 1, P, 1 - P))
for p in (0.3, 0.01, 0.9):
    P = mpf(p)
    discrete("geomet", [p], s.geom(p, -1), lambda k: P * (1 - P) ** int(k), lambda k: 1 - (1 - P) ** (int(k) + 1),
             lambda k: (1 - P) ** (int(k) + 1))
for n, d, m in ((10, 30, 100), (5, 3, 8), (400, 900, 5000)):
    pmf = lambda k: mpmath.binomial(d, int(k)) * mpmath.binomial(m - d, n - int(k)) / mpmath.binomial(m, n)
    cache = {}
    memo = lambda k: cache.setdefault(int(k), pmf(k))
    discrete("hypergeo", [n, d, m], s.hypergeom(m, d, n), *summed(memo, max(0, n - (m - d)), min(n, d)))
discrete("intuniform", [-3, 8], s.randint(-3, 9), lambda k: mpf(1) / 12, lambda k: mpf(k + 4) / 12, lambda k: mpf(8 - k) / 12)


class Points:
    """Piecewise linear densities and distribution functions."""

    def __init__(self, x, c=None, y=None):
        self.x = [mpf(t) for t in x]
        if y is not None:
            y = [mpf(t) for t in y]
            c = [mpf(0)]
            for i in range(len(x) - 1):
                c.append(c[-1] + (self.x[i + 1] - self.x[i]) * (y[i] + y[i + 1]) / 2)
            y = [t / c[-1] for t in y]
            c = [t / c[-1] for t in c]
        self.c, self.y = [mpf(t) for t in c], y

    def at(self, x):
        x = mpf(x)
        i = max(j for j in range(len(self.x) - 1) if x >= self.x[j])
        w, d = self.x[i + 1] - self.x[i], x - self.x[i]
        if self.y is None:
            f = (self.c[i + 1] - self.c[i]) / w
            return f, self.c[i] + f * d
        sl = (self.y[i + 1] - self.y[i]) / w
        return self.y[i] + sl * d, self.c[i] + d * (self.y[i] + sl * d / 2)

    def ppf(self, u):
        lo, hi = self.x[0], self.x[-1]
        for _ in range(140):
            m = (lo + hi) / 2
            lo, hi = (m, hi) if self.at(m)[1] < u else (lo, m)
        return hi

    isf = lambda self, q: self.ppf(1 - mpf(q))

    def moment(self, k, about=0):
        return sum(mpmath.quad(lambda t: (t - about) ** k * self.at(t)[0], [a, b - mpf(10) ** -35])
                   for a, b in zip(self.x, self.x[1:]))

    mean = lambda self: self.moment(1)
    std = lambda self: sqrt(self.moment(2, self.mean()))


for name, params, d in (
        ("cumul", [0, 10, 1, 4, 7, 0.1, 0.4, 0.9], Points([0, 1, 4, 7, 10], c=[0, 0.1, 0.4, 0.9, 1])),
        ("cumuld", [0, 10, 1, 4, 7, 0.9, 0.5, 0.25], Points([0, 1, 4, 7, 10], c=[0, 1 - mpf(0.9), 0.5, 0.75, 1])),
        ("general", [0, 10, 1, 4, 7, 1, 4, 2], Points([0, 1, 4, 7, 10], y=[0, 1, 4, 2, 0])),
        ("histogrm", [2, 12, 1, 4, 3, 2], Points([2, 4.5, 7, 9.5, 12], c=[0, mpf(1) / 10, 0.5, mpf(8) / 10, 1]))):
    head(name, params, d, None, None)
    for u in US:
        if abs(u - 0.9) < 1e-9 or abs(u - 0.1) < 1e-9 or u == 0.5:
            continue  # knots: the density jumps there
        x = d.ppf(mpf(u))
        print("U", h(u), h(x))
        x = float(x)
        if x < float(d.x[-1]):
            print("X", h(x), h(d.at(x)[0]), h(d.at(x)[1]), h(1 - d.at(x)[1]))
