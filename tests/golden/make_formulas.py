#!/usr/bin/python3
"""Write formulas-math.tsv, formulas-stat.tsv and formulas-money.tsv: formula, expected value, where it comes from.

    cd tests/golden && /usr/bin/python3 make_formulas.py

Expected values are computed here by other means than ours: exact integers and fractions, mpmath at 120 digits, NumPy
and SciPy; or are Excel's own, as stated in its documentation or cached in files it saved ("excel").
"""
import math
from decimal import Decimal, ROUND_HALF_UP
from fractions import Fraction

import mpmath
import numpy as np
from mpmath import mp, mpf
from scipy import stats

mp.dps = 120
out = []


def fmt(v):
    if isinstance(v, bool):
        return "TRUE" if v else "FALSE"
    if isinstance(v, str):
        return v
    return repr(float(v))


def row(formula, value, note):
    out.append("%s\t%s\t%s" % (formula, fmt(value), note))


def write(name):
    global out
    with open(name, "w") as f:
        f.write("\n".join(out) + "\n")
    out = []


def arr(x):
    return "{" + ",".join(repr(v) for v in x) + "}"


# --- math ---------------------------------------------------------------------------------------
for x, n in [("2.15", 1), ("-1.475", 2), ("1.005", 2), ("123456", -3), ("2.5", 0), ("-2.5", 0), ("0.285", 2),
             ("1234.5678", 3), ("0.5", 0), ("1.5", 0), ("-0.5", 0), ("1e-7", 7), ("5.015", 2), ("1.045", 2),
             ("99999.995", 2), ("8.325", 2), ("162.295", 2), ("0.145", 2), ("1234567.891", -2), ("149.5", -2),
             ("1e15", 2), ("123456789012345", -1), ("0.1", 20), ("45", -2), ("55", -2)]:
    q = Decimal(1).scaleb(-n)
    row("ROUND(%s,%d)" % (x, n), float((Decimal(x) / q).quantize(Decimal(1), ROUND_HALF_UP) * q) if n < 16 else float(x), "decimal")
