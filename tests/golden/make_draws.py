#!/usr/bin/python3
"""What draws of every distribution must look like: tests/golden/draws.txt, for tests/unit/test_draws.c.

    /usr/bin/python3 tests/golden/make_draws.py > tests/golden/draws.txt

Distribution functions and moments are SciPy's (or, for those given by points, written down here); nothing comes from
the C. Lines:
    S chi2 mean sd spread formula   a set: the formula as typed after "CELL ~"; the value that chi-square over the cells between the
                                    points exceeds once in a million; mean and deviation (nan: none, or infinite);
                                    standard error of the deviation in units of sd/sqrt(n) (nan: the fourth moment is infinite or so
                                    large that the deviation of a sample says nothing)
    Q x F                           P(X <= x) = F, x ascending
    R formula                       another way to say the same set: must pass too
    W formula                       a wrong parameter: must fail
"""
import math
import warnings
import numpy as np
from scipy import integrate, optimize, stats as s

warnings.simplefilter("ignore")
N = 200000  # draws, as in test_draws.c
ALPHA = 1e-6
PROBS = [1e-4, 1e-3, 0.01] + [i / 40 for i in range(1, 40)] + [0.99, 0.999, 0.9999]
INF = math.inf


class Given:
    """A distribution given by points. Continuous: knots x with density y0 -> y1 on each piece. Discrete: x with weights."""

    def __init__(self, x, y0=None, y1=None, w=None):
        self.x = np.array(x, float)
        self.w = w
        if w is not None:
            order = np.argsort(self.x, kind="stable")
            self.x, self.w = self.x[order], np.array(w, float)[order] / sum(w)
            return
        h = np.diff(self.x)
        area = float(np.sum(h * (np.array(y0) + y1) / 2))
        self.y0, self.y1 = np.array(y0) / area, np.array(y1) / area
        self.c = np.concatenate([[0], np.cumsum(h * (self.y0 + self.y1) / 2)])

    def pdf(self, x):
        i = min(max(int(np.searchsorted(self.x, x, "right")) - 1, 0), len(self.y0) - 1)
        t = (x - self.x[i]) / (self.x[i + 1] - self.x[i])
        return self.y0[i] + (self.y1[i] - self.y0[i]) * t if self.x[0] <= x <= self.x[-1] else 0.0

    def cdf(self, x):
        if self.w is not None:
            return float(np.sum(self.w[self.x <= x]))
        if x <= self.x[0] or x >= self.x[-1]:
            return 0.0 if x <= self.x[0] else 1.0
        i = int(np.searchsorted(self.x, x, "right")) - 1
        return self.c[i] + (x - self.x[i]) * (self.y0[i] + self.pdf(x)) / 2

    def sf(self, x):
        return 1 - self.cdf(x)

    def ppf(self, p):
        if self.w is not None:
            return self.x[min(int(np.searchsorted(np.cumsum(self.w), p - 1e-15)), len(self.x) - 1)]
        return optimize.brentq(lambda x: self.cdf(x) - p, self.x[0], self.x[-1], xtol=1e-15)

    def isf(self, q):
        return self.ppf(1 - q)

    def support(self):
        return self.x[0], self.x[-1]


def moments(d, lo, hi):
    """Mean, deviation, kurtosis of d between lo and hi (a point at lo counts)."""
    if isinstance(d, Given) and d.w is not None:
        keep = (d.x >= lo) & (d.x <= hi)
        x, w = d.x[keep], d.w[keep]
    elif is_discrete(d):
        x = np.arange(max(lo, d.ppf(1e-15)), min(hi, d.ppf(1 - 1e-15)) + 1)
        w = d.pmf(x)
    else:
        a, b = max(lo, d.support()[0]), min(hi, d.support()[1])
        inside = [v for v in (d.x if isinstance(d, Given) else [d.ppf(p) for p in (0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999)])
                  if a < v < b]
        edges = [a, *inside, b]

        def moment(k, about):
            return sum(integrate.quad(lambda x: (x - about) ** k * d.pdf(x), p, q, limit=200)[0] for p, q in zip(edges, edges[1:]))
        mass = moment(0, 0)
        m = moment(1, 0) / mass
        v = moment(2, m) / mass
        return m, math.sqrt(v), moment(4, m) / mass / v ** 2
    w = w / np.sum(w)
    m = float(np.sum(x * w))
    v = float(np.sum((x - m) ** 2 * w))
    return m, math.sqrt(v), float(np.sum((x - m) ** 4 * w)) / v ** 2 if v else math.nan


