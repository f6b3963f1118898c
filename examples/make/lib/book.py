"""What the example workbooks share: titles, blocks of named inputs, tables. Not run by itself."""
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.workbook.defined_name import DefinedName

BOLD = Font(bold=True)
BLUE = Font(color="0000C0")  # what a person types, as modellers colour it
HEAD = PatternFill("solid", fgColor="DDE6F0")


def title(ws, text, note=None):
    ws["A1"] = text
    ws["A1"].font = Font(bold=True, size=14)
    if note:
        ws["A2"] = note
    ws.column_dimensions["A"].width = 44


def named_inputs(wb, ws, top, rows):
    """(label, name or None, value, number format): label in A, value in B with a defined name of its own; (text,) is a
    heading."""
    for r, row in enumerate(rows, top):
        ws.cell(r, 1, row[0])
        if len(row) == 1:
            ws.cell(r, 1).font = BOLD
            continue
        c = ws.cell(r, 2, row[2])
        c.number_format = row[3]
        if not str(row[2]).startswith("="):
            c.font = BLUE
        if row[1]:
            wb.defined_names.append(DefinedName(row[1], attr_text=f"{ws.title}!$B${r}"))


def header(ws, row, labels, width=13):
    for c, label in enumerate(labels, 1):
        cell = ws.cell(row, c, label)
        cell.font = BOLD
        cell.fill = HEAD
        if c > 1:
            ws.column_dimensions[get_column_letter(c)].width = width


def rows(ws, first, last, formats, formulas):
    """Each column's formula in rows first..last; {r} is the row, {p} the row above, {n} counts from 1. A pair has its
    own formula for the first row."""
    for r in range(first, last + 1):
        for c, f in enumerate(formulas, 1):
            if isinstance(f, tuple):
                f = f[0] if r == first else f[1]
            if isinstance(f, str):
                f = f.format(r=r, p=r - 1, n=r - first + 1)
                if not f.startswith("="):
                    f = int(f) if f.lstrip("-").isdigit() else f
            cell = ws.cell(r, c, f)
            cell.number_format = formats[c - 1]


def summary(ws, top, lines):
    """(label, formula, format)"""
    for r, (label, f, fmt) in enumerate(lines, top):
        ws.cell(r, 1, label)
        if f is not None:
            ws.cell(r, 2, f).number_format = fmt
        else:
            ws.cell(r, 1).font = BOLD
    ws.column_dimensions["B"].width = 16