row("ROUND(123456,-2.9)", 123500, "excel")
row("ROUND(4.35*100,0)", 435, "15 digits")
row("ROUNDDOWN(4.35*100,0)", 435, "15 digits: 434.99999999999994")
row("ROUNDUP(1.1*3,1)", 3.3, "15 digits: 3.3000000000000003")
row("INT((0.1+0.7)*10)", 8, "15 digits: 7.9999999999999991")
row("TRUNC((0.1+0.7)*10)", 8, "15 digits")
for f, v in [("INT(-1.7)", -2), ("INT(8.9)", 8), ("TRUNC(-8.9)", -8), ("TRUNC(3.14159,3)", 3.141), ("ROUNDUP(3.2,0)", 4),
             ("ROUNDUP(-3.14159,1)", -3.2), ("ROUNDUP(31415.92654,-2)", 31500), ("ROUNDDOWN(-3.14159,1)", -3.1),
             ("ROUNDDOWN(31415.92654,-2)", 31400), ("MOD(-3,2)", 1), ("MOD(3,-2)", -1), ("MOD(3,0)", "#DIV/0!"),
             ("MOD(10.0000000001,0.1)", 9.999945316252479e-11), ("MOD(5,1e-10)", 9.999981783901343e-11),
             ("POWER(0,0)", "#NUM!"), ("POWER(0,-1)", "#DIV/0!"), ("POWER(-2,0.5)", "#NUM!"), ("ATAN2(0,0)", "#DIV/0!"),
             ("FACT(4.5)", 24), ("FACT(-1)", "#NUM!"), ("FACT(171)", "#NUM!"), ("CEILING(-2.5,2)", -2),
             ("CEILING(-2.5,-2)", -4), ("CEILING(2.5,-2)", "#NUM!"), ("CEILING(2.5,1)", 3), ("CEILING(1.5,0.1)", 1.5),
             ("CEILING(0.234,0.01)", 0.24), ("FLOOR(3.7,2)", 2), ("FLOOR(-2.5,-2)", -2), ("FLOOR(2.5,-2)", "#NUM!"),
             ("FLOOR(1.58,0.1)", 1.5), ("FLOOR(0.234,0.01)", 0.23), ("FLOOR(0.3,0.1)", 0.3), ("FLOOR(5,0)", "#DIV/0!"),
             ("CEILING.MATH(24.3,5)", 25), ("CEILING.MATH(6.7)", 7), ("CEILING.MATH(-8.1,2)", -8),
             ("CEILING.MATH(-5.5,2,-1)", -6), ("FLOOR.MATH(24.3,5)", 20), ("FLOOR.MATH(-8.1,2)", -10),
             ("FLOOR.MATH(-5.5,2,-1)", -4), ("CEILING.PRECISE(-4.1,-2)", -4), ("FLOOR.PRECISE(-3.2,-1)", -4),
             ("ISO.CEILING(4.3,-2)", 6), ("MROUND(10,3)", 9), ("MROUND(-10,-3)", -9), ("MROUND(1.3,0.2)", 1.4),
             ("MROUND(-7.5,5)", "#NUM!"), ("MROUND(6.05,0.1)", 6), ("MROUND(7.05,0.1)", 7.1), ("EVEN(1.5)", 2),
             ("EVEN(3)", 4), ("EVEN(2)", 2), ("EVEN(-1)", -2), ("ODD(1.5)", 3), ("ODD(3)", 3), ("ODD(2)", 3), ("ODD(-1)", -1),
             ("ODD(-2)", -3), ("ODD(0)", 1), ("QUOTIENT(-10,3)", -3), ("QUOTIENT(4.5,3.1)", 1), ("SIGN(-0.00001)", -1),
             ("SQRT(-16)", "#NUM!"), ("LN(0)", "#NUM!"), ("LOG(8,2)", 3), ("LOG(125,5)", 3), ("LOG(10,1)", "#DIV/0!"),
             ("LOG10(1e5)", 5), ("EXP(-745)", 0), ("EXP(710)", "#NUM!"), ("GCD(24,36)", 12), ("GCD(7,1)", 1), ("GCD(5,0)", 5),
             ("LCM(5,2)", 10), ("LCM(24,36)", 72), ("LCM(0,5)", 0), ("GCD(-1,2)", "#NUM!"), ("MULTINOMIAL(2,3,4)", 1260),
             ("SERIESSUM(2,0,1,{1,2,3})", 17), ("BITAND(13,25)", 9), ("BITOR(23,10)", 31), ("BITXOR(5,3)", 6),
             ("BITLSHIFT(4,2)", 16), ("BITRSHIFT(13,2)", 3), ("BITAND(-1,2)", "#NUM!"), ("DELTA(5,4)", 0), ("DELTA(5,5)", 1),
             ("GESTEP(5,4)", 1), ("GESTEP(-4,-5)", 1), ("COMBIN(8,2)", 28), ("COMBINA(4,3)", 20), ("PERMUT(100,3)", 970200),
             ("PERMUTATIONA(3,2)", 9), ("FACTDOUBLE(6)", 48), ("FACTDOUBLE(7)", 105), ("SUMX2MY2({2,3,9,1,8,7,5},{6,5,11,7,5,4,4})", -55),
             ("SUMX2PY2({2,3,9,1,8,7,5},{6,5,11,7,5,4,4})", 521), ("SUMXMY2({2,3,9,1,8,7,5},{6,5,11,7,5,4,4})", 79),
             ("SUMXMY2({1,2},{1,2,3})", "#N/A"), ("SUMSQ(3,4)", 25), ("SUM(\"2\",\"4\",TRUE)", 7), ("SUM(\"seven\")", "#VALUE!"),
             ("MAX(\"7\",2)", 7), ("SUMPRODUCT({3,4;8,6;1,9},{2,7;6,7;5,3})", 156), ("SUMPRODUCT({1,2},{1;2})", "#VALUE!"),
             ("MDETERM({1,3,8,5;1,3,6,1;1,1,1,0;7,3,10,2})", 88), ("MDETERM({3,6;1,1})", -3), ("MDETERM({1,2;2,4})", 0),
             ("MINVERSE({1,2;2,4})", "#NUM!"), ("SUM(MUNIT(4))", 4), ("INDEX(MMULT({1,3;7,2},{2,0;0,2}),2,1)", 14),
             ("MMULT({1,2},{1,2})", "#VALUE!"), ("CONVERT(1,\"lbm\",\"kg\")", 0.45359237), ("CONVERT(68,\"F\",\"C\")", 20),
             ("CONVERT(2.5,\"ft\",\"sec\")", "#N/A"), ("CONVERT(1,\"mi\",\"km\")", 1.609344), ("CONVERT(1,\"KM\",\"m\")", "#N/A"),
             ("CONVERT(1,\"Gibit\",\"bit\")", 1073741824), ("CONVERT(100,\"C\",\"K\")", 373.15), ("CONVERT(1,\"km2\",\"m2\")", 1000000),
             ("RADIANS(270)", 4.71238898038469), ("SIN(1e9)", "#NUM!"), ("ASIN(2)", "#NUM!"), ("ACOTH(0.5)", "#NUM!"),
             ("PRODUCT()", None)]:
    if v is not None:
        row(f, v, "excel")
