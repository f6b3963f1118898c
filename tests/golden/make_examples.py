#!/usr/bin/python3
"""The example workbooks written once more, by hand, in NumPy: an independent witness of readers, formulas, draws and statistics.

    make_examples.py golden > tests/golden/examples.tsv    means of each target over millions of trials with NumPy's own draws
    make_examples.py replay EXAMPLE SAMPLES.csv            recomputes every trial of `--samples` from its inputs; status 1 if a target
                                                           differs by more than 1e-9 of its size

Each model is two functions: draw(rng, n) makes the inputs, named as in the header of --samples; model(inputs) gives the targets. No
number comes from a workbook: what the scripts in examples/make write is repeated here on purpose.
"""
import csv
import math
import sys
from statistics import NormalDist

import numpy as np

# --- dcf ------------------------------------------------------------------------------------------------


def pert(rng, lo, mode, hi, n):
    a, b = 1 + 4 * (mode - lo) / (hi - lo), 1 + 4 * (hi - mode) / (hi - lo)
    return lo + (hi - lo) * rng.beta(a, b, n)


def dcf_draw(rng, n):
    return {
        "Revenue, first year": rng.normal(1000, 80, n), "Growth, years 1-5": pert(rng, 0.01, 0.06, 0.12, n),
        "Growth, years 6-10": rng.triangular(0, 0.03, 0.05, n), "Cost of goods": pert(rng, 0.38, 0.45, 0.55, n),
        "Fixed costs": rng.normal(180, 12, n), "Inflation": rng.triangular(0.01, 0.025, 0.05, n),
        "Capital expenditure": pert(rng, 0.05, 0.08, 0.12, n), "Depreciation": rng.uniform(0.1, 0.14, n),
        "Working capital": rng.triangular(0.1, 0.15, 0.22, n), "Tax rate": rng.uniform(0.22, 0.28, n),
        "Discount rate": rng.normal(0.09, 0.006, n), "Terminal growth": rng.triangular(0.01, 0.02, 0.03, n)}


def dcf(x):
    revenue, capital, loss, value, growth = x["Revenue, first year"], 400.0, 0.0, 0.0, None
    before = None
    for year in range(1, 11):
        if year > 1:
            growth = x["Growth, years 1-5"] if year <= 5 else x["Growth, years 6-10"]
            before, revenue = revenue, revenue * (1 + growth)
        ebitda = revenue * (1 - x["Cost of goods"]) - x["Fixed costs"] * (1 + x["Inflation"]) ** (year - 1)
        depreciation = capital * x["Depreciation"]
        spent = revenue * x["Capital expenditure"]
        capital = capital + spent - depreciation
        ebit = ebitda - depreciation
        tax = np.maximum(0, ebit - loss) * x["Tax rate"]
        loss = np.maximum(0, loss - ebit)
        tied = x["Working capital"] * (revenue * 0.1 if year == 1 else revenue - before)
        free = ebit - tax + depreciation - spent - tied
        value = value + free / (1 + x["Discount rate"]) ** year
    end = free * (1 + x["Terminal growth"]) / (x["Discount rate"] - x["Terminal growth"]) / (1 + x["Discount rate"]) ** 10
    return [value + end - 500]


# --- options --------------------------------------------------------------------------------------------


def options_draw(rng, n):
    return {f"Path!B{r}": rng.random(n) for r in range(3, 15)}


def options(x):
    price, total = 100.0, 0.0
    for r in range(3, 15):
        price = price * np.exp((0.05 - 0.02) / 12 + 0.2 * math.sqrt(1 / 12) * normal_inverse(x[f"Path!B{r}"]))
        total = total + price
    return [math.exp(-0.05) * np.maximum(0, price - 100), math.exp(-0.05) * np.maximum(0, total / 12 - 100)]


def normal_inverse(u):
    if len(u) > 100000:  # golden: a table, SciPy's
        from scipy.special import ndtri
        return ndtri(u)
    return np.array([NormalDist().inv_cdf(p) for p in u])


