#!/usr/bin/python3
"""inventory.xlsx: one product over 52 weeks under an (s, S) policy, random by plain RAND(): seasonal demand with promotions, a
random lead time, lost sales. Orders arrive by SUMIFS over the weeks above."""
import os
import sys

import openpyxl
from openpyxl.workbook.defined_name import DefinedName

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import book  # noqa: E402

wb = openpyxl.Workbook()
i = wb.active
i.title = "Inputs"
book.title(i, "Inventory policy: inputs", "Blue cells are typed, the others calculated.")
book.named_inputs(wb, i, 4, [
    ("Policy",),
    ("Reorder point s: order when the position is at or below", "ReorderPoint", 360, "#,##0"),
    ("Order-up-to level S", "OrderUpTo", 760, "#,##0"),
    ("Stock at start", "StartStock", 520, "#,##0"),
    ("Demand",),
    ("Mean of a week, units", "DemandMean", 100, "#,##0"),
    ("Standard deviation", "DemandSd", 28, "#,##0"),
    ("Probability of a promotion in a week", "PromoProb", 0.08, "0%"),
    ("Uplift by a promotion", "PromoUplift", 0.6, "0%"),
    ("Money",),
    ("Price of a unit", "Price", 24, "0.00"),
    ("Cost of a unit", "UnitCost", 15.5, "0.00"),
    ("Cost of an order", "OrderCost", 180, "#,##0"),
    ("Holding cost, share of the unit's cost a year", "HoldRate", 0.22, "0%"),
    ("Good will lost with a lost sale", "Penalty", 4, "0.00"),
    ("Holding cost of a unit a week", "HoldWeek", "=UnitCost*HoldRate/52", "0.0000"),
])
for c, w in (("D", 22), ("E", 12), ("F", 12), ("G", 12)):
    i.column_dimensions[c].width = w
i["D4"], i["D5"], i["E5"] = "Season", "From week", "Factor"
for r, (week, factor) in enumerate([(1, 0.9), (10, 1), (23, 1.15), (32, 0.95), (45, 1.4)], 6):
    i.cell(r, 4, week).font = book.BLUE
    i.cell(r, 5, factor).font = book.BLUE
i["D13"], i["D14"], i["E14"], i["F14"] = "Lead time", "Cumulative from", "Weeks", "Probability"
for r, (weeks, prob) in enumerate([(1, 0.2), (2, 0.45), (3, 0.25), (5, 0.1)], 15):
    i.cell(r, 4, 0 if r == 15 else f"=D{r-1}+F{r-1}")
    i.cell(r, 5, weeks).font = book.BLUE
    i.cell(r, 6, prob).font = book.BLUE
i["D20"], i["F20"] = "Mean lead time; check of the sum", "=SUM(F15:F18)"
i["E20"] = "=SUMPRODUCT(E15:E18,F15:F18)"
for name, where in (("Season", "$D$6:$E$10"), ("LeadFrom", "$D$15:$D$18"), ("LeadWeeks", "$E$15:$E$18")):
    wb.defined_names.append(DefinedName(name, attr_text=f"Inputs!{where}"))

w = wb.create_sheet("Weeks")
book.title(w, "Week by week", "Demand that cannot be served is lost. An order of week t with a lead time of L arrives at the start of week t + L.")
w.column_dimensions["A"].width = 8
book.header(w, 4, ["Week", "Season", "Promotion", "Demand", "Opening", "Received", "Sold", "Lost", "Closing", "On order",
                   "Position", "Ordered", "Lead time", "Arrives", "Holding cost", "Ordering cost", "Margin"], 11)
whole, money = "#,##0", "#,##0.00"
book.rows(w, 5, 56, [whole, "0.00", whole] + [whole] * 11 + [money] * 3, [
    ("1", "=A{p}+1"),
    "=VLOOKUP(A{r},Season,2,TRUE)",
    "=IF(RAND()<PromoProb,1,0)",
    "=MAX(0,ROUND(_xlfn.NORM.INV(RAND(),DemandMean*B{r}*(1+PromoUplift*C{r}),DemandSd*SQRT(B{r})),0))",
    ("=StartStock", "=I{p}"),
    ("0", "=SUMIFS(L$5:L{p},N$5:N{p},A{r})"),
    "=MIN(D{r},E{r}+F{r})",
    "=D{r}-G{r}",
    "=E{r}+F{r}-G{r}",
    ("0", "=J{p}+L{p}-F{r}"),
    "=I{r}+J{r}",
    "=IF(K{r}<=ReorderPoint,OrderUpTo-K{r},0)",
    "=INDEX(LeadWeeks,MATCH(RAND(),LeadFrom,1))",
    "=IF(L{r}>0,A{r}+M{r},0)",
    "=(E{r}+F{r}+I{r})/2*HoldWeek",
    "=IF(L{r}>0,OrderCost,0)",
    "=G{r}*(Price-UnitCost)-H{r}*Penalty",
])
w.freeze_panes = "B5"

s = wb.create_sheet("Summary")
book.title(s, "Year")
book.summary(s, 3, [
    ("Service", None, ""),
    ("Demand", "=SUM(Weeks!D5:D56)", whole),
    ("Sold", "=SUM(Weeks!G5:G56)", whole),
    ("Fill rate", "=B5/B4", "0.0%"),
    ("Weeks with lost sales", '=COUNTIF(Weeks!H5:H56,">0")', whole),
    ("Longest lead time", "=MAX(Weeks!M5:M56)", whole),
    ("Stock", None, ""),
    ("Average closing stock", "=AVERAGE(Weeks!I5:I56)", whole),
    ("Orders placed", '=COUNTIF(Weeks!L5:L56,">0")', whole),
    ("Average size of an order", "=IF(B11=0,0,SUM(Weeks!L5:L56)/B11)", whole),
    ("Money", None, ""),
    ("Margin less lost good will", "=SUM(Weeks!Q5:Q56)", money),
    ("Holding cost", "=SUM(Weeks!O5:O56)", money),
    ("Ordering cost", "=SUM(Weeks!P5:P56)", money),
    ("Profit", "=B14-B15-B16", money),
    ("Fill rate of 97 % missed", "=IF(B6<0.97,1,0)", whole),
])
wb.save(sys.argv[1])
