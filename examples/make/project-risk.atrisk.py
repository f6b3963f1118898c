#!/usr/bin/python3
"""project-risk.xlsx: cost and schedule with @RISK's functions, stored as @RISK stores them. RiskStatic values are the means: the cached
values are what the workbook shows while no simulation runs."""
import sys

import openpyxl

wb = openpyxl.Workbook()
t = wb.active
t.title = "Tasks"
t.append(["Task", "Days", "Cost per day", "Cost", "Happens", "Risk cost"])
tasks = [("Design", "_xll.RiskPert(20,30,55,_xll.RiskStatic(32.5),_xll.RiskName(\"Design\"))", 900), ("Permits", "_xll.RiskTriang(10,20,60,_xll.RiskStatic(30))", 300),
         ("Groundwork", "_xll.RiskLognorm(35,8,_xll.RiskTruncate(20,80),_xll.RiskStatic(35))", 2500), ("Shell", "_xll.RiskPert(60,80,130,_xll.RiskStatic(85))", 4200),
         ("Fitting out", "_xll.RiskGamma(25,2.4,_xll.RiskStatic(60))", 3100), ("Handover", "_xll.RiskUniform(5,12,_xll.RiskStatic(8.5))", 700)]
for r, (name, f, rate) in enumerate(tasks, 2):
    t.append([name, "=" + f, rate, f"=B{r}*C{r}", "=_xll.RiskBernoulli(0.15,_xll.RiskStatic(0))", f"=E{r}*_xll.RiskExpon(20000,_xll.RiskStatic(20000))"])
s = wb.create_sheet("Summary")
s["A1"], s["B1"] = "Total cost", '=_xll.RiskOutput("Total cost")+SUM(Tasks!D2:D7)+SUM(Tasks!F2:F7)'
s["A2"], s["B2"] = "Duration", '=_xll.RiskOutput("Duration")+MAX(Tasks!B2,Tasks!B3)+SUM(Tasks!B4:B7)'
s["A3"], s["B3"] = "Late", '=_xll.RiskOutput("Late")+IF(B2>250,1,0)'
wb.save(sys.argv[1])