def is_discrete(d):
    return d.w is not None if isinstance(d, Given) else hasattr(d.dist, "pmf")


class Cut:
    """d truncated to lo..hi, then shifted."""

    def __init__(self, d, lo=-INF, hi=INF, shift=0.0):
        self.d, self.lo, self.hi, self.shift = d, lo, hi, shift
        below = d.cdf(lo) if lo > -INF else 0.0
        if lo > -INF and is_discrete(d):
            below -= d.w[d.x == lo].sum() if isinstance(d, Given) else d.pmf(lo)
        self.below, self.top = below, d.cdf(hi) if hi < INF else 1.0
        self.discrete = is_discrete(d)

    def cdf(self, x):
        x = x - self.shift
        if x >= self.hi:
            return 1.0
        if x < self.lo:
            return 0.0
        return (self.d.cdf(x) - self.below) / (self.top - self.below)

    def sf(self, x):
        x = x - self.shift
        if self.hi == INF and x >= self.lo:
            return self.d.sf(x) / (1 - self.below)
        return 1 - self.cdf(x + self.shift)

    def ppf(self, p):
        u = self.below + p * (self.top - self.below)
        if self.hi == INF and p > 0.5:  # from the upper tail: 1 - u is exact there
            return self.d.isf((1 - p) * (1 - self.below)) + self.shift
        return self.d.ppf(u) + self.shift

    def mvk(self):
        if self.lo == -INF and self.hi == INF and not isinstance(self.d, Given):
            m, v, k = (float(t) for t in self.d.stats("mvk"))
            return m + self.shift, math.sqrt(v) if 1e-300 < v < INF else math.nan, k + 3
        tail = [0.0] if isinstance(self.d, Given) or (self.lo > -INF and self.hi < INF) else [float(t) for t in self.d.stats("mvk")]
        if not all(map(math.isfinite, tail)):  # one tail left, too heavy for moments
            return math.nan, math.nan, math.nan
        m, sd, k = moments(self.d, self.lo, self.hi)
        return m + self.shift, sd, k


def points(c):
    """(x, F) ascending; where x is rounded so coarsely that F is not F of a draw, none."""
    out = []
    if c.discrete:
        lo, hi = c.ppf(1e-7), c.ppf(1 - 1e-7)
        xs = np.unique(c.d.x[(c.d.x >= c.lo) & (c.d.x <= c.hi)] + c.shift) if isinstance(c.d, Given) else \
            np.arange(lo, hi + 1) if hi - lo < 60 else np.unique([c.ppf(p) for p in PROBS])
        return [(float(x), float(c.cdf(x))) for x in xs]
    for p in PROBS:
        x = float(c.ppf(p))
        if not math.isfinite(x) or (out and x <= out[-1][0]):
            continue
        if c.cdf(np.nextafter(x, INF)) - c.cdf(np.nextafter(x, -INF)) > 1e-7:
            continue
        out.append((x, float(c.cdf(x))))
    return out


def chi2_limit(pts):
    """Cells between the points as test_draws.c makes them: joined until 10 are expected in each."""
    cells, last = 0, 0.0
    for f in [f for _, f in pts] + [1.0]:
        if (f - last) * N >= 10:
            cells, last = cells + 1, f
    return float(s.chi2.isf(ALPHA, cells - 1)) if cells > 1 else 0.0


def num(x):
    return repr(float(x))


def emit(formula, c, same=(), wrong=()):
    m, sd, k = c.mvk()
    if not (math.isfinite(m) and math.isfinite(sd)):
        m = sd = k = math.nan
    spread = math.sqrt((k - 1) / 4) if math.isfinite(k) and k < 1e3 else math.nan
    if sd == 0:
        spread = 0.0
    pts = points(c)
    print("S", num(chi2_limit(pts)), num(m), num(sd), num(spread), formula)
    for x, f in pts:
        print("Q", num(x), num(f))
    for f in same:
        print("R", f)
    for f in wrong if c.top - c.below < 0.95 or c.lo == -INF and c.hi == INF else ():
        print("W", f)


def constant(formula, x):
    emit(formula, Cut(Given([x], w=[1])))


def rounded(x):
    """Three digits, whole where it is large."""
    return float("%.3g" % x) if x else 0.0