row("COMBIN(49,6)", math.comb(49, 6), "exact")
row("COMBIN(1000,500)", float(math.comb(1000, 500)), "exact")
row("COMBIN(1030,500)", float(math.comb(1030, 500)) if math.comb(1030, 500) < 10 ** 308 else "#NUM!", "exact")
row("FACT(170)", float(math.factorial(170)), "exact")
row("FACT(25)", float(math.factorial(25)), "exact")
row("PERMUT(170,85)", float(Fraction(math.factorial(170), math.factorial(85))), "exact")
for f, g, xs in [("SIN", mp.sin, (0.5, -2, 1e6)), ("COS", mp.cos, (0.5, 3, 1e6)), ("TAN", mp.tan, (0.5, 1.5, 100)),
                 ("SEC", mp.sec, (0.5, 2)), ("CSC", mp.csc, (0.5, 2)), ("COT", mp.cot, (0.5, 2)), ("ASIN", mp.asin, (0.3, -1)),
                 ("ACOS", mp.acos, (0.3, -1)), ("ATAN", mp.atan, (0.3, 1e9)), ("SINH", mp.sinh, (1e-5, 3)),
                 ("COSH", mp.cosh, (0.1, 3)), ("TANH", mp.tanh, (1e-5, 3)), ("ASINH", mp.asinh, (1e-5, 30)),
                 ("ACOSH", mp.acosh, (1.0001, 30)), ("ATANH", mp.atanh, (1e-5, 0.99)), ("ACOTH", mp.acoth, (1.01, 30)),
                 ("SECH", mp.sech, (0.1, 3)), ("CSCH", mp.csch, (0.1, 3)), ("COTH", mp.coth, (0.1, 3)), ("EXP", mp.exp, (1, -30.5)),
                 ("LN", mp.log, (2, 1e-300)), ("LOG10", mp.log10, (2, 1e-300)), ("ERF", mp.erf, (0.3, 2)), ("ERFC", mp.erfc, (0.3, 5)),
                 ("SQRT", mp.sqrt, (2, 1e300))]:
    for x in xs:
        row("%s(%r)" % (f, x), g(mpf(x)), "mpmath")
row("ACOT(-2)", mp.pi - mp.acot(2), "mpmath")
row("ATAN2(-1,-1)", mp.atan2(-1, -1), "mpmath")
row("SQRTPI(2)", mp.sqrt(2 * mp.pi), "mpmath")
row("LOG(86,2.7182818)", mp.log(86) / mp.log(mpf(2.7182818)), "mpmath")
row("ERF(1,2)", mp.erf(2) - mp.erf(1), "mpmath")
row("ERF(5,6)", mp.erfc(5) - mp.erfc(6), "mpmath")
row("POWER(1.0001,12345.6)", mp.power(mpf(1.0001), mpf(12345.6)), "mpmath")
write("formulas-math.tsv")

