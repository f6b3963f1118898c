#!/usr/bin/python3
"""The DCF example written by hand for NumPy (in chunks, and on whole arrays) and for numba, sampling and statistics
included; prints nanoseconds per trial on one core. usage: dcf.py chunks|whole|numba|inverse|cells TRIALS

chunks   NumPy's own samplers (ziggurat, rejection), the model by a person who knows NumPy, 4096 trials at a time
whole    the same on whole arrays
inverse  the same with every draw an inverse distribution function of one uniform, as simspool and @RISK draw: what common random
         numbers, truncation and reproducible splits need; PERT from tables of 4096 points
cells    every formula cell of the workbook as one NumPy statement, as it stands there, with NumPy's own samplers
numba    one loop, fastmath
"""
import math
import sys
import time

import numpy as np


def pert(rng, lo, mode, hi, n):
    a = 1 + 4 * (mode - lo) / (hi - lo)
    b = 1 + 4 * (hi - mode) / (hi - lo)
    return lo + (hi - lo) * rng.beta(a, b, n)


class Inverse:
    """The methods of numpy.random.Generator that the model uses, by inversion."""

    def __init__(self, seed):
        from scipy import special, stats
        self.rng, self.ndtri, self.dist, self.table = np.random.Generator(np.random.PCG64(seed)), special.ndtri, stats, {}
        self.grid = np.linspace(0, 1, 4096)

    def normal(self, m, s, n):
        return m + s * self.ndtri(self.rng.random(n))

    def uniform(self, a, b, n):
        return a + (b - a) * self.rng.random(n)

    def triangular(self, a, c, b, n):
        u = self.rng.random(n)
        f = (c - a) / (b - a)
        return np.where(u < f, a + np.sqrt(u * (b - a) * (c - a)), b - np.sqrt((1 - u) * (b - a) * (b - c)))

    def beta(self, a, b, n):
        if (a, b) not in self.table:
            self.table[a, b] = self.dist.beta.ppf(self.grid, a, b)
        return np.interp(self.rng.random(n), self.grid, self.table[a, b])


def model(rng, n):
    rev0 = rng.normal(1000, 80, n)
    g1 = pert(rng, 0.01, 0.06, 0.12, n)
    g2 = rng.triangular(0, 0.03, 0.05, n)
    cogs = pert(rng, 0.38, 0.45, 0.55, n)
    fixed0 = rng.normal(180, 12, n)
    infl = rng.triangular(0.01, 0.025, 0.05, n)
    capex = pert(rng, 0.05, 0.08, 0.12, n)
    depr = rng.uniform(0.1, 0.14, n)
    wc = rng.triangular(0.1, 0.15, 0.22, n)
    tax = rng.uniform(0.22, 0.28, n)
    wacc = rng.normal(0.09, 0.006, n)
    tg = rng.triangular(0.01, 0.02, 0.03, n)
    pv = np.zeros(n)
    loss = np.zeros(n)
    cap = 400.0
    rev = rev0
    for y in range(1, 11):
        prev = rev
        if y > 1:
            rev = prev * (1 + (g1 if y <= 5 else g2))
        ebitda = rev - rev * cogs - fixed0 * (1 + infl) ** (y - 1)
        cx = rev * capex
        dep = cap * depr
        cap = cap + cx - dep
        ebit = ebitda - dep
        t = np.maximum(0, ebit - loss) * tax
        loss = np.maximum(0, loss - ebit)
        dwc = rev * wc * 0.1 if y == 1 else (rev - prev) * wc
        fcf = ebit - t + dep - cx - dwc
        df = 1 / (1 + wacc) ** y
        pv += fcf * df
    return pv + fcf * (1 + tg) / (wacc - tg) * df - 500


