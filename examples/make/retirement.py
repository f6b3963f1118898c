#!/usr/bin/python3
"""retirement.xlsx: sixty years of a household, from 38 to 97: saving, a glide path, inflation, taxes by brackets, a spending rule with
guard rails. The workbook itself is a plain forecast without a random cell; retirement.json makes the market random."""
import os
import sys

import openpyxl
from openpyxl.workbook.defined_name import DefinedName

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import book  # noqa: E402

YEARS = 60
wb = openpyxl.Workbook()
p = wb.active
p.title = "Plan"
book.title(p, "Retirement plan: inputs", "Amounts in today's money unless said otherwise.")
book.named_inputs(wb, p, 4, [
    ("Household",),
    ("Age now", "AgeNow", 38, "0"),
    ("Age of retirement", "AgeRetire", 66, "0"),
    ("State pension from age", "AgePension", 67, "0"),
    ("Savings now", "Savings0", 85000, "#,##0"),
    ("Salary", "Salary0", 58000, "#,##0"),
    ("Growth of the salary above inflation", "SalaryGrowth", 0.012, "0.0%"),
    ("Own contribution, share of salary", "OwnShare", 0.14, "0.0%"),
    ("Employer's contribution", "EmployerShare", 0.04, "0.0%"),
    ("Ceiling of contributions a year", "ContribMax", 16000, "#,##0"),
    ("State pension a year", "Pension0", 17500, "#,##0"),
    ("Spending in retirement a year", "Spend0", 36000, "#,##0"),
    ("Guard rails",),
    ("Cut spending above a withdrawal rate of", "RateHigh", 0.065, "0.0%"),
    ("Raise spending below", "RateLow", 0.03, "0.0%"),
    ("Cut by", "CutBy", 0.1, "0%"),
    ("Raise by", "RaiseBy", 0.05, "0%"),
    ("Least and", "SpendFloor", 0.7, "0%"),
    ("largest share of the spending planned", "SpendCap", 1.25, "0%"),
    ("Market",),
    ("Stocks, mean return", "StockMean", 0.067, "0.0%"),
    ("Stocks, standard deviation", "StockSd", 0.17, "0.0%"),
    ("Bonds, mean return", "BondMean", 0.031, "0.0%"),
    ("Bonds, standard deviation", "BondSd", 0.06, "0.0%"),
    ("Correlation of bonds with stocks", "StockBond", 0.15, "0.00"),
    ("Inflation, long run", "InflMean", 0.022, "0.0%"),
    ("Inflation, last year", "InflNow", 0.029, "0.0%"),
    ("Inflation, persistence", "InflPersist", 0.6, "0.00"),
    ("Inflation, shock of a year", "InflShock", 0.011, "0.0%"),
    ("Fees a year", "Fee", 0.006, "0.0%"),
])
for c, w in (("D", 20), ("E", 14), ("F", 14)):
    p.column_dimensions[c].width = w
p["D4"], p["D5"], p["E5"] = "Glide path", "From age", "Stocks"
for r, (age, share) in enumerate([(0, 0.85), (45, 0.8), (52, 0.7), (58, 0.6), (64, 0.5), (72, 0.4)], 6):
    p.cell(r, 4, age).font = book.BLUE
    c = p.cell(r, 5, share)
    c.font, c.number_format = book.BLUE, "0%"
p["D14"], p["D15"], p["E15"], p["F15"] = "Income tax", "Above", "Rate", "More than below"
for r, (above, rate) in enumerate([(11000, 0.15), (18000, 0.24), (38000, 0.33), (75000, 0.42)], 16):
    p.cell(r, 4, above).font = book.BLUE
    p.cell(r, 5, rate).font = book.BLUE
    p.cell(r, 6, "=E16" if r == 16 else f"=E{r}-E{r-1}")
for name, where in (("GlidePath", "$D$6:$E$11"), ("TaxAbove", "$D$16:$D$19"), ("TaxStep", "$F$16:$F$19")):
    wb.defined_names.append(DefinedName(name, attr_text=f"Plan!{where}"))

