#!/usr/bin/python3
"""insurance.xlsx: an insurer's large losses under three excess-of-loss layers with deductibles, reinstatements and annual
limits, and a stop loss above them; random by @RISK's functions. Up to thirty large losses a year, one a row: a negative binomial
number of them, Pareto (property) or lognormal (liability) in size. The sheet Check has the closed forms."""
import os
import sys

import openpyxl

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import book  # noqa: E402

LOSSES = 30
wb = openpyxl.Workbook()
a = wb.active
a.title = "Assumptions"
book.title(a, "Large losses and reinsurance: assumptions", "Amounts in thousands.")
money = "#,##0"
book.named_inputs(wb, a, 4, [
    ("Portfolio",),
    ("Premium income", "Premium", 62000, money),
    ("Costs, share of premium", "CostRatio", 0.27, "0.0%"),
    ("Attritional loss ratio, mean", "AttrMean", 0.44, "0.0%"),
    ("Attritional loss ratio, standard deviation", "AttrSd", 0.05, "0.0%"),
    ("Number of large losses a year",),
    ("Mean", "FreqMean", 6.5, "0.0"),
    ("Variance over mean", "FreqDispersion", 1.5, "0.0"),
    ("Negative binomial: p", "FreqP", "=1/FreqDispersion", "0.0000"),
    ("Negative binomial: s", "FreqS", "=ROUND(FreqMean*FreqP/(1-FreqP),0)", "0"),
    ("Size of a large loss",),
    ("Large from", "Threshold", 1000, money),
    ("Largest sum insured", "MaxLoss", 60000, money),
    ("Share of property", "PropertyShare", 0.7, "0%"),
    ("Property: Pareto's alpha", "Alpha", 1.6, "0.00"),
    ("Liability: lognormal mean, before the bounds", "LiabMean", 2500, money),
    ("Liability: standard deviation", "LiabSd", 3500, money),
])

p = wb.create_sheet("Program")
book.title(p, "Reinsurance program")
book.header(p, 3, ["Layer", "Retention", "Limit", "Annual deductible", "Reinstatements", "At share of premium", "Rate on line", "Premium",
                   "Annual limit"], 15)
for r, row in enumerate([("First", 2000, 3000, 1000, 3, 0.5, 0.32), ("Second", 5000, 5000, 0, 2, 1, 0.115),
                         ("Third", 10000, 15000, 0, 1, 1, 0.045)], 4):
    for c, v in enumerate(row, 1):
        p.cell(r, c, v).number_format = "0.0%" if c > 5 else money
    p.cell(r, 8, f"=C{r}*G{r}").number_format = money
    p.cell(r, 9, f"=C{r}*(1+E{r})").number_format = money
for r, (label, v, fmt) in enumerate([("Stop loss: from a net loss ratio of", 0.72, "0%"), ("Stop loss: for a further", 0.15, "0%"),
                                     ("Stop loss: premium, share of premium income", 0.021, "0.0%")], 9):
    p.cell(r, 1, label)
    p.cell(r, 2, v).number_format = fmt

lo = wb.create_sheet("Losses")
book.title(lo, "Large losses of the year, one a row")
lo.column_dimensions["A"].width = 10
lo["A2"], lo["D2"] = "Number", '=_xll.RiskNegbin(FreqS,FreqP,_xll.RiskStatic(6),_xll.RiskName("Large losses"))'
lo["F2"], lo["I2"] = "Beyond the rows", f"=MAX(0,D2-{LOSSES})"
book.header(lo, 4, ["Loss", "Occurs", "Property", "If property", "If liability", "Loss", "First layer", "Second layer", "Third layer",
                    "Retained"])
layers = [f"=MIN(Program!$C${k},MAX(0,$F{{r}}-Program!$B${k}))" for k in (4, 5, 6)]
book.rows(lo, 5, 4 + LOSSES, ["0", "0", "0"] + [money] * 7, [
    "{n}",
    "=IF(A{r}<=$D$2,1,0)",
    "=_xll.RiskBernoulli(PropertyShare,_xll.RiskStatic(1))",
    "=_xll.RiskPareto(Alpha,Threshold,_xll.RiskTruncate(,MaxLoss),_xll.RiskStatic(2200))",
    "=_xll.RiskLognorm(LiabMean,LiabSd,_xll.RiskTruncate(Threshold,MaxLoss),_xll.RiskStatic(3300))",
    "=B{r}*IF(C{r}=1,D{r},E{r})",
] + layers + ["=F{r}-SUM(G{r}:I{r})"])
lo.freeze_panes = "B5"
last = 4 + LOSSES

y = wb.create_sheet("Year")
book.title(y, "The year, layer by layer")
book.header(y, 3, ["Layer", "Losses to the layer", "Above the deductible", "Recovered", "Reinstated", "Reinstatement premium", "Used up"], 19)
for r, (name, col) in enumerate((("First", "G"), ("Second", "H"), ("Third", "I")), 4):
    for c, v in enumerate([name, f"=SUM(Losses!{col}5:{col}{last})", f"=MAX(0,B{r}-Program!D{r})", f"=MIN(Program!I{r},C{r})",
                           f"=MIN(D{r},Program!E{r}*Program!C{r})", f"=E{r}/Program!C{r}*Program!F{r}*Program!H{r}",
                           f"=IF(D{r}>=Program!I{r},1,0)"], 1):
        y.cell(r, c, v).number_format = money
