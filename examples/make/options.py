#!/usr/bin/python3
"""options.xlsx: an Asian and a European call by plain RAND(), twelve monthly steps."""
import sys

import openpyxl

wb = openpyxl.Workbook()
i = wb.active
i.title = "Inputs"
for r, (k, v) in enumerate([("Spot", 100), ("Strike", 100), ("Rate", 0.05), ("Volatility", 0.2), ("Years", 1), ("Steps", 12)]):
    i.cell(r + 1, 1, k)
    i.cell(r + 1, 2, v)
p = wb.create_sheet("Path")
for c, t in enumerate(["Step", "Deviate", "Price"]):
    p.cell(1, c + 1, t)
p["A2"], p["C2"] = 0, "=Inputs!B1"
for s in range(1, 13):
    r = s + 2
    p.cell(r, 1, s)
    p.cell(r, 2, "=NORMSINV(RAND())")
    p.cell(r, 3, f"=C{r-1}*EXP((Inputs!$B$3-Inputs!$B$4^2/2)*Inputs!$B$5/Inputs!$B$6+Inputs!$B$4*SQRT(Inputs!$B$5/Inputs!$B$6)*B{r})")
s = wb.create_sheet("Summary")
for r, (k, f) in enumerate([
        ("European call", "=EXP(-Inputs!B3*Inputs!B5)*MAX(0,Path!C14-Inputs!B2)"),
        ("Asian call", "=EXP(-Inputs!B3*Inputs!B5)*MAX(0,AVERAGE(Path!C3:C14)-Inputs!B2)"),
        ("Black-Scholes d1", "=(LN(Inputs!B1/Inputs!B2)+(Inputs!B3+Inputs!B4^2/2)*Inputs!B5)/(Inputs!B4*SQRT(Inputs!B5))"),
        ("Black-Scholes call", "=Inputs!B1*NORMSDIST(B3)-Inputs!B2*EXP(-Inputs!B3*Inputs!B5)*NORMSDIST(B3-Inputs!B4*SQRT(Inputs!B5))")]):
    s.cell(r + 1, 1, k)
    s.cell(r + 1, 2, f)
wb.save(sys.argv[1])
