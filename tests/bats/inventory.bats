#!/usr/bin/env bats
# What sim-model lists of a workbook: links, volatile cells and their dependents, circles, targets.
load helper

list() {
    sim-model "$DCF" --format ndjson "$@"
}

# A workbook with a link to another one, made by hand: A1 uses it, A2 uses A1.
linked() {
    need python3
    python3 - <<'PY'
import zipfile
ct = 'application/vnd.openxmlformats-officedocument.spreadsheetml.'
rel = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
pkg = 'http://schemas.openxmlformats.org/package/2006/'
main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
z = zipfile.ZipFile('linked.xlsx', 'w')
def part(name, text):
    z.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>\n' + text)
part('[Content_Types].xml', f'''<Types xmlns="{pkg}content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Override PartName="/xl/workbook.xml" ContentType="{ct}sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="{ct}worksheet+xml"/>
<Override PartName="/xl/externalLinks/externalLink1.xml" ContentType="{ct}externalLink+xml"/></Types>''')
part('_rels/.rels', f'<Relationships xmlns="{pkg}relationships"><Relationship Id="r1" Type="{rel}/officeDocument" Target="xl/workbook.xml"/></Relationships>')
part('xl/workbook.xml', f'''<workbook xmlns="{main}" xmlns:r="{rel}"><sheets><sheet name="One" sheetId="1" r:id="r1"/></sheets>
<externalReferences><externalReference r:id="r2"/></externalReferences></workbook>''')
part('xl/_rels/workbook.xml.rels', f'''<Relationships xmlns="{pkg}relationships"><Relationship Id="r1" Type="{rel}/worksheet" Target="worksheets/sheet1.xml"/>
<Relationship Id="r2" Type="{rel}/externalLink" Target="externalLinks/externalLink1.xml"/></Relationships>''')
part('xl/worksheets/sheet1.xml', f'''<worksheet xmlns="{main}"><sheetData><row r="1"><c r="A1"><f>[1]Rates!B2*2</f><v>14</v></c></row>
<row r="2"><c r="A2"><f>A1+1</f><v>15</v></c></row></sheetData></worksheet>''')
part('xl/externalLinks/externalLink1.xml', f'''<externalLink xmlns="{main}"><externalBook xmlns:r="{rel}" r:id="r1"><sheetNames><sheetName val="Rates"/></sheetNames>
<sheetDataSet><sheetData sheetId="0"><row r="2"><cell r="B2"><v>7</v></cell></row></sheetData></sheetDataSet></externalBook></externalLink>''')
part('xl/externalLinks/_rels/externalLink1.xml.rels', f'<Relationships xmlns="{pkg}relationships"><Relationship Id="r1" Type="{rel}/externalLinkPath" Target="rates.xlsx" TargetMode="External"/></Relationships>')
z.close()
PY
}

@test "links to other workbooks: the file, and the cells that use it" {
    linked
    sim-model linked.xlsx --format ndjson >out
    jq -s -e 'any(.type == "link" and (.name | endswith("rates.xlsx")) and .detail == "[1], 1 cells use it")' out
    jq -s -e '[.[] | select(.type == "external")] | length == 1 and .[0].name == "One!A1" and .[0].value == 14 and (.[0].links | length == 1)' out
    sim-model linked.xlsx --format table | grep -q '^Links to other workbooks'
}

@test "a volatile cell with all that depends on it, directly or not" {
    list --set 'Inputs!D1==RAND()' --set 'Inputs!D2==D1+1' --set 'Inputs!D3==SUM(D1:D2)' --set 'Inputs!D4==IF(D3>0,D3,0)' --set 'Inputs!D5==B4' >out
    jq -s -e '[.[] | select(.type == "volatile")] | length == 1 and .[0].name == "Inputs!D1" and .[0].functions == "RAND" and .[0].random
        and .[0].count == 3 and (.[0].dependents | sort) == ["Inputs!D2", "Inputs!D3", "Inputs!D4"]' out
    list --set 'Inputs!D1==TODAY()' | jq -s -e 'any(.type == "volatile" and (.random | not) and .count == 0 and .dependents == [])'
}

@test "dependents through names, shared formulas and whole columns" {
    list --set 'Inputs!B4==RAND()' | jq -s -e '[.[] | select(.type == "volatile")][0] | .count > 50 and (.dependents | index("Summary!B12") != null)'
    list --set 'Inputs!D1==RAND()' --set 'Summary!D1==SUM(Inputs!D:D)' | jq -s -e '[.[] | select(.type == "volatile")][0].dependents == ["Summary!D1"]'
}

@test "circles: each with its cells" {
    list --set 'Inputs!D1==D2+1' --set 'Inputs!D2==D3' --set 'Inputs!D3==D1*0.5' --set 'Inputs!E1==E1+1' --set 'Inputs!F1==D1' >out
    jq -s -e '[.[] | select(.type == "circle")] | length == 2
        and (map(.cells | sort) | sort) == [["Inputs!D1", "Inputs!D2", "Inputs!D3"], ["Inputs!E1"]] and all(.iterated | not)' out
    sim-model "$DCF" --set 'Inputs!E1==E1+1' --format table | grep -q '^Circles of references (the workbook does not ask for iteration)'
}

@test "none of these where there are none" {
    list | jq -s -e 'any(.type == "circle" or .type == "volatile" or .type == "external" or .type == "link") | not'
}

@test "possible targets: formulas that nothing uses, with what they are called" {
    list >out
    jq -s -e 'any(.type == "target" and .name == "Summary!B10" and .detail == "Average margin")' out
    jq -s -e 'any(.type == "target" and .name == "Model!K13")' out
    jq -s -e 'any(.type == "target" and .name == "Summary!B5") | not' out
}