# --- stat ---------------------------------------------------------------------------------------
a = [1345, 1301, 1368, 1322, 1310, 1370, 1318, 1350, 1303, 1299]
b = [3.5, 5, 7.23, 2.99, 11.4, 8.8, 6.1, 2.75, 9.9, 4.4]
c = [10, 7, 9, 27, 0, 9, 4, 4, 3.25]
for x in (a, b, c):
    s = arr(x)
    n = np.array(x, float)
    row("AVERAGE(%s)" % s, n.mean(), "numpy")
    row("MEDIAN(%s)" % s, np.median(n), "numpy")
    row("STDEV.S(%s)" % s, n.std(ddof=1), "numpy")
    row("STDEVP(%s)" % s, n.std(), "numpy")
    row("VAR(%s)" % s, n.var(ddof=1), "numpy")
    row("VAR.P(%s)" % s, n.var(), "numpy")
    row("DEVSQ(%s)" % s, ((n - n.mean()) ** 2).sum(), "numpy")
    row("AVEDEV(%s)" % s, abs(n - n.mean()).mean(), "numpy")
    row("SKEW(%s)" % s, stats.skew(n, bias=False), "scipy")
    row("SKEW.P(%s)" % s, stats.skew(n), "scipy")
    row("KURT(%s)" % s, stats.kurtosis(n, bias=False), "scipy")
    for p in (0, 0.1, 0.3, 0.77, 1):
        row("PERCENTILE(%s,%r)" % (s, p), np.percentile(n, 100 * p), "numpy linear")
    for p in (0.15, 0.5, 0.85):
        row("PERCENTILE.EXC(%s,%r)" % (s, p), np.percentile(n, 100 * p, method="weibull"), "numpy weibull")
    row("QUARTILE(%s,3)" % s, np.percentile(n, 75), "numpy")
    row("QUARTILE.EXC(%s,1)" % s, np.percentile(n, 25, method="weibull"), "numpy weibull")
    row("LARGE(%s,3)" % s, sorted(x)[-3], "sorted")
    row("SMALL(%s,4)" % s, sorted(x)[3], "sorted")
for x, y in ((a, b), ([2, 3, 9, 1, 8, 7, 5, 4, 6, 3.5], a)):
    sx, sy = arr(x), arr(y)
    r = stats.linregress(x, y)
    nx, ny = np.array(x, float), np.array(y, float)
    row("CORREL(%s,%s)" % (sx, sy), stats.pearsonr(x, y)[0], "scipy")
    row("RSQ(%s,%s)" % (sy, sx), r.rvalue ** 2, "scipy")
    row("SLOPE(%s,%s)" % (sy, sx), r.slope, "scipy")
    row("INTERCEPT(%s,%s)" % (sy, sx), r.intercept, "scipy")
    row("COVAR(%s,%s)" % (sx, sy), np.cov(x, y, ddof=0)[0, 1], "numpy")
    row("COVARIANCE.S(%s,%s)" % (sx, sy), np.cov(x, y)[0, 1], "numpy")
    res = ny - r.slope * nx - r.intercept
    row("STEYX(%s,%s)" % (sy, sx), math.sqrt((res ** 2).sum() / (len(x) - 2)), "numpy")
    row("FORECAST(30,%s,%s)" % (sy, sx), r.intercept + 30 * r.slope, "scipy")
    row("TREND(%s,%s,30)" % (sy, sx), r.intercept + 30 * r.slope, "scipy")
    row("INDEX(LINEST(%s,%s,TRUE,TRUE),2,1)" % (sy, sx), r.stderr, "scipy")
    row("INDEX(LINEST(%s,%s,TRUE,TRUE),2,2)" % (sy, sx), r.intercept_stderr, "scipy")
    row("INDEX(LINEST(%s,%s,TRUE,TRUE),3,1)" % (sy, sx), r.rvalue ** 2, "scipy")
