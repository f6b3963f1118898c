#!/usr/bin/python3
"""Cached values for a workbook with @RISK's functions, which LibreOffice does not know.

    static.py strip IN OUT            every _xll.Risk…(…) replaced by its RiskStatic value, RiskOutput(…) by 0: as @RISK does when it
                                      swaps its functions out
    static.py restore IN CALC OUT     CALC is OUT of strip as LibreOffice saved it: its values, with the formulas of IN
"""
import re
import sys
import zipfile
from xml.sax.saxutils import escape

import openpyxl


def call_end(text, at):
    """Index after the parenthesis that closes the one at `at`; texts are jumped over."""
    depth, quoted = 0, False
    for i in range(at, len(text)):
        ch = text[i]
        if ch == '"':
            quoted = not quoted
        elif not quoted and ch == "(":
            depth += 1
        elif not quoted and ch == ")":
            depth -= 1
            if depth == 0:
                return i + 1
    raise ValueError(text)


def strip(formula):
    while True:
        m = re.search(r"_xll\.Risk(\w+)\(", formula)
        if not m:
            return formula
        end = call_end(formula, m.end() - 1)
        call = formula[m.start():end]
        value = "0"
        if m.group(1) != "Output":
            s = re.search(r"_xll\.RiskStatic\(", call)
            if not s:
                sys.exit(f"no RiskStatic: {call}")
            value = call[s.end() - 1:call_end(call, s.end() - 1)]
        formula = formula[:m.start()] + value + formula[end:]


def formulas(path):
    """sheet number -> {address: formula} of the cells with @RISK's functions"""
    wb = openpyxl.load_workbook(path)
    return wb, [{c.coordinate: c.value for row in ws.iter_rows() for c in row if isinstance(c.value, str) and "_xll.Risk" in c.value}
                for ws in wb.worksheets]


def restore(original, calculated, out):
    _, cells = formulas(original)
    src = zipfile.ZipFile(calculated)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as to:
        for info in src.infolist():
            data = src.read(info)
            m = re.fullmatch(r"xl/worksheets/sheet(\d+)\.xml", info.filename)
            if m:
                text = data.decode()
                for address, f in cells[int(m.group(1)) - 1].items():
                    text, n = re.subn(rf'(<c r="{address}"[^>]*><f[^>]*>)[^<]*(</f>)',
                                      lambda g, f=f: g.group(1) + escape(f[1:]) + g.group(2), text)
                    if n != 1:
                        sys.exit(f"{address}: {n} formulas found")
                data = text.encode()
            to.writestr(info.filename, data)


if sys.argv[1] == "strip":
    book, _ = formulas(sys.argv[2])
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                if isinstance(cell.value, str) and "_xll.Risk" in cell.value:
                    cell.value = strip(cell.value)
    book.save(sys.argv[3])
else:
    restore(*sys.argv[2:5])