book.summary(y, 9, [
    ("Attritional losses", '=Premium*_xll.RiskLognorm(AttrMean,AttrSd,_xll.RiskStatic(AttrMean),_xll.RiskName("Attritional loss ratio"))', money),
    ("Large losses", f"=SUM(Losses!F5:F{last})", money),
    ("Gross losses", "=B9+B10", money),
    ("Recovered from the layers", "=SUM(D4:D6)", money),
    ("Net before the stop loss", "=B11-B12", money),
    ("Recovered from the stop loss", "=MIN(Program!B10*Premium,MAX(0,B13-Program!B9*Premium))", money),
    ("Net losses", "=B13-B14", money),
    ("Premiums of the layers", "=SUM(Program!H4:H6)", money),
    ("Reinstatement premiums", "=SUM(F4:F6)", money),
    ("Premium of the stop loss", "=Program!B11*Premium", money),
    ("Costs", "=CostRatio*Premium", money),
])

c = wb.create_sheet("Check")
book.title(c, "Closed forms: expected losses to the layers, before deductibles and annual limits")
book.header(c, 3, ["Layer", "From", "To", "Pareto, one loss", "E min(X,from)", "E min(X,to)", "Lognormal, one loss", "Of a year"], 16)
c["A10"], c["B10"] = "sigma of ln X", "=SQRT(LN(1+(LiabSd/LiabMean)^2))"
c["A11"], c["B11"] = "mu of ln X", "=LN(LiabMean)-B10^2/2"
c["A12"], c["B12"] = "Lognormal, P(X < least)", "=_xlfn.NORM.S.DIST((LN(Threshold)-B11)/B10,TRUE)"
c["A13"], c["B13"] = "Lognormal, P(X < greatest)", "=_xlfn.NORM.S.DIST((LN(MaxLoss)-B11)/B10,TRUE)"
# integral of P(X > x) from f to t, X truncated at M: ((T/x)^a - (T/M)^a) / (1 - (T/M)^a)
c["A14"], c["B14"] = "Pareto, P(X > greatest)", "=(Threshold/MaxLoss)^Alpha"
for r in (4, 5, 6, 7):
    c.cell(r, 1, f"=Program!A{r}" if r < 7 else "All of a loss")
    c.cell(r, 2, f"=Program!B{r}" if r < 7 else "=Threshold")
    c.cell(r, 3, f"=Program!B{r}+Program!C{r}" if r < 7 else "=MaxLoss")
    c.cell(r, 4, f"=((Threshold^Alpha/(Alpha-1))*(B{r}^(1-Alpha)-C{r}^(1-Alpha))-(C{r}-B{r})*$B$14)/(1-$B$14)" + ("+Threshold" if r == 7 else ""))
    for col, x in (("E", "B"), ("F", "C")):  # E[min(X, x); X < M], to be divided by P(least < X < greatest)
        c[f"{col}{r}"] = (f"=(LiabMean*(_xlfn.NORM.S.DIST((LN({x}{r})-$B$11)/$B$10-$B$10,TRUE)-_xlfn.NORM.S.DIST((LN(Threshold)-$B$11)/$B$10-$B$10,TRUE))"
                          f"+{x}{r}*($B$13-_xlfn.NORM.S.DIST((LN({x}{r})-$B$11)/$B$10,TRUE)))/($B$13-$B$12)")
    c.cell(r, 7, f"=F{r}-E{r}" if r < 7 else f"=F{r}")
    c.cell(r, 8, f"=FreqMean*(PropertyShare*D{r}+(1-PropertyShare)*G{r})")
    for k in range(2, 9):
        c.cell(r, k).number_format = "#,##0.00"

s = wb.create_sheet("Summary")
book.title(s, "Result")
out = '=_xll.RiskOutput("{}")+'
book.summary(s, 3, [
    ("Underwriting result", out.format("Underwriting result") + "Premium-Year!B15-Year!B16-Year!B17-Year!B18-Year!B19", money),
    ("Combined ratio", out.format("Combined ratio") + "1-B3/Premium", "0.0%"),
    ("Large losses, gross", out.format("Large losses, gross") + "Year!B10", money),
    ("Recovered", out.format("Recovered") + "Year!B12+Year!B14", money),
    ("Reinsurer's result", out.format("Reinsurer's result") + "Year!B16+Year!B17+Year!B18-B6", money),
    ("Losses to the first layer", out.format("Losses to the first layer") + "Year!B4", money),
    ("Losses to the second layer", out.format("Losses to the second layer") + "Year!B5", money),
    ("Losses to the third layer", out.format("Losses to the third layer") + "Year!B6", money),
    ("Second layer used up", out.format("Second layer used up") + "Year!G5", "0"),
    ("Loss of more than a tenth of the premium", out.format("Loss of more than a tenth") + "IF(B3<-0.1*Premium,1,0)", "0"),
])
wb.save(sys.argv[1])