y = [142000, 144000, 151000, 150000, 139000, 169000, 126000, 142900, 163000, 169000, 149000]
X = [[2310, 2, 2, 20], [2333, 2, 2, 12], [2356, 3, 1.5, 33], [2379, 3, 2, 43], [2402, 2, 3, 53], [2425, 4, 2, 23],
     [2448, 2, 1.5, 99], [2471, 2, 2, 34], [2494, 3, 3, 23], [2517, 4, 4, 55], [2540, 2, 3, 22]]
A = mpmath.matrix([[1] + r for r in X])
beta = mpmath.lu_solve(A.T * A, A.T * mpmath.matrix(y))
res = mpmath.matrix(y) - A * beta
ss = sum(v * v for v in res)
inv = (A.T * A) ** -1
lin = "LINEST({%s},{%s},TRUE,TRUE)" % (";".join(map(str, y)), ";".join(",".join(map(repr, r)) for r in X))
ym = mpf(sum(y)) / len(y)
tot = sum((v - ym) ** 2 for v in y)
for j in range(5):
    row("INDEX(%s,1,%d)" % (lin, j + 1), beta[(4 - j)], "normal equations, 120 digits")
    row("INDEX(%s,2,%d)" % (lin, j + 1), mp.sqrt(inv[4 - j, 4 - j] * ss / 6), "normal equations, 120 digits")
row("INDEX(%s,3,1)" % lin, 1 - ss / tot, "normal equations, 120 digits")
row("INDEX(%s,3,2)" % lin, mp.sqrt(ss / 6), "normal equations, 120 digits")
row("INDEX(%s,4,1)" % lin, (tot - ss) / 4 / (ss / 6), "normal equations, 120 digits")
row("INDEX(%s,4,2)" % lin, 6, "normal equations, 120 digits")
row("INDEX(%s,5,2)" % lin, ss, "normal equations, 120 digits")
row("INDEX(%s,5,5)" % lin, "#N/A", "excel")
row("GROWTH({33100;47300;69000;102000;150000;220000},{11;12;13;14;15;16},{17})", 320196.718363473, "excel")
row("INDEX(LOGEST({33100;47300;69000;102000;150000;220000},{11;12;13;14;15;16}),1)", 1.46327563, "excel, 9 digits")
out[-1] = "ROUND(" + out[-1].split("\t")[0] + ",8)\t1.46327563\texcel"
g = [4, 5, 8, 7, 11, 4, 3]
row("GEOMEAN(%s)" % arr(g), mp.exp(sum(mp.log(v) for v in g) / len(g)), "mpmath")
row("HARMEAN(%s)" % arr(g), len(g) / sum(mpf(1) / v for v in g), "mpmath")
for f, v in [("TRIMMEAN({4,5,6,7,2,3,4,5,1,2,3},0.2)", 34 / 9), ("MODE({5.6,4,4,3,2,4})", 4), ("MODE({1,2,3})", "#N/A"),
             ("MODE({2,1,1,2})", 2), ("SUM(MODE.MULT({1,2,3,4,3,2,1,2,3,5,6,1}))", 6), ("RANK(3.5,{7,3.5,3.5,1,2})", 2),
             ("RANK(7,{7,3.5,3.5,1,2},1)", 5), ("RANK.AVG(94,{89,88,92,101,94,97,95})", 4), ("RANK.AVG(3.5,{7,3.5,3.5,1,2})", 2.5),
             ("RANK(9,{1,2})", "#N/A"), ("PERCENTRANK({13,12,11,8,4,3,2,1,1,1},2)", 0.333), ("PERCENTRANK({13,12,11,8,4,3,2,1,1,1},8)", 0.666),
             ("PERCENTRANK({13,12,11,8,4,3,2,1,1,1},5)", 0.583), ("PERCENTRANK.EXC({1,2,3,6,6,6,7,8,9},7)", 0.7),
             ("PERCENTRANK.EXC({1,2,3,6,6,6,7,8,9},5.43)", 0.381), ("PERCENTRANK.EXC({1,2,3,6,6,6,7,8,9},5.43,1)", 0.3),
             ("LARGE({1,2},3)", "#NUM!"), ("PERCENTILE({1,2},1.1)", "#NUM!"), ("PERCENTILE.EXC({1,2},0.1)", "#NUM!"),
             ("AVERAGE({\"a\"})", "#DIV/0!"), ("STDEV(1)", "#DIV/0!"), ("STDEVP(1)", 0), ("MEDIAN({\"a\"})", "#NUM!"),
             ("MIN({\"a\"})", 0), ("SKEW({1,1,1})", "#DIV/0!"), ("CORREL({1,1},{1,2})", "#DIV/0!"), ("AVERAGEA({10,7,9,2,\"x\"})", 5.6),
             ("MAXA({0,0.2,0.5,TRUE})", 1), ("MINA({FALSE,0.2,0.5})", 0), ("VARA({1,TRUE,\"x\"})", 1 / 3), ("COUNT(1,\"2\",TRUE,\"x\",1/0)", 3),
             ("COUNTA(1,\"\",1/0)", 3), ("COUNT({1,\"2\",TRUE})", 1), ("AGGREGATE(14,6,{1,2,3}/{1,0,1},1)", 3), ("AGGREGATE(9,6,{1,2,3}/{1,0,1})", 4),
             ("INDEX(FREQUENCY({79,85,78,85,50,81,95,88,97},{70,79,89}),2)", 2), ("INDEX(FREQUENCY({79,85,78,85,50,81,95,88,97},{70,79,89}),4)", 2),
             ("STANDARDIZE(42,40,1.5)", 4 / 3), ("PROB({0,1,2,3},{0.2,0.3,0.1,0.4},2)", 0.1), ("PROB({0,1,2,3},{0.2,0.3,0.1,0.4},1,3)", 0.8)]:
    row(f, v, "excel")