def call(name, params):
    return "%s(%s)" % (name, ",".join(p if isinstance(p, str) else "%.15g" % p for p in params))


def noisy(params):
    """The same parameters, random as far as the compiler can tell."""
    out = list(params)
    for i, p in enumerate(out):
        if not isinstance(p, str) and p != 0:
            out[i] = "%.15g+%.3G*RAND()" % (p, abs(p) * 1e-20)
            return out
    return None


def family(name, make, sets, wrong=None):
    """All sets; of the first one the same with random parameters, a wrong one, and with truncation and shift."""
    first = sets[0]
    d = make(*first)
    rnd = noisy(first)
    bad = list(first)
    if wrong is not None:
        bad = wrong
    else:
        bad[-1] *= 1.05
    emit(call(name, first), Cut(d), [call(name, rnd)] if rnd else [], [call(name, bad)])
    lo, hi = (float(d.ppf(0.15)), float(d.ppf(0.85))) if is_discrete(d) else (rounded(d.ppf(0.15)), rounded(d.ppf(0.85)))
    if 0.01 < d.cdf(hi) - d.cdf(lo):
        t = "RiskTruncate(%.15g,%.15g)" % (lo, hi)
        c = Cut(d, lo, hi, 2.5)
        emit(call(name, [*first, t, "RiskShift(2.5)"]), c,
             [call(name, [*first, "RiskShift(2.5)", "RiskTruncate2(%.15g,%.15g)" % (lo + 2.5, hi + 2.5)])] +
             ([call(name, [*rnd, t, "RiskShift(2.5+1E-21*RAND())"])] if rnd else []),
             [call(name, [*first, t, "RiskShift(2.6)"]), call(name, [*first, "RiskShift(2.5)"])] if name == "normal" else ())
        emit(call(name, [*first, "RiskTruncate(%.15g,)" % lo]), Cut(d, lo, INF), (), [call(name, first)])
        emit(call(name, [*first, "RiskTruncate(,%.15g)" % hi]), Cut(d, -INF, hi), (), [call(name, first)])
    if not is_discrete(d):
        emit(call(name, [*first, "RiskTruncateP(0.1,0.75)"]), Cut(d, float(d.ppf(0.1)), float(d.ppf(0.75))), (), [call(name, first)])
    for p in sets[1:]:
        emit(call(name, p), Cut(make(*p)))


def beta_on(a1, a2, lo, hi):
    return s.beta(a1, a2, lo, hi - lo)


def trigen(lo, mode, hi, plo, phi):
    def gap(t):
        d = s.triang((mode - t[0]) / (t[1] - t[0]), t[0], t[1] - t[0])
        return [d.cdf(lo) - plo / 100, d.cdf(hi) - phi / 100]
    a, b = optimize.fsolve(gap, [lo - (hi - lo) * 0.3, hi + (hi - lo) * 0.3], xtol=1e-14)
    return s.triang((mode - a) / (b - a), a, b - a)


def betasubj(lo, mode, mean, hi):
    a1 = 2 * (mean - lo) * ((lo + hi) / 2 - mode) / ((mean - mode) * (hi - lo))
    return beta_on(a1, a1 * (hi - mean) / (mean - lo), lo, hi)


def lognorm(m, sd):
    v = math.log1p((sd / m) ** 2)
    return s.lognorm(math.sqrt(v), 0, m / math.sqrt(1 + (sd / m) ** 2))


family("normal", s.norm, [(100, 15), (0, 1), (-1e6, 1e-3), (1e-200, 1e-201), (3, 1e200)])
family("uniform", lambda a, b: s.uniform(a, b - a), [(2, 5), (-1e-9, 1e-9), (1e6, 1e6 + 1), (-1e300, 1e300)])
family("triang", lambda a, m, b: s.triang((m - a) / (b - a), a, b - a), [(10, 20, 50), (0, 0, 1), (-1, 1, 1), (0, 1e-6, 1), (1e5, 1e5 + 1, 1e5 + 3)])
family("trigen", trigen, [(10, 20, 50, 10, 90), (0, 1, 2, 1, 99), (5, 6, 20, 20, 60)], [10, 20, 52, 10, 90])
family("pert", lambda a, m, b: beta_on(1 + 4 * (m - a) / (b - a), 1 + 4 * (b - m) / (b - a), a, b),
       [(10, 20, 50), (0, 0, 1), (-5, 7, 7), (0, 1e-6, 1), (1000, 1001, 1010)])