# --- project-risk ---------------------------------------------------------------------------------------

TASKS = [("Design", 900), ("Tasks!B3", 300), ("Tasks!B4", 2500), ("Tasks!B5", 4200), ("Tasks!B6", 3100), ("Tasks!B7", 700)]


def project_draw(rng, n):
    sigma = math.sqrt(math.log(1 + (8 / 35) ** 2))
    ground = truncated(n, 20, 80, lambda k: rng.lognormal(math.log(35) - sigma ** 2 / 2, sigma, k))
    x = {"Design": pert(rng, 20, 30, 55, n), "Tasks!B3": rng.triangular(10, 20, 60, n), "Tasks!B4": ground,
         "Tasks!B5": pert(rng, 60, 80, 130, n), "Tasks!B6": rng.gamma(25, 2.4, n), "Tasks!B7": rng.uniform(5, 12, n)}
    for r in range(2, 8):
        x[f"Tasks!E{r}"] = (rng.random(n) < 0.15) * 1.0
        x[f"Tasks!F{r}"] = rng.exponential(20000, n)
    return x


def truncated(n, lo, hi, draw):
    """By rejection."""
    out = np.empty(0)
    while len(out) < n:
        v = draw(n)
        out = np.concatenate([out, v[(v >= lo) & (v <= hi)]])
    return out[:n]


def project(x):
    cost = sum(x[t] * rate for t, rate in TASKS) + sum(x[f"Tasks!E{r}"] * x[f"Tasks!F{r}"] for r in range(2, 8))
    days = np.maximum(x["Design"], x["Tasks!B3"]) + sum(x[f"Tasks!B{r}"] for r in range(4, 8))
    return [cost, days, (days > 250) * 1.0]


# --- insurance ------------------------------------------------------------------------------------------


def insurance_draw(rng, n):
    sigma2 = math.log(1 + (3500 / 2500) ** 2)
    s = math.sqrt(math.log(1 + (0.05 / 0.44) ** 2))
    x = {"Large losses": rng.negative_binomial(13, 1 / 1.5, n) * 1.0,
         "Attritional loss ratio": rng.lognormal(math.log(0.44) - s * s / 2, s, n)}
    for r in range(5, 35):
        x[f"Losses!C{r}"] = (rng.random(n) < 0.7) * 1.0
        x[f"Losses!D{r}"] = truncated(n, 1000, 60000, lambda k: 1000 * (1 + rng.pareto(1.6, k)))
        x[f"Losses!E{r}"] = truncated(n, 1000, 60000,
                                      lambda k: rng.lognormal(math.log(2500) - sigma2 / 2, math.sqrt(sigma2), k))
    return x


# retention, limit, deductible of the year, reinstatements, their price, rate on line
LAYERS = [(2000, 3000, 1000, 3, 0.5, 0.32), (5000, 5000, 0, 2, 1, 0.115), (10000, 15000, 0, 1, 1, 0.045)]


def insurance(x):
    n = x["Large losses"]
    loss = [np.where(k < n, np.where(x[f"Losses!C{5 + k}"] == 1, x[f"Losses!D{5 + k}"], x[f"Losses!E{5 + k}"]), 0) for k in range(30)]
    large = sum(loss)
    to_layer, back, again, used, fixed = [], 0, 0, [], 0
    for retention, limit, deductible, times, price, rate in LAYERS:
        total = sum(np.minimum(limit, np.maximum(0, v - retention)) for v in loss)
        recovered = np.minimum(limit * (1 + times), np.maximum(0, total - deductible))
        to_layer.append(total)
        back = back + recovered
        again = again + np.minimum(recovered, times * limit) / limit * price * limit * rate
        used.append((recovered >= limit * (1 + times)) * 1.0)
        fixed += limit * rate
    net = 62000 * x["Attritional loss ratio"] + large - back
    stop = np.minimum(0.15 * 62000, np.maximum(0, net - 0.72 * 62000))
    reinsurance = fixed + again + 0.021 * 62000
    result = 62000 - (net - stop) - reinsurance - 0.27 * 62000
    return [result, 1 - result / 62000, large, back + stop, reinsurance - back - stop, *to_layer, used[1], (result < -6200) * 1.0]


