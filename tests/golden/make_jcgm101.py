#!/usr/bin/python3
"""jcgm101.xlsx: the examples of JCGM 101:2008 (Supplement 1 to the GUM), clause 9, as plain worksheets.

    /usr/bin/python3 tests/golden/make_jcgm101.py tests/golden/jcgm101.xlsx

Inputs by RAND() and inverse distribution functions, as anybody would write them; two rows by @RISK's functions. One sheet an
example, the result in B1. tests/bats/jcgm101.bats has the published answers.
"""
import sys

import openpyxl

wb = openpyxl.Workbook()


def sheet(title, rows):
    s = wb.active if wb.active.title == "Sheet" else wb.create_sheet()
    s.title = title
    for r, (name, content) in enumerate(rows, 1):
        s.cell(r, 1, name)
        s.cell(r, 2, content)


# 9.2.2 to 9.2.4: Y = X1 + X2 + X3 + X4
for title, cells in (("Gaussian", ["=NORM.S.INV(RAND())"] * 4),
                     ("Rectangular", ["=SQRT(3)*(2*RAND()-1)"] * 4),
                     ("Dominant", ["=SQRT(3)*(2*RAND()-1)"] * 3 + ["=10*SQRT(3)*(2*RAND()-1)"])):
    sheet(title, [("Y", "=SUM(B2:B5)")] + [("X%d" % (i + 1), f) for i, f in enumerate(cells)])

# 9.3: mass calibration, in mg and kg/m^3 (table 5)
sheet("Mass", [
    ("Deviation from nominal", "=(B2+B3)*(1+(B4-B7)*(1/B5-1/B6))-B8"),
    ("Reference weight", "=NORM.INV(RAND(),100000,0.05)"),
    ("Added weight", "=NORM.INV(RAND(),1.234,0.02)"),
    ("Density of air", "=1.1+0.2*RAND()"),
    ("Density of the weight", "=7000+2000*RAND()"),
    ("Density of the reference", "=_xll.RiskUniform(7950,8050)"),
    ("Conventional density of air", 1.2),
    ("Nominal mass", 100000)])

# 9.4: comparison loss in the calibration of a microwave power meter; X1 and X2 correlated by B6 (9.4.3 to 9.4.5)
sheet("Power", [
    ("Loss", "=B2^2+B3^2"),
    ("X1", "=B4+B5*NORM.S.INV(B7)"),
    ("X2", "=B5*(B6*NORM.S.INV(B7)+SQRT(1-B6^2)*NORM.S.INV(RAND()))"),
    ("Estimate of X1", 0),
    ("Standard uncertainty", 0.005),
    ("Correlation", 0),
    ("Shared", "=RAND()")])

# 9.5: gauge block, in nm and degrees Celsius (table 10); curvilinear trapezia and the arc sine as clause 6.4 generates them
sheet("Gauge", [
    ("Deviation from nominal", "=B2+B3+B4+B5-B2*(B9*(B7+B8)+B6*B10)-B11"),
    ("Length of the standard", "=50000623+25*T.INV(RAND(),18)"),
    ("Average difference", "=215+6*T.INV(RAND(),24)"),
    ("Random effect of the comparator", "=4*T.INV(RAND(),5)"),
    ("Systematic effect of the comparator", "=7*_xll.RiskStudent(8)"),
    ("Expansion of the standard", "=0.0000095+0.000004*RAND()"),
    ("Average temperature less 20", "=NORM.INV(RAND(),-0.1,0.2)"),
    ("Cyclic variation", "=0.5*SIN(2*PI()*RAND())"),
    ("Difference of expansions", "=B12+(0-2*B12)*RAND()"),
    ("Difference of temperatures", "=B13+(0-2*B13)*RAND()"),
    ("Nominal length", 50000000),
    ("Lower end, expansions", "=-0.000001-0.0000001+2*0.0000001*RAND()"),
    ("Lower end, temperatures", "=-0.05-0.025+2*0.025*RAND()")])

wb.save(sys.argv[1])
