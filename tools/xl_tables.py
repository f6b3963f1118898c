#!/usr/bin/python3
"""Compute the tables of the worksheet functions and write kernels/xl_tables.h.

    /usr/bin/python3 tools/xl_tables.py > kernels/xl_tables.h

Powers of ten as double-doubles, and factorials, each rounded once from exact integers.
"""
from fractions import Fraction
import math


def f(x):
    """Nearest double of a fraction, as hexadecimal."""
    return float(x)


def dd(x):
    hi = f(x)
    lo = f(x - Fraction(hi))
    return hi, lo


print("/* Written by tools/xl_tables.py; do not edit. */")
print("#ifndef KERNELS_XL_TABLES_H\n#define KERNELS_XL_TABLES_H\n")
print("/* 10^0 .. 10^22, exact. */\n#define XL_P10 \\")
print("\t" + ", ".join("1e%d" % i for i in range(12)) + ", \\")
print("\t" + ", ".join("1e%d" % i for i in range(12, 23)) + "\n")
print("/* 10^(16 j) for j = -20 .. 19: high part, low part. */\n#define XL_P10_16 \\")
rows = []
for j in range(-20, 20):
    hi, lo = dd(Fraction(10) ** (16 * j))
    rows.append("\t{%s, %s}" % (hi.hex(), lo.hex()))
print(", \\\n".join(rows) + "\n")
print("/* 0! .. 170!, each rounded once. */\n#define XL_FACTORIALS \\")
fs = [f(Fraction(math.factorial(n))).hex() for n in range(171)]
print(", \\\n".join("\t" + ", ".join(fs[i:i + 4]) for i in range(0, 171, 4)))
print("\n#endif")
