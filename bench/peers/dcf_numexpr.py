#!/usr/bin/python3
"""The DCF example with its model in numexpr, 65,536 trials at a time, one thread; sampling by NumPy as in dcf.py. prints nanoseconds a trial."""
import sys
import time
import numexpr
import numpy as np
from dcf import pert

numexpr.set_num_threads(1)


def model(rng, n):
    v = {"rev": rng.normal(1000, 80, n), "g1": pert(rng, 0.01, 0.06, 0.12, n), "g2": rng.triangular(0, 0.03, 0.05, n),
         "cogs": pert(rng, 0.38, 0.45, 0.55, n), "fixed": rng.normal(180, 12, n), "infl": rng.triangular(0.01, 0.025, 0.05, n),
         "capex": pert(rng, 0.05, 0.08, 0.12, n), "depr": rng.uniform(0.1, 0.14, n), "wc": rng.triangular(0.1, 0.15, 0.22, n),
         "tax": rng.uniform(0.22, 0.28, n), "wacc": rng.normal(0.09, 0.006, n), "tg": rng.triangular(0.01, 0.02, 0.03, n),
         "pv": np.zeros(n), "loss": np.zeros(n), "cap": np.full(n, 400.0), "df": np.ones(n)}
    ev = lambda text: numexpr.evaluate(text, local_dict=v)  # noqa: E731
    for y in range(1, 11):
        v["prev"] = v["rev"]
        if y > 1:
            v["rev"] = ev("prev * (1 + %s)" % ("g1" if y <= 5 else "g2"))
            v["fixed"] = ev("fixed * (1 + infl)")
        v["dep"] = ev("cap * depr")
        v["ebit"] = ev("rev - rev * cogs - fixed - dep")
        v["fcf"] = ev("ebit - where(ebit > loss, ebit - loss, 0) * tax + dep - rev * capex - " +
                      ("rev * wc * 0.1" if y == 1 else "(rev - prev) * wc"))
        v["cap"] = ev("cap + rev * capex - dep")
        v["loss"] = ev("where(loss > ebit, loss - ebit, 0)")
        v["df"] = ev("df / (1 + wacc)")
        v["pv"] = ev("pv + fcf * df")
    return ev("pv + fcf * (1 + tg) / (wacc - tg) * df - 500")


def run(n, size=65536):
    rng = np.random.Generator(np.random.PCG64(1))
    total, done = 0.0, 0
    while done < n:
        k = min(size, n - done)
        x = model(rng, k)
        total += x.sum()
        np.histogram(x, bins=4096, range=(-2000, 14000))
        done += k
    return total / n


if __name__ == "__main__":
    n = int(float(sys.argv[1]))
    run(65536)
    start = time.process_time()
    mean = run(n)
    seconds = time.process_time() - start
    if abs(mean - 3124) > 30:
        sys.exit(f"mean {mean}: not the same model")
    print(f"{seconds / n * 1e9:.1f}")