# --- inventory ------------------------------------------------------------------------------------------


def inventory_draw(rng, n):
    return {f"Weeks!{c}{r}": rng.random(n) for r in range(5, 57) for c in "CDM" if c != "M" or r < 56}


def inventory(x):
    season = [(45, 1.4), (32, 0.95), (23, 1.15), (10, 1), (1, 0.9)]
    n = len(x["Weeks!C5"])
    stock, on_order = np.full(n, 520.0), np.zeros(n)
    coming = np.zeros((64, n))
    demand_sum, sold_sum, margin, holding, ordering, closing_sum = (np.zeros(n) for _ in range(6))
    short = np.zeros(n)
    for week in range(1, 53):
        r = week + 4
        f = next(v for w, v in season if week >= w)
        promo = x[f"Weeks!C{r}"] < 0.08
        z = normal_inverse(x[f"Weeks!D{r}"])
        demand = np.maximum(0, np.floor(100 * f * (1 + 0.6 * promo) + 28 * math.sqrt(f) * z + 0.5))
        received = coming[week]
        have = stock + received
        sold = np.minimum(demand, have)
        stock = have - sold
        on_order = on_order - received
        position = stock + on_order
        order = np.where(position <= 360, 760 - position, 0)
        if week < 52:
            u = x[f"Weeks!M{r}"]
            lead = np.where(u < 0.2, 1, np.where(u < 0.2 + 0.45, 2, np.where(u < 0.2 + 0.45 + 0.25, 3, 5)))
            np.add.at(coming, (week + lead, np.arange(n)), order)
        on_order = on_order + order
        demand_sum += demand
        sold_sum += sold
        short += demand > sold
        closing_sum += stock
        holding += (have + stock) / 2 * (15.5 * 0.22 / 52)
        ordering += (order > 0) * 180.0
        margin += sold * (24 - 15.5) - (demand - sold) * 4
    fill = sold_sum / demand_sum
    return [sold_sum, fill, short, closing_sum / 52, margin - holding - ordering, (fill < 0.97) * 1.0]


# --- retirement -----------------------------------------------------------------------------------------


def retirement_draw(rng, n):
    s2 = math.log(1 + (0.17 / 1.067) ** 2)
    x = {}
    for r in range(5, 65):
        x[f"Stocks B{r}"] = rng.lognormal(math.log(1.067) - s2 / 2, math.sqrt(s2), n)
        x[f"Bonds C{r}"] = rng.standard_normal(n)
        x[f"Inflation D{r}"] = rng.normal(0, 0.011, n)
    return x


