#!/usr/bin/env bats
# Every kind of bad input: one clear message with the place, the status of the table, nothing on standard output but records.
load helper

fails() { # status, text in the message, command …
    local want=$1 text=$2
    shift 2
    run --separate-stderr -"$want" "$@"
    # shellcheck disable=SC2154
    [[ "$stderr" == *"$text"* ]] || { echo "message: $stderr"; return 1; }
    [ "$(wc -l <<<"$stderr")" -eq 1 ]
}

@test "a missing file" { fails 66 'cannot open none.xlsx' sim-engine none.xlsx -t A1; }
@test "a folder" { mkdir d; fails 66 'is a folder' sim-model d; }
@test "an empty file" { : >e.xlsx; fails 65 'empty file' sim-model e.xlsx; }
@test "a text named .xlsx" { echo 'a,b' >t.xlsx; fails 65 'not a workbook' sim-model t.xlsx; }
@test "an old .xls" {
    printf '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1' >o.xls
    head -c 4096 /dev/zero >>o.xls
    fails 65 'old binary workbook (.xls)' sim-model o.xls
}
@test "an encrypted workbook" {
    printf '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1' >c.xlsx
    head -c 600 /dev/zero >>c.xlsx
    printf 'E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0' >>c.xlsx
    fails 65 'encrypted' sim-model c.xlsx
}
@test "an .ods" {
    need python3
    python3 -c "
import zipfile
z = zipfile.ZipFile('o.xlsx', 'w')
z.writestr('mimetype', 'application/vnd.oasis.opendocument.spreadsheet')
z.writestr('content.xml', '<x/>')
z.close()"
    fails 65 'OpenDocument' sim-model o.xlsx
}
@test "a damaged zip" { head -c 3000 "$DCF" >cut.xlsx; fails 65 'damaged' sim-model cut.xlsx; }
@test "damaged XML names the part and the line" {
    need python3
    python3 -c "
import sys, zipfile
src = zipfile.ZipFile('$DCF'); out = zipfile.ZipFile('x.xlsx', 'w')
for n in src.namelist():
    d = src.read(n)
    out.writestr(n, d[:len(d) // 2] if n == 'xl/worksheets/sheet1.xml' else d)
out.close()"
    fails 65 'xl/worksheets/sheet1.xml, line' sim-model x.xlsx
}
@test "a DOCTYPE is refused" {
    need python3
    python3 -c "
import zipfile
src = zipfile.ZipFile('$DCF'); out = zipfile.ZipFile('x.xlsx', 'w')
for n in src.namelist():
    d = src.read(n)
    if n == 'xl/workbook.xml':
        d = d.replace(b'<workbook', b'<!DOCTYPE workbook [<!ENTITY a \"b\">]><workbook', 1)
    out.writestr(n, d)
out.close()"
    fails 65 'DOCTYPE' sim-model x.xlsx
}
@test "a zip bomb" {
    need python3
    python3 -c "
import zipfile
src = zipfile.ZipFile('$DCF'); out = zipfile.ZipFile('x.xlsx', 'w', zipfile.ZIP_DEFLATED)
for n in src.namelist():
    if n != 'xl/worksheets/sheet1.xml':
        out.writestr(n, src.read(n))
with out.open('xl/worksheets/sheet1.xml', 'w', force_zip64=True) as f:
    f.write(b'<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>')
    for _ in range(2200):
        f.write(b' ' * (1 << 20))
out.close()"
    fails 65 'inflates beyond the limit' sim-model x.xlsx
}
@test "no target" { fails 64 'no target' sim-engine "$DCF" -n 10; }
@test "an unknown sheet" { fails 65 'no sheet "Nowhere"' sim-engine "$DCF" -t 'Nowhere!B2'; }
@test "an unknown cell name" { fails 65 'neither a cell nor a defined name' sim-engine "$DCF" -t 'EquityValue'; }
@test "a target that holds text" { fails 65 'holds text' sim-engine "$DCF" -t 'Summary!A12'; }
@test "an empty target" { fails 65 'is empty' sim-engine "$DCF" -t 'Summary!Z99'; }
@test "an unknown function that the target needs is named with its cell" {
    run -65 --separate-stderr sim-engine "$DCF" --set 'Model!B3==FROBNICATE(1)' -t 'Summary!B12'
    [[ "$stderr" == *'FROBNICATE()'* ]]
}
@test "a wrong parameter names the cell and the rule" {
    run -65 --separate-stderr sim-engine "$DCF" -i 'Inputs!B4 ~ normal(100,-1)' -t 'Summary!B12'
    [[ "$stderr" == *'Inputs!B4'* && "$stderr" == *'sd'* ]]
}
@test "an unknown distribution" {
    run -65 --separate-stderr sim-engine "$DCF" -i 'Inputs!B4 ~ normall(100,1)' -t 'Summary!B12'
    [[ "$stderr" == *'unknown name or function NORMALL()'* ]]
}
@test "an input without a distribution" { fails 64 'is not CELL ~ DISTRIBUTION' sim-engine "$DCF" -i 'B4' -t 'Summary!B12'; }
@test "a spec with an unknown field" {
    echo '{"v":1,"modle":"x"}' >s.json
    fails 65 's.json: unknown field "modle"' sim-engine "$DCF" --spec s.json -t 'Summary!B12'
}
@test "a spec that is no JSON" { echo '{' >s.json; fails 65 's.json: line' sim-engine "$DCF" --spec s.json; }
@test "a task of an unknown version" {
    run -65 --separate-stderr sim-engine - <<<'{"v":2,"type":"task"}'
    [[ "$stderr" == *'standard input, line 1'*'version'* ]]
}
@test "a line of 20 MB" {
    run -65 --separate-stderr sim-aggregate < <(head -c 20000000 /dev/zero | tr '\0' x)
    [[ "$stderr" == *'longer than'* ]]
}
@test "aggregate: nothing" { fails 66 'no partial results' sim-aggregate /dev/null; }
@test "aggregate: not JSON" { echo hello >f; fails 65 'f, line 1' sim-aggregate f; }
@test "aggregate: a gap" {
    sim-engine "$DCF" --spec "$SPEC" --seed 1 --trials 100..2000 >f
    fails 65 'trials 0..100 are missing' sim-aggregate f
    sim-aggregate --allow-gaps --format ndjson f | jq -e '.degraded'
}
@test "aggregate: an overlap" {
    sim-engine "$DCF" --spec "$SPEC" --seed 1 --trials 0..2000 >f
    sim-engine "$DCF" --spec "$SPEC" --seed 1 --trials 1999..3000 >>f
    fails 65 'are there twice' sim-aggregate f
}
@test "aggregate: two seeds" {
    sim-engine "$DCF" --spec "$SPEC" --seed 1 --trials 0..256 >f
    sim-engine "$DCF" --spec "$SPEC" --seed 2 --trials 256..512 >>f
    fails 65 'different seeds' sim-aggregate f
}
@test "aggregate: two models" {
    sim-engine "$DCF" --spec "$SPEC" --seed 1 --trials 0..256 >f
    sim-engine "$DCF" --spec "$SPEC" --set Inputs!B17=5 --seed 1 --trials 256..512 >>f
    fails 65 'different models' sim-aggregate f
}
@test "aggregate: a part cut off" {
    sim-engine "$DCF" --spec "$SPEC" --seed 1 -n 1000 | grep -v '"part":"end"' >f
    fails 65 'incomplete' sim-aggregate f
}
@test "aggregate: an engine that failed" {
    sim-engine "$DCF" -t Nowhere!A1 2>/dev/null >f || true
    fails 1 'no sheet' sim-aggregate f
}
@test "a truncation that leaves too little" {
    fails 65 'Inputs!B4: RISKNORMAL(0,1,RISKTRUNCATE(8,)): the truncation leaves less than a billionth' sim-engine "$DCF" -i 'Inputs!B4 ~ normal(0,1,RiskTruncate(8,))' -t Inputs!B4
    fails 65 'the truncation leaves nothing' sim-engine "$DCF" -i 'Inputs!B4 ~ normal(0,1,RiskTruncate(5,4))' -t Inputs!B4
}
@test "a circular reference names the cycle" {
    fails 65 'Summary!B4 -> Summary!B5' sim-engine "$DCF" --set 'Summary!B4==B5+1' --set 'Summary!B5==B4+Inputs!B4' -i 'Inputs!B4 ~ normal(1,1)' -t 'Summary!B5'
}
@test "samples that cannot be created" { fails 73 'cannot create' sim-engine "$DCF" --spec "$SPEC" --samples /nowhere/s.csv; }
@test "a full disk" {
    [ -e /dev/full ] || skip "no /dev/full"
    run -74 --separate-stderr bash -c "sim-engine '$DCF' --spec '$SPEC' -n 1000 >/dev/full"
}
