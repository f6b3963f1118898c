#!/usr/bin/python3
"""Make quirks.xlsx: by hand, what real files hold and writers of files do not make. Cached values are Excel's for the like.

    tests/conformance/make_quirks.py [FOLDER]
"""
import os
import sys
import zipfile

NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def rels(*items):
    return HEAD + '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">%s</Relationships>' % "".join(
        '<Relationship Id="%s" Type="%s%s" Target="%s"%s/>' % (i, REL, kind, target, extra) for i, kind, target, extra in items)


def cell(at, formula, value, kind="n", more="", fmore=""):
    t = {"n": "", "s": ' t="str"', "e": ' t="e"', "b": ' t="b"'}[kind]
    return at, '<c r="%s"%s%s>%s<v>%s</v></c>' % (at, t, more, "<f%s>%s</f>" % (fmore, formula) if formula is not None else "", value)


def array(at, ref, formula, value, kind="n", more=""):
    return cell(at, formula, value, kind, ' cm="1"' + more, ' t="array" ref="%s"' % ref)


def place(at):
    letters = at.rstrip("0123456789")
    return int(at[len(letters):]), sum((ord(c) - 64) * 26 ** i for i, c in enumerate(reversed(letters)))


def sheet(cells, tail=""):
    rows = {}
    for at, xml in sorted(cells, key=lambda c: place(c[0])):
        rows.setdefault(place(at)[0], []).append(xml)
    return HEAD + "<worksheet %s><sheetData>%s</sheetData>%s</worksheet>" % (
        NS, "".join('<row r="%d">%s</row>' % (r, "".join(x)) for r, x in rows.items()), tail)


def quirks():
    return [
        # a table whose column names must be escaped
        cell("A1", None, "Hi, 'This", "s"), cell("B1", None, "#Shame", "s"), cell("C1", None, "[Not me]", "s"),
        cell("A2", None, 1), cell("B2", None, 2), cell("C2", None, 3),
        cell("A3", None, 4), cell("B3", None, 5), cell("C3", None, 6),
        cell("E1", "SUM(Odd['#Shame])", 7), cell("E2", "SUM(Odd[[#This Row],[Hi, ''This]:['[Not me']]])", 6), cell("E3", "SUM(Odd[#All])", 21),
        # names of this workbook, of another one, and of one that was never read
        cell("G1", "[0]!Own", 142), cell("G2", "[1]!Global", 17), cell("G3", "[1]Far!Local", "far", "s"), cell("G4", "[1]Far!A1+1", 18),
        cell("G5", "[2]Lost!A1", "#REF!", "e"), cell("G6", "[1]!Nothing", "#REF!", "e"), cell("H1", None, 142),
        # errors newer than the format, kept as #VALUE! with a rich value
        array("J1", "J1", "_xlfn.TAKE(A2:C3,0)", "#VALUE!", "e", ' vm="1"'), array("J3", "J3", "_xlfn.SEQUENCE(3)", "#VALUE!", "e", ' vm="2"'),
        cell("J5", None, "in the way", "s"),
        # trimmed ranges; the last row and column of the area are empty
        array("L1", "L1:M2", "_xlfn.TRIMRANGE(B2:D4)", 2), cell("M1", None, 3), cell("L2", None, 5), cell("M2", None, 6),
        cell("L4", "SUM(_xlfn._TRO_ALL(A2:D9))", 21), cell("L5", "ROWS(_xlfn._TRO_TRAILING(A1:A99))", 3), cell("L6", "SUM(_xlfn.ANCHORARRAY(L1))", 16),
        # the first empty cell of a whole column, by bisection
        cell("O1", None, "a", "s"), cell("O2", None, "b", "s"), cell("P1", None, 1), cell("P2", None, 2), cell("P3", None, 6),
        cell("Q1", "_xlfn.XLOOKUP(,O:O,P:P,,1,2)", 6),
        # a shared formula, LibreOffice's union
        cell("S2", "A2+B2", 3, "n", "", ' t="shared" ref="S2:S3" si="4"'),
        # a circle, with iteration on: no cached value
        cell("U1", None, 6), ("U2", '<c r="U2"><f>0.1*(U1+U3)</f></c>'), ("U3", '<c r="U3"><f>U1+U2</f></c>'), ("U4", '<c r="U4"><f>U3*2</f></c>'),
        cell("S3", "", 9, "n", "", ' t="shared" si="4"'), cell("S4", "SUM((A2~B3))", 6),
    ]


def main():
    here = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    link = HEAD + '<externalLink %s><externalBook r:id="rId1"><sheetNames><sheetName val="%s"/></sheetNames>%s<sheetDataSet>%s</sheetDataSet></externalBook></externalLink>'
    far = link % (NS, "Far", '<definedNames><definedName name="Global" refersTo="=\'Far\'!$A$1"/><definedName name="Local" refersTo="=Far!$B$2" sheetId="0"/></definedNames>',
                  '<sheetData sheetId="0"><row r="1"><cell r="A1"><v>17</v></cell></row><row r="2"><cell r="B2" t="str"><v>far</v></cell></row></sheetData>')
    lost = link % (NS, "Lost", "", '<sheetData sheetId="0" refreshError="1"/>')
    table = HEAD + ('<table %s id="1" name="Odd" displayName="Odd" ref="A1:C3"><tableColumns count="3"><tableColumn id="1" name="Hi, \'This"/>'
                    '<tableColumn id="2" name="#Shame"/><tableColumn id="3" name="[Not me]"/></tableColumns></table>') % NS
    book = HEAD + ('<workbook %s><sheets><sheet name="Quirks" sheetId="1" r:id="rId1"/></sheets><externalReferences><externalReference r:id="rId2"/>'
                   '<externalReference r:id="rId3"/></externalReferences><definedNames><definedName name="Own">Quirks!$H$1</definedName></definedNames><calcPr iterate="1"/></workbook>') % NS
    path = ' TargetMode="External"'
    parts = {
        "[Content_Types].xml": HEAD + '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName='
        '"/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>',
        "_rels/.rels": rels(("rId1", "officeDocument", "xl/workbook.xml", "")),
        "xl/workbook.xml": book,
        "xl/_rels/workbook.xml.rels": rels(("rId1", "worksheet", "worksheets/sheet1.xml", ""), ("rId2", "externalLink", "externalLinks/externalLink1.xml", ""),
                                           ("rId3", "externalLink", "externalLinks/externalLink2.xml", "")),
        "xl/worksheets/sheet1.xml": sheet(quirks(), '<tableParts count="1"><tablePart r:id="rId1"/></tableParts>'),
        "xl/worksheets/_rels/sheet1.xml.rels": rels(("rId1", "table", "../tables/table1.xml", "")),
        "xl/tables/table1.xml": table,
        "xl/externalLinks/externalLink1.xml": far, "xl/externalLinks/externalLink2.xml": lost,
        "xl/externalLinks/_rels/externalLink1.xml.rels": rels(("rId1", "externalLinkPath", "far.xlsx", path)),
        "xl/externalLinks/_rels/externalLink2.xml.rels": rels(("rId1", "externalLinkPath", "lost.xlsx", path)),
    }
    with zipfile.ZipFile(os.path.join(here, "quirks.xlsx"), "w", zipfile.ZIP_DEFLATED) as z:
        for name, text in parts.items():
            z.writestr(zipfile.ZipInfo(name), text)


if __name__ == "__main__":
    main()
