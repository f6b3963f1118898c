#!/usr/bin/python3
"""dcf.xlsx: a ten-year discounted cash flow, as an analyst would lay it out: Inputs, Model, Summary."""
import sys

import openpyxl
from openpyxl.styles import Font
from openpyxl.workbook.defined_name import DefinedName

wb = openpyxl.Workbook()
inp = wb.active
inp.title = "Inputs"
inp["A1"] = "Discounted cash flow: inputs"
inp["A1"].font = Font(bold=True)
rows = [
    ("Revenue, first year", 1000, "#,##0"),
    ("Revenue growth, years 1-5", 0.06, "0.0%"),
    ("Revenue growth, years 6-10", 0.03, "0.0%"),
    ("Cost of goods, share of revenue", 0.45, "0.0%"),
    ("Fixed costs, first year", 180, "#,##0"),
    ("Inflation of fixed costs", 0.025, "0.0%"),
    ("Capital expenditure, share of revenue", 0.08, "0.0%"),
    ("Depreciation, share of capital stock", 0.12, "0.0%"),
    ("Working capital, share of revenue change", 0.15, "0.0%"),
    ("Tax rate", 0.25, "0.0%"),
    ("Discount rate", 0.09, "0.0%"),
    ("Terminal growth", 0.02, "0.0%"),
    ("Capital stock at start", 400, "#,##0"),
    ("Net debt", 500, "#,##0"),
    ("Shares outstanding", 100, "#,##0"),
]
for i, (label, value, fmt) in enumerate(rows):
    inp.cell(4 + i, 1, label)
    c = inp.cell(4 + i, 2, value)
    c.number_format = fmt
names = ["Revenue0", "Growth1", "Growth2", "CogsShare", "Fixed0", "Inflation", "CapexShare", "DeprRate", "WcShare",
         "TaxRate", "Wacc", "TermGrowth", "Capital0", "NetDebt", "Shares"]
for i, n in enumerate(names):
    wb.defined_names.append(DefinedName(n, attr_text=f"Inputs!$B${4 + i}"))

m = wb.create_sheet("Model")
m["A1"] = "Year"
labels = ["Growth", "Revenue", "Cost of goods", "Gross profit", "Fixed costs", "EBITDA", "Capital expenditure",
          "Depreciation", "Capital stock", "EBIT", "Tax", "Tax loss carried forward", "Profit after tax",
          "Change in working capital", "Free cash flow", "Discount factor", "Present value", "Margin"]
for i, l in enumerate(labels):
    m.cell(2 + i, 1, l)
for y in range(1, 11):
    c = y + 1
    L = openpyxl.utils.get_column_letter(c)
    P = openpyxl.utils.get_column_letter(c - 1)
    m.cell(1, c, y)
    f = {
        2: "=IF({L}$1<=5,Growth1,Growth2)",
        3: "=Revenue0" if y == 1 else "={P}3*(1+{L}2)",
        4: "={L}3*CogsShare",
        5: "={L}3-{L}4",
        6: "=Fixed0*(1+Inflation)^({L}$1-1)",
        7: "={L}5-{L}6",
        8: "={L}3*CapexShare",
        9: "=Capital0*DeprRate" if y == 1 else "={P}10*DeprRate",
        10: "=Capital0+{L}8-{L}9" if y == 1 else "={P}10+{L}8-{L}9",
        11: "={L}7-{L}9",
        12: "=MAX(0,{L}11)*TaxRate" if y == 1 else "=MAX(0,{L}11-{P}13)*TaxRate",
        13: "=MAX(0,-{L}11)" if y == 1 else "=MAX(0,{P}13-{L}11)",
        14: "={L}11-{L}12",
        15: "={L}3*WcShare*0.1" if y == 1 else "=({L}3-{P}3)*WcShare",
        16: "={L}14+{L}9-{L}8-{L}15",
        17: "=1/(1+Wacc)^{L}$1",
        18: "={L}16*{L}17",
        19: "={L}11/{L}3",
    }
    for r, t in f.items():
        cell = m.cell(r, c, t.format(L=L, P=P))
        cell.number_format = "0.0%" if r in (2, 19) else "0.000" if r == 17 else "#,##0.0"

s = wb.create_sheet("Summary")
s["A1"] = "Valuation"
s["A1"].font = Font(bold=True)
lines = [
    (4, "Present value of ten years", "=SUM(Model!B18:K18)"),
    (5, "Terminal value", "=Model!K16*(1+TermGrowth)/(Wacc-TermGrowth)"),
    (6, "Present value of terminal value", "=B5*Model!K17"),
    (7, "Enterprise value", "=B4+B6"),
    (8, "Net debt", "=NetDebt"),
    (9, "Check: NPV of free cash flow", "=NPV(Wacc,Model!B16:K16)"),
    (10, "Average margin", "=AVERAGE(Model!B19:K19)"),
    (11, "Years with a loss", '=COUNTIF(Model!B11:K11,"<0")'),
    (12, "Equity value", "=B7-B8"),
    (13, "Value per share", "=ROUND(B12/Shares,2)"),
    (14, "Least cash flow", "=MIN(Model!B16:K16)"),
    (15, "Verdict", '=IF(B13>=8,"buy",IF(B13>=5,"hold","sell"))'),
]
for r, label, f in lines:
    s.cell(r, 1, label)
    s.cell(r, 2, f).number_format = "#,##0.00"
wb.save(sys.argv[1])