family("beta", s.beta, [(2, 3), (0.5, 0.5), (0.05, 0.2), (1, 1), (300, 5), (1e5, 2e5), (1e-2, 10)])
family("betageneral", beta_on, [(2, 3, -5, 10), (0.3, 0.4, 0, 1000), (20, 1, -1, 1), (5e4, 5e4, 0, 1)])
family("betasubj", betasubj, [(0, 3, 4, 10), (0, 9, 8, 10), (-1, -0.2, -0.1, 1)])
family("lognorm", lognorm, [(10, 5), (1, 0.001), (1, 100), (1e-100, 1e-100)])
family("lognorm2", lambda m, sg: s.lognorm(sg, 0, math.exp(m)), [(1, 0.5), (0, 0.01), (-3, 4), (500, 1)])
family("gamma", lambda a, b: s.gamma(a, 0, b), [(2, 3), (0.01, 1), (0.5, 1e-10), (1, 7), (150, 0.1), (1e6, 1e-3), (3e8, 1), (1e13, 2)])
family("erlang", lambda a, b: s.gamma(a, 0, b), [(3, 2), (1, 1), (200, 1e5)])
family("expon", lambda b: s.expon(0, b), [(7,), (1e-300,), (1e300,)])
family("weibull", lambda a, b: s.weibull_min(a, 0, b), [(2, 3), (0.3, 1), (1, 1), (50, 1e6)])
family("logistic", s.logistic, [(10, 2), (-1e8, 1), (0, 1e-9)])
family("loglogistic", lambda g, b, a: s.fisk(a, g, b), [(1, 2, 5), (0, 1, 0.8), (0, 1, 2), (-3, 1e4, 30)])
family("extvalue", s.gumbel_r, [(10, 2), (0, 1e-6), (-1e5, 10)])
family("extvaluemin", s.gumbel_l, [(10, 2), (0, 1e-6), (-1e5, 10)])
family("pareto", lambda t, a: s.pareto(t, 0, a), [(6, 2), (0.3, 1), (1, 1e-3), (2.5, 1), (200, 5)])
family("pareto2", lambda b, q: s.lomax(q, 0, b), [(2, 6), (1, 0.5), (1e-3, 1), (10, 300)])
family("student", s.t, [(6,), (0.3,), (1,), (2,), (3,), (30,), (1e6,)], [4])
family("chisq", s.chi2, [(7,), (0.05,), (1,), (2,), (300,), (1e6,)])
family("f", s.f, [(5, 12), (1, 1), (2, 10), (0.5, 30), (1000, 2000), (3, 0.5)], [6, 10])
family("invgauss", lambda m, l: s.invgauss(m / l, 0, l), [(3, 5), (1, 0.01), (1, 1), (2, 1e4), (1e-6, 1e-6)], [3.1, 5])
family("laplace", lambda m, sd: s.laplace(m, sd / math.sqrt(2)), [(10, 2), (-1e7, 1), (0, 1e-20)])
family("cauchy", s.cauchy, [(10, 2), (0, 1e-6), (1e6, 1)])
family("rayleigh", lambda b: s.rayleigh(0, b), [(2,), (1e-100,), (1e100,)])
family("levy", s.levy, [(10, 2), (0, 1e-5), (-1000, 100)])


def braces(*v):
    return "{%s}" % ",".join("%.15g" % x for x in v)


def listed(name, head, lists, d, wrong):
    """Distributions given by lists: as arrays, a wrong list, truncated and shifted."""
    p = [*head, *(braces(*x) for x in lists)]
    emit(call(name, p), Cut(d), (), [call(name, [*head, *(braces(*x) for x in wrong)])])
    lo, hi = d.ppf(0.3), d.ppf(0.8)
    if not is_discrete(d):
        lo, hi = rounded(lo), rounded(hi)
    if lo < hi:
        c = Cut(d, lo, hi, -1)
        emit(call(name, [*p, "RiskShift(-1)", "RiskTruncate(%.15g,%.15g)" % (lo, hi)]), c, (), [call(name, [*p, "RiskShift(-1)"])])


def steps(x, c):
    """Distribution function linear between the points."""
    y = np.diff(c) / np.diff(x)
    return Given(x, y, y)