m = wb.create_sheet("Market")
book.title(m, "Market, year by year", "Expected values; retirement.json puts distributions in columns B to D.")
m.column_dimensions["A"].width = 8
book.header(m, 4, ["Year", "Stocks", "Bonds", "Inflation", "Price level"])
book.rows(m, 5, 4 + YEARS, ["0", "0.0%", "0.0%", "0.0%", "0.000"], [
    ("0", "=A{p}+1"), "=StockMean", "=BondMean",
    ("=InflMean+InflPersist*(InflNow-InflMean)", "=InflMean+InflPersist*(D{p}-InflMean)"),
    ("1", "=E{p}*(1+D{p})"),
])

h = wb.create_sheet("Household")
book.title(h, "Household, year by year", "Money of the year. Withdrawals at the start of the year, returns on what stays.")
h.column_dimensions["A"].width = 8
book.header(h, 4, ["Age", "Phase", "Prices", "Salary", "Contribution", "Pension", "Opening", "Spending share", "Spending",
                   "Tax", "Wanted", "Withdrawn", "Stocks", "Return", "Closing", "Short"], 12)
money = "#,##0"
book.rows(h, 5, 4 + YEARS, ["0", "@", "0.000", money, money, money, money, "0%", money, money, money, money, "0%", "0.0%", money, "0"], [
    ("=AgeNow", "=A{p}+1"),
    '=IF(A{r}<AgeRetire,"work","retired")',
    "=Market!E{r}",
    '=IF(B{r}="work",Salary0*C{r}*(1+SalaryGrowth)^(A{r}-AgeNow),0)',
    "=MIN(D{r}*(OwnShare+EmployerShare),ContribMax*C{r})",
    "=IF(A{r}>=AgePension,Pension0*C{r},0)",
    ("=Savings0", "=O{p}"),
    ("1", '=IF(OR(B{r}="work",G{r}<=0,K{p}=0),H{p},MAX(SpendFloor,MIN(SpendCap,H{p}*IF(K{p}/G{r}>RateHigh,1-CutBy,'
          'IF(K{p}/G{r}<RateLow,1+RaiseBy,1)))))'),
    '=IF(B{r}="retired",Spend0*C{r}*H{r},0)',
    "=C{r}*SUMPRODUCT((I{r}/C{r}>TaxAbove)*(I{r}/C{r}-TaxAbove)*TaxStep)",
    "=MAX(0,I{r}+J{r}-F{r})",
    "=MIN(K{r},G{r})",
    "=VLOOKUP(A{r},GlidePath,2,TRUE)",
    "=M{r}*Market!B{r}+(1-M{r})*Market!C{r}-Fee",
    "=(G{r}+E{r}-L{r})*(1+N{r})",
    "=IF(K{r}-L{r}>0.005,1,0)",
])
h.freeze_panes = "B5"
last = 4 + YEARS

s = wb.create_sheet("Summary")
book.title(s, "Outcome")
book.summary(s, 3, [
    ("Ruin: the money ends before the plan does", f"=IF(SUM(Household!P5:P{last})>0,1,0)", "0"),
    ("Age at which it ends; 98 if it does not", f"=IFERROR(INDEX(Household!A5:A{last},MATCH(1,Household!P5:P{last},0)),98)", "0"),
    ("Years without enough", f"=SUM(Household!P5:P{last})", "0"),
    ("Wealth at retirement, today's money", f"=SUMIFS(Household!G5:G{last},Household!A5:A{last},AgeRetire)/SUMIFS(Household!C5:C{last},Household!A5:A{last},AgeRetire)", money),
    ("Wealth at the end, today's money", f"=Household!O{last}/(Household!C{last}*(1+Market!D{last}))", money),
    ("Replacement rate at retirement", f'=Spend0/(Salary0*(1+SalaryGrowth)^(AgeRetire-AgeNow))', "0.0%"),
    ("Least share of the spending planned", f'=MIN(Household!H5:H{last})', "0%"),
    ("Largest share", f'=MAX(Household!H5:H{last})', "0%"),
    ("Worst year of the portfolio", f"=MIN(Household!N5:N{last})", "0.0%"),
    ("Years of loss", f'=COUNTIF(Household!N5:N{last},"<0")', "0"),
    ("Mean inflation", f"=(Household!C{last}*(1+Market!D{last}))^(1/{YEARS})-1", "0.00%"),
    ("Verdict", '=IF(B3=0,IF(B7>Savings0,"comfortable","enough"),"short from "&B4)', "@"),
])
wb.save(sys.argv[1])