row("FISHER(0.75)", mp.atanh(mpf(0.75)), "mpmath")
row("FISHERINV(0.972955)", mp.tanh(mpf(0.972955)), "mpmath")
write("formulas-stat.tsv")

# --- money --------------------------------------------------------------------------------------


def annuity(r, n, pmt, pv, fv, t):
    r = mpf(r)
    q = (1 + r) ** n
    k = (q - 1) / r if r else mpf(n)
    return pv * q + pmt * (1 + r * t) * k + fv


def solve_pmt(r, n, pv, fv, t):
    z = annuity(r, n, 0, pv, fv, t)
    return -z / (annuity(r, n, 1, 0, 0, t))


for r, n, pv, fv, t in [(0.08 / 12, 10, 10000, 0, 0), (0.08 / 12, 10, 10000, 0, 1), (0.005, 360, 250000, 0, 0), (0.06 / 12, 216, 0, 50000, 0),
                        (0, 12, 1200, 0, 0), (1e-9, 360, 1e5, 0, 0), (0.3, 36, 8000, -500, 1)]:
    args = "%r,%d,%r,%r,%d" % (r, n, pv, fv, t)
    pmt = solve_pmt(r, n, pv, fv, t)
    row("PMT(%s)" % args, pmt, "mpmath")
    for per in (1, 2, n // 2, n):
        owed = -annuity(r, per - 1, pmt, pv, 0, t)
        i = 0 if t and per == 1 else (owed / (1 + mpf(r)) if t else owed) * mpf(r)
        row("IPMT(%r,%d,%d,%r,%r,%d)" % (r, per, n, pv, fv, t), i, "mpmath")
        row("PPMT(%r,%d,%d,%r,%r,%d)" % (r, per, n, pv, fv, t), pmt - i, "mpmath")
    p = mpf(float(pmt))  # where pv and payments all but cancel, the last digits of the payment decide: left out
    end = annuity(r, n, p, pv, 0, t)
    if abs(end) > abs(annuity(r, n, 0, pv, 0, t)) / 1000:
        row("FV(%r,%d,%r,%r,%d)" % (r, n, float(p), pv, t), -end, "mpmath")
    if pv:
        row("PV(%r,%d,%r,%r,%d)" % (r, n, float(p), fv, t), -annuity(r, n, p, 0, fv, t) / (1 + mpf(r)) ** n, "mpmath")
for n, pmt, pv, fv, t in [(48, -200, 8000, 0, 0), (360, -500, 100000, 0, 0), (360, -1199.1, 200000, 0, 0), (10, -1000, 5000, 2000, 1)]:
    root = mpmath.findroot(lambda x: annuity(x, n, pmt, pv, fv, t), mpf("0.01"))
    row("RATE(%d,%r,%r,%r,%d)" % (n, pmt, pv, fv, t), root, "mpmath")
    row("NPER(%r,%r,%r,%r,%d)" % (float(root), pmt, pv, fv, t),
        mpmath.findroot(lambda k: annuity(mpf(float(root)), k, pmt, pv, fv, t), n), "mpmath")
for flows, guess in [([-70000, 12000, 15000, 18000, 21000, 26000], 0.1), ([-70000, 12000, 15000], -0.3), ([-100, 39, 59, 55, 20], 0.2),
                     ([-1000, 300, 400, 500], 0.1), ([-1, 0, 0, 0, 0, 0, 0, 0, 0, 1.5], 0.1), ([1000, -500, -800], 0.2)]:
    root = mpmath.findroot(lambda x: sum(v / (1 + x) ** i for i, v in enumerate(flows)), mpf(guess))
    row("IRR(%s)" % arr(flows), root, "mpmath")
    row("NPV(0.1,%s)" % arr(flows), sum(mpf(v) / mpf(1.1) ** (i + 1) for i, v in enumerate(flows)), "mpmath")
v, d = [-10000, 2750, 4250, 3250, 2750], [39448, 39508, 39751, 39859, 39904]
row("XNPV(0.09,%s,%s)" % (arr(v), arr(d)), sum(x / (1 + mpf(0.09)) ** (mpf(t - d[0]) / 365) for x, t in zip(v, d)), "mpmath")
row("XIRR(%s,%s)" % (arr(v), arr(d)), mpmath.findroot(lambda r: sum(x / (1 + r) ** (mpf(t - d[0]) / 365) for x, t in zip(v, d)), mpf("0.3")), "mpmath")
m = [-120000, 39000, 30000, 21000, 37000, 46000]
gain = sum(x * mpf(1.12) ** (5 - i) for i, x in enumerate(m) if x > 0)
row("MIRR(%s,0.1,0.12)" % arr(m), (gain / 120000) ** (mpf(1) / 5) - 1, "mpmath")
for s, e, t in [(13, 24, 0), (1, 1, 0), (1, 360, 0), (13, 24, 1)]:
    r, n, pv = 0.09 / 12, 360, 125000
    pmt = solve_pmt(r, n, pv, 0, t)
    I = P = mpf(0)
    for k in range(s, e + 1):
        owed = -annuity(r, k - 1, pmt, pv, 0, t)
        i = 0 if t and k == 1 else (owed / (1 + mpf(r)) if t else owed) * mpf(r)
        I += i
        P += pmt - i
    row("CUMIPMT(%r,360,125000,%d,%d,%d)" % (r, s, e, t), I, "mpmath")
    row("CUMPRINC(%r,360,125000,%d,%d,%d)" % (r, s, e, t), P, "mpmath")
row("CUMPRINC(7,36,8000,3,10,1)", -3.308722252996902e-21, "excel")
for f, v in [("SLN(30000,7500,10)", 2250), ("SYD(30000,7500,10,1)", 22500 * 10 * 2 / 110), ("SYD(30000,7500,10,10)", 22500 * 2 / 110),
             ("ROUND(DB(1000000,100000,6,1,7),2)", 186083.33), ("ROUND(DB(1000000,100000,6,4,7),2)", 110220.53) if 0 else ("ROUND(DB(1000000,100000,6,7,7),2)", 15845.10),
             ("ROUND(DDB(2400,300,3650,1),2)", 1.32), ("DDB(2400,300,120,1,2)", 40), ("DDB(2400,300,10,1,2)", 480), ("DDB(2400,300,10,2,1.5)", 306),
             ("ROUND(DDB(2400,300,10,10),2)", 22.12), ("ROUND(VDB(2400,300,3650,0,1),2)", 1.32), ("VDB(2400,300,120,0,1)", 40), ("VDB(2400,300,10,0,1)", 480),
             ("ROUND(VDB(2400,300,120,6,18),2)", 396.31), ("ROUND(VDB(2400,300,120,6,18,1.5),2)", 311.81), ("VDB(2400,300,10,0,0.875,1.5)", 315),
             ("ROUND(FVSCHEDULE(1,{0.09,0.11,0.1}),8)", 1.33089), ("DOLLARDE(1.02,16)", 1.125), ("DOLLARDE(1.1,32)", 1.3125), ("DOLLARFR(1.125,16)", 1.02),
             ("DOLLARFR(1.125,32)", 1.04), ("ROUND(ISPMT(0.1/12,6,36,8000000),4)", -55555.5556), ("ROUND(PRICE(39493,43054,0.0575,0.065,100,2,0),5)", 94.63436),
             ("ROUND(YIELD(39493,42689,0.0575,95.04287,100,2,0),6)", 0.065), ("ROUND(DURATION(39448,42370,0.08,0.09,2,1),6)", 5.993775),
             ("ROUND(MDURATION(39448,42370,0.08,0.09,2,1),5)", 5.73567), ("COUPNUM(39107,39767,2,1)", 4), ("COUPDAYBS(40568,40862,2,1)", 71),
             ("COUPDAYS(40568,40862,2,1)", 181), ("COUPDAYSNC(40568,40862,2,1)", 110), ("COUPNCD(40568,40862,2,1)", 40678), ("COUPPCD(40568,40862,2,1)", 40497),
             ("ROUND(ACCRINT(39508,39691,39569,0.1,1000,2,0),6)", 16.666667), ("ROUND(ACCRINT(39512,39691,39569,0.1,1000,2,0,FALSE),6)", 15.555556),
             ("ROUND(ACCRINTM(39539,39614,0.1,1000,3),6)", 20.547945), ("ROUND(TBILLEQ(39538,39600,0.0914),6)", 0.094151), ("TBILLPRICE(39538,39600,0.09)", 98.45),
             ("ROUND(TBILLYIELD(39538,39600,98.45),6)", 0.091417), ("ROUND(DISC(43282,54058,97.975,100,1),6)", 0.000686), ("INTRATE(39493,39583,1000000,1014420,2)", 0.05768),
             ("ROUND(RECEIVED(39493,39583,1000000,0.0575,2),2)", 1014584.65), ("ROUND(PRICEDISC(39494,39508,0.0525,100,2),5)", 99.79583),
             ("ROUND(YIELDDISC(39494,39508,99.795,100,2),6)", 0.052823), ("ROUND(PRICEMAT(39493,39551,39397,0.061,0.061,0),5)", 99.98450),
             ("ROUND(YIELDMAT(39522,39755,39394,0.0625,100.0123,0),6)", 0.060954), ("IRR({1,2,3})", "#NUM!"), ("PMT(0.1,0,100)", "#NUM!"), ("NPV(-1,5)", "#DIV/0!"),
             ("IPMT(0.1,4,3,1000)", "#NUM!"), ("RATE(-1,1,1)", "#NUM!"), ("EFFECT(0,4)", "#NUM!"), ("SLN(1,1,0)", "#DIV/0!")]:
    row(f, v, "excel")
row("EFFECT(0.0525,4)", (1 + mpf(0.0525) / 4) ** 4 - 1, "mpmath")
row("NOMINAL(0.053543,4)", 4 * ((1 + mpf(0.053543)) ** (mpf(1) / 4) - 1), "mpmath")
row("RRI(96,10000,11000)", mpf(1.1) ** (mpf(1) / 96) - 1, "mpmath")
row("PDURATION(0.025,2000,2200)", mp.log(mpf(2200) / 2000) / mp.log(1 + mpf(0.025)), "mpmath")
write("formulas-money.tsv")