listed("cumul", [0, 10], [(1, 4, 7), (0.1, 0.4, 0.9)], steps([0, 1, 4, 7, 10], [0, 0.1, 0.4, 0.9, 1]), [(1, 4, 7), (0.1, 0.42, 0.9)])
listed("cumul", [-5, 1e6], [(0, 1, 1000), (0.5, 0.5, 0.999)], steps([-5, 0, 1, 1000, 1e6], [0, 0.5, 0.5, 0.999, 1]), [(0, 1, 1000), (0.52, 0.52, 0.999)])
listed("cumuld", [0, 10], [(1, 4, 7), (0.9, 0.5, 0.25)], steps([0, 1, 4, 7, 10], [0, 0.1, 0.5, 0.75, 1]), [(1, 4, 7), (0.9, 0.52, 0.25)])
listed("general", [0, 10], [(1, 4, 7), (1, 4, 2)], Given([0, 1, 4, 7, 10], [0, 1, 4, 2], [1, 4, 2, 0]), [(1, 4, 7), (1, 4, 2.2)])
listed("general", [-1, 1], [(-0.5, 0, 0.5), (1, 0, 1)], Given([-1, -0.5, 0, 0.5, 1], [0, 1, 0, 1], [1, 0, 1, 0]), [(-0.5, 0, 0.5), (1, 0.1, 1)])
listed("histogrm", [2, 12], [(1, 4, 3, 2)], Given([2, 4.5, 7, 9.5, 12], [1, 4, 3, 2], [1, 4, 3, 2]), [(1, 4, 3, 2.3)])
listed("histogrm", [0, 5], [(1e-3, 0, 1, 0, 5)], Given(range(6), [1e-3, 0, 1, 0, 5], [1e-3, 0, 1, 0, 5]), [(1e-3, 0, 1.1, 0, 5)])
listed("discrete", [], [(3, 1, 2), (0.2, 0.3, 0.5)], Given([3, 1, 2], w=[0.2, 0.3, 0.5]), [(3, 1, 2), (0.21, 0.3, 0.49)])
listed("discrete", [], [(1e9, -4.5, 0, 7, 0.25), (1, 2, 0, 3, 1e-2)], Given([1e9, -4.5, 7, 0.25], w=[1, 2, 3, 1e-2]),
       [(1e9, -4.5, 0, 7, 0.25), (1.1, 2, 0, 3, 1e-2)])
listed("duniform", [], [(3, 1, 2, 9, 2)], Given([1, 2, 3, 9], w=[1, 2, 1, 1]), [(3, 1, 2, 9)])
listed("duniform", [], [tuple(range(50))], Given(range(50), w=[1] * 50), [tuple(range(51))])

family("binomial", s.binom, [(20, 0.3), (1, 0.5), (1000, 0.001), (5, 0.999), (1e6, 0.5), (1e9, 0.3), (1e9, 1e-9)])
family("bernoulli", s.bernoulli, [(0.3,), (1e-3,), (0.999,)], [0.31])
family("poisson", s.poisson, [(3.5,), (0.01,), (40,), (1e4,), (1e9,), (1e12,)])
family("negbin", s.nbinom, [(3, 0.2), (0.5, 0.05), (1, 0.5), (100, 0.9), (2, 1e-4)])
family("geomet", lambda p: s.geom(p, -1), [(0.25,), (0.999,), (1e-6,)])
family("hypergeo", lambda n, d, m: s.hypergeom(int(m), int(d), int(n)), [(10, 20, 50), (1, 1, 2), (400, 900, 5000), (30, 45, 50)], [10, 21, 50])
family("intuniform", lambda a, b: s.randint(int(a), int(b) + 1), [(-3, 8), (1, 2), (0, 1000), (-10 ** 9, 10 ** 9)], [-3, 9])

for f, x in (("normal(5,0)", 5), ("uniform(2,2)", 2), ("triang(3,3,3)", 3), ("pert(4,4,4)", 4), ("lognorm(1,0)", 1), ("lognorm2(0,0)", 1),
             ("binomial(10,0)", 0), ("binomial(10,1)", 10), ("binomial(0,0.5)", 0), ("bernoulli(0)", 0), ("bernoulli(1)", 1), ("poisson(0)", 0),
             ("negbin(4,1)", 0), ("geomet(1)", 0), ("hypergeo(5,5,5)", 5), ("hypergeo(0,3,9)", 0), ("hypergeo(9,3,9)", 3), ("intuniform(6,6)", 6),
             ("duniform({-2.5})", -2.5), ("discrete({1,8},{0,2})", 8)):
    constant(f, x)