def retirement(x):
    glide = [(72, 0.4), (64, 0.5), (58, 0.6), (52, 0.7), (45, 0.8), (0, 0.85)]
    tax_table = [(11000, 0.15), (18000, 0.24), (38000, 0.33), (75000, 0.42)]
    n = len(x["Stocks B5"])
    money, price, share, wanted = np.full(n, 85000.0), np.ones(n), np.ones(n), np.zeros(n)
    infl = np.full(n, 0.029)
    ends, least, ruined = np.full(n, 98.0), np.ones(n), np.zeros(n, bool)
    for year in range(60):
        age, r = 38 + year, 5 + year
        infl_next = 0.022 + 0.6 * (infl - 0.022) + (x[f"Inflation D{r}"] if f"Inflation D{r}" in x else 0)
        stocks = x[f"Stocks B{r}"] - 1
        bonds = 0.031 + 0.06 * (0.15 * (stocks - 0.067) / 0.17 + math.sqrt(1 - 0.15 ** 2) * x[f"Bonds C{r}"])
        if age == 66:
            at_retirement = money / price
        if age >= 66:
            with np.errstate(divide="ignore", invalid="ignore"):
                rate = wanted / money
            new = np.clip(share * np.where(rate > 0.065, 0.9, np.where(rate < 0.03, 1.05, 1)), 0.7, 1.25)
            share = np.where((money <= 0) | (wanted == 0), share, new)
        least = np.minimum(least, share)
        saved = min(58000 * 1.012 ** year * 0.18, np.inf) * price
        saved = np.minimum(saved, 16000 * price) if age < 66 else 0
        pension = 17500 * price if age >= 67 else 0
        spending = 36000 * price * share if age >= 66 else np.zeros(n)
        real, tax, below = spending / price, 0, 0
        for above, t in tax_table:
            tax = tax + np.maximum(0, real - above) * (t - below)
            below = t
        wanted = np.maximum(0, spending + price * tax - pension)
        paid = np.minimum(wanted, money)
        w = next(v for a, v in glide if age >= a)
        money = (money + saved - paid) * (1 + w * stocks + (1 - w) * bonds - 0.006)
        now = (wanted - paid > 0.005) & ~ruined
        ends = np.where(now, age, ends)
        ruined |= now
        infl = infl_next
        price = price * (1 + infl)
    return [ruined * 1.0, ends, at_retirement, money / price, least]


MODELS = {
    "dcf": (dcf_draw, dcf, ["Summary!B12"], 4000000),
    "insurance": (insurance_draw, insurance, [f"Summary!B{r}" for r in range(3, 13)], 4000000),
    "inventory": (inventory_draw, inventory, [f"Summary!B{r}" for r in (5, 6, 7, 10, 17, 18)], 4000000),
    "options": (options_draw, options, ["Summary!B1", "Summary!B2"], 4000000),
    "project-risk": (project_draw, project, ["Summary!B1", "Summary!B2", "Summary!B3"], 4000000),
    "retirement": (retirement_draw, retirement, [f"Summary!B{r}" for r in (3, 4, 6, 7, 9)], 4000000),
}
CHUNK = 200000


def golden():
    print("# example, target, mean, its standard error, standard deviation, trials; by tests/golden/make_examples.py")
    for name, (draw, model, targets, n) in MODELS.items():
        rng = np.random.Generator(np.random.PCG64(20261121))
        s = np.zeros(len(targets))
        q = np.zeros(len(targets))
        centre = None
        for _ in range(n // CHUNK):
            y = np.array(model(draw(rng, CHUNK)))
            if centre is None:
                centre = y.mean(axis=1)
            d = y - centre[:, None]
            s += d.sum(axis=1)
            q += (d * d).sum(axis=1)
        mean = s / n
        sd = np.sqrt((q - n * mean * mean) / (n - 1))
        for t, target in enumerate(targets):
            print(name, target, repr(float(centre[t] + mean[t])), repr(float(sd[t] / math.sqrt(n))), repr(float(sd[t])), n, sep="\t")
        print(name, file=sys.stderr)


def replay(name, path):
    _, model, targets, _ = MODELS[name]
    with open(path, newline="") as f:
        rows = list(csv.reader(f))
    head, data = rows[0], np.array(rows[1:], dtype=float).T
    want = model({h: data[i] for i, h in enumerate(head) if i > len(targets)})
    worst = 0.0
    for t, target in enumerate(targets):
        gap = np.abs(want[t] - data[1 + t]) / np.maximum(1, np.abs(want[t]))
        worst = max(worst, float(gap.max()))
        if gap.max() > 1e-9:
            k = int(gap.argmax())
            print(f"{name} {target}: trial {int(data[0][k])}: {data[1 + t][k]!r} in the samples, {want[t][k]!r} by NumPy")
            sys.exit(1)
    print(f"{name}: {data.shape[1]} trials, {len(targets)} targets, largest difference {worst:.1e}")


if __name__ == "__main__":
    if sys.argv[1] == "golden":
        golden()
    else:
        replay(sys.argv[2], sys.argv[3])
