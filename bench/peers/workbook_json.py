#!/usr/bin/python3
"""The DCF example as JSON for hyperformula.js: sheets, names, the inputs of the spec, the target. usage: workbook_json.py XLSX SPEC"""
import json
import re
import sys
import openpyxl

book, cached = openpyxl.load_workbook(sys.argv[1]), openpyxl.load_workbook(sys.argv[1], data_only=True)
spec = json.load(open(sys.argv[2]))
names = {}
defined = book.defined_names
for d in (defined.definedName if hasattr(defined, "definedName") else defined.values()):
    names[d.name] = d.attr_text
target = spec["targets"][0]
target = target["cell"] if isinstance(target, dict) else target
sheet, cell = target.split("!")


def value(ref):
    s, c = ref.replace("$", "").split("!")
    return cached[s.strip("'")][c].value


inputs = {names[k].replace("$", ""): value(names[k]) for k in spec["inputs"]}
# HyperFormula refuses names such as Capital0: they become the cells they stand for, as a person would write
word = re.compile(r"(?<![A-Za-z0-9_!.$])(" + "|".join(sorted(names, key=len, reverse=True)) + r")(?![A-Za-z0-9_(!])")


def content(v):
    return word.sub(lambda m: names[m.group(1)], v) if isinstance(v, str) and v.startswith("=") else v


sheets = {ws.title: [[content(c.value) for c in row] for row in ws.iter_rows(min_row=1, min_col=1)] for ws in book}
json.dump({"sheets": sheets, "inputs": inputs, "target": target, "value": cached[sheet][cell].value}, sys.stdout)
