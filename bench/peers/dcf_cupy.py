#!/usr/bin/python3
"""The DCF example written by hand for CuPy, operation by operation, or for JAX (jit: fused by XLA); float64, sums of the result;
prints trials a second. usage: dcf_cupy.py cupy|jax TRIALS"""
import sys
import time


def model(xp, normal, uniform, beta):
    def pert(lo, mode, hi):
        a, b = 1 + 4 * (mode - lo) / (hi - lo), 1 + 4 * (hi - mode) / (hi - lo)
        return lo + (hi - lo) * beta(a, b)

    def triangular(a, m, b):
        u, w = uniform(), b - a
        return xp.where(u < (m - a) / w, a + xp.sqrt(u * w * (m - a)), b - xp.sqrt((1 - u) * w * (b - m)))

    rev = 1000 + 80 * normal()
    g1, g2 = pert(0.01, 0.06, 0.12), triangular(0, 0.03, 0.05)
    cogs, fixed0 = pert(0.38, 0.45, 0.55), 180 + 12 * normal()
    infl, capex = triangular(0.01, 0.025, 0.05), pert(0.05, 0.08, 0.12)
    depr, wc = 0.1 + 0.04 * uniform(), triangular(0.1, 0.15, 0.22)
    tax, wacc, tg = 0.22 + 0.06 * uniform(), 0.09 + 0.006 * normal(), triangular(0.01, 0.02, 0.03)
    pv = loss = 0.0 * rev
    cap = 400.0
    for y in range(1, 11):
        prev = rev
        if y > 1:
            rev = prev * (1 + (g1 if y <= 5 else g2))
        ebitda = rev - rev * cogs - fixed0 * (1 + infl) ** (y - 1)
        cx, dep = rev * capex, cap * depr
        cap = cap + cx - dep
        ebit = ebitda - dep
        due = xp.maximum(0, ebit - loss) * tax
        loss = xp.maximum(0, loss - ebit)
        dwc = rev * wc * 0.1 if y == 1 else (rev - prev) * wc
        fcf = ebit - due + dep - cx - dwc
        df = 1 / (1 + wacc) ** y
        pv = pv + fcf * df
    x = pv + fcf * (1 + tg) / (wacc - tg) * df - 500
    return x.sum(), (x * x).sum()


def run_cupy(n):
    import cupy as cp

    rng = cp.random.default_rng(1)
    s = model(cp, lambda: rng.standard_normal(n), lambda: rng.random(n), lambda a, b: rng.beta(a, b, n))
    cp.cuda.Device().synchronize()
    return s


def jax_step(n):
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    @jax.jit
    def step(key):
        keys = iter(jax.random.split(key, 16))
        return model(jnp, lambda: jax.random.normal(next(keys), (n,)), lambda: jax.random.uniform(next(keys), (n,)),
                     lambda a, b: jax.random.beta(next(keys), a, b, (n,)))

    return lambda: [v.block_until_ready() for v in step(jax.random.PRNGKey(1))]


if __name__ == "__main__":
    what, total = sys.argv[1], int(float(sys.argv[2]))
    n = min(total, 10_000_000)
    once = (lambda: run_cupy(n)) if what == "cupy" else jax_step(n)
    once()
    start = time.perf_counter()
    for _ in range(max(1, total // n)):
        once()
    print(f"{max(1, total // n) * n / (time.perf_counter() - start):.4g}")