def translate(path, spec_path):
    """The workbook's formulas as the source of a function of (rng, n); a name for each cell."""
    import json
    import os
    import re
    import openpyxl
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    book = openpyxl.load_workbook(os.path.join(here, path))
    spec = json.load(open(os.path.join(here, spec_path)))
    defined = book.defined_names
    names = {d.name: d.attr_text.replace("$", "") for d in (defined.definedName if hasattr(defined, "definedName") else defined.values())}
    drawn = {"normal": "rng.normal({},{},n)", "uniform": "rng.uniform({},{},n)", "triang": "rng.triangular({},{},{},n)",
             "pert": "pert(rng,{},{},{},n)"}
    inputs = {}
    for name, how in spec["inputs"].items():
        text = how if isinstance(how, str) else how.get("formula") or f"{how['dist']}({','.join(map(str, how['params']))})"
        kind, args = re.match(r"(\w+)\((.*)\)", text).groups()
        inputs[names[name]] = drawn[kind].format(*args.split(","))
    done, lines = {}, []

    def ident(ref):
        return "c_" + re.sub(r"\W", "_", ref)

    def cell(sheet, at):
        ref = f"{sheet}!{at}"
        if ref in done:
            return ident(ref)
        done[ref] = 1
        v = book[sheet][at].value
        if ref in inputs:
            text = inputs[ref]
        elif isinstance(v, str) and v.startswith("="):
            text = formula(v[1:], sheet)
        else:
            text = repr(v)
        lines.append(f"    {ident(ref)} = {text}")
        return ident(ref)

    def formula(f, sheet):
        f = re.sub(r"\b(" + "|".join(sorted(names, key=len, reverse=True)) + r")\b(?!\()", lambda m: names[m.group(1)], f)

        def span(m):
            s, a, b = m.group(1) or sheet, m.group(2), m.group(3)
            return "[" + ",".join(cell(s, c.coordinate) for row in book[s][f"{a}:{b}"] for c in row) + "]"
        f = re.sub(r"(?:(\w+)!)?\$?([A-Z]+\$?\d+):\$?([A-Z]+\$?\d+)", lambda m: span(m), f.replace("$", ""))
        f = re.sub(r"(?<![\w_])(?:(\w+)!)?([A-Z]{1,2}\d+)(?![\w(])", lambda m: cell(m.group(1) or sheet, m.group(2)), f)
        return f.replace("^", "**").replace("MAX(", "np.maximum(").replace("SUM(", "sum(").replace("IF(", "IF(")

    target = spec["targets"][0]
    target = target["cell"] if isinstance(target, dict) else target
    result = cell(*target.split("!"))
    source = "def model(rng, n):\n" + "\n".join(lines) + f"\n    return {result}\n"
    space = {"np": np, "pert": pert, "IF": lambda c, a, b: a if c else b}
    exec(source, space)
    return space["model"]


def chunks(n, size, model=model, rng=None):
    rng = rng or np.random.Generator(np.random.PCG64(1))
    s = q = 0.0
    hist = np.zeros(4096, np.int64)
    done = 0
    while done < n:
        k = min(size, n - done)
        x = model(rng, k)
        s += x.sum()
        q += ((x - 3000) ** 2).sum()
        hist += np.histogram(x, bins=4096, range=(-2000, 14000))[0]
        done += k
    return s / n


def numba_run(n):
    import numba

    @numba.njit(fastmath=True)
    def run(n):
        s = 0.0
        q = 0.0
        hist = np.zeros(4096, np.int64)
        for _ in range(n):
            rev = np.random.normal(1000.0, 80.0)
            g1 = 0.01 + 0.11 * np.random.beta(1 + 4 * 0.05 / 0.11, 1 + 4 * 0.06 / 0.11)
            g2 = np.random.triangular(0.0, 0.03, 0.05)
            cogs = 0.38 + 0.17 * np.random.beta(1 + 4 * 0.07 / 0.17, 1 + 4 * 0.10 / 0.17)
            fixed = np.random.normal(180.0, 12.0)
            infl = np.random.triangular(0.01, 0.025, 0.05)
            capex = 0.05 + 0.07 * np.random.beta(1 + 4 * 0.03 / 0.07, 1 + 4 * 0.04 / 0.07)
            depr = np.random.uniform(0.1, 0.14)
            wc = np.random.triangular(0.1, 0.15, 0.22)
            tax = np.random.uniform(0.22, 0.28)
            wacc = np.random.normal(0.09, 0.006)
            tg = np.random.triangular(0.01, 0.02, 0.03)
            pv = 0.0
            loss = 0.0
            cap = 400.0
            df = 1.0
            fcf = 0.0
            for y in range(1, 11):
                prev = rev
                if y > 1:
                    rev = prev * (1 + (g1 if y <= 5 else g2))
                    fixed *= 1 + infl
                cx = rev * capex
                dep = cap * depr
                ebit = rev - rev * cogs - fixed - dep
                cap = cap + cx - dep
                t = max(0.0, ebit - loss) * tax
                loss = max(0.0, loss - ebit)
                dwc = rev * wc * 0.1 if y == 1 else (rev - prev) * wc
                fcf = ebit - t + dep - cx - dwc
                df /= 1 + wacc
                pv += fcf * df
            x = pv + fcf * (1 + tg) / (wacc - tg) * df - 500
            s += x
            q += (x - 3000) ** 2
            b = int((x + 2000) / 16000 * 4096)
            if 0 <= b < 4096:
                hist[b] += 1
        return s / n

    run(100)
    start = time.process_time()
    mean = run(n)
    return mean, time.process_time() - start


def main():
    kind, n = sys.argv[1], int(float(sys.argv[2]))
    if kind == "numba":
        mean, seconds = numba_run(n)
    else:
        rng = Inverse(1) if kind == "inverse" else None
        how = translate("examples/dcf.xlsx", "examples/dcf.json") if kind == "cells" else model
        chunks(8192, 4096, how, rng)
        start = time.process_time()
        mean = chunks(n, n if kind == "whole" else 4096, how, rng)
        seconds = time.process_time() - start
    if not math.isfinite(mean) or abs(mean - 3124) > 30:
        sys.exit(f"mean {mean}: not the same model")
    print(f"{seconds / n * 1e9:.1f}")


if __name__ == "__main__":
    main()
