#!/usr/bin/env bats
# Workbooks that Excel opens although they are odd.
load helper

# odd NAME CODE: the example written anew after Python code that may change its parts (a dictionary, by name).
odd() {
    need python3
    python3 - "$DCF" "$1" "$2" <<'PY'
import sys, zipfile
src = zipfile.ZipFile(sys.argv[1])
parts = {n: src.read(n) for n in src.namelist()}
exec(sys.argv[3])
out = zipfile.ZipFile(sys.argv[2], "w")
for n, d in parts.items():
    out.writestr(n, d)
out.close()
PY
}

evaluates() { # workbook, formula, value
    run --separate-stderr -0 sim-model --eval "$2" "$1"
    [ "$(jq -r .value <<<"$output")" = "$3" ] || { echo "$output"; return 1; }
}

@test "folders of the zip separated by backslashes" {
    # the central directory keeps them as they are written: only the name in memory is changed
    odd x.xlsx 'parts = {n.replace("/", chr(92)): d for n, d in parts.items()}'
    evaluates x.xlsx 'Inputs!B5>0' true
}
@test "a sheet that is a module of macros has no part" {
    odd x.xlsx 'n = "xl/workbook.xml"; parts[n] = parts[n].replace(b"</sheets>", b"<sheet name=\"Module1\" sheetId=\"99\" xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\" r:id=\"\"/></sheets>")'
    evaluates x.xlsx 'Inputs!B5>0' true
    run -0 sim-model --format table x.xlsx
    [[ "$output" == *Module1* ]]
}
@test "an extension's workbookPr does not switch the 1904 system off" {
    odd x.xlsx 'import re; n = "xl/workbook.xml"; d = re.sub(rb"<workbookPr[^>]*/>", b"", parts[n]); d = re.sub(rb"<workbook[^>]*>", lambda m: m.group(0) + b"<workbookPr date1904=\"1\"/>", d, 1); parts[n] = d.replace(b"</workbook>", b"<extLst><ext uri=\"x\"><x15:workbookPr xmlns:x15=\"urn:x\" chartTrackingRefBase=\"1\"/></ext></extLst></workbook>")'
    evaluates x.xlsx 'TEXT(1,"yyyy-mm-dd")' 1904-01-02
    evaluates x.xlsx 'TEXT(-0.5,"[h]:mm")' -12:00
}
@test "while a filter is set, every hidden row of the sheet counts as filtered out" {
    book='import re; n = "xl/worksheets/sheet2.xml"; d = parts[n]; head = d[:d.index(b"<sheetData")]; parts[n] = head + b"<sheetData>" + b"".join(b"<row r=\"%d\"%s><c r=\"A%d\"><v>%d</v></c></row>" % (i, b" hidden=\"1\"" if i in (3, 7) else b"", i, i) for i in range(1, 9)) + b"</sheetData>"'
    odd plain.xlsx "$book + b'<autoFilter ref=\"A1:A4\"/></worksheet>'"
    odd set.xlsx "$book + b'<autoFilter ref=\"A1:A4\"><filterColumn colId=\"0\"/></autoFilter></worksheet>'"
    evaluates plain.xlsx 'SUBTOTAL(9,Model!A6:A8)' 21
    evaluates plain.xlsx 'SUBTOTAL(109,Model!A6:A8)' 14
    evaluates set.xlsx 'SUBTOTAL(9,Model!A6:A8)' 14
}
@test "INDIRECT takes a sheet's name unquoted that begins with a digit" {
    odd x.xlsx 'n = "xl/workbook.xml"; parts[n] = parts[n].replace(b"name=\"Summary\"", b"name=\"2024\"")'
    evaluates x.xlsx 'ISREF(INDIRECT("2024!A1"))' true
    evaluates x.xlsx 'ISREF(INDIRECT("20 24!A1"))' false
}
@test "an array formula that a lane evaluates keeps all its cells" {
    odd x.xlsx 'n = "xl/worksheets/sheet2.xml"; d = parts[n]; parts[n] = d[:d.index(b"<sheetData")] + b"<sheetData><row r=\"1\"><c r=\"A1\"><f t=\"array\" ref=\"A1:B2\">D1:E2*2</f><v>2</v></c><c r=\"B1\"><v>4</v></c><c r=\"D1\"><v>1</v></c><c r=\"E1\"><v>2</v></c><c r=\"G1\"><f>SUM(MINVERSE(_xlfn.ANCHORARRAY(A1)))</f><v>0</v></c></row><row r=\"2\"><c r=\"A2\"><v>6</v></c><c r=\"B2\"><v>10</v></c><c r=\"D2\"><v>3</v></c><c r=\"E2\"><v>5</v></c></row></sheetData></worksheet>"'
    run --separate-stderr -0 sim-engine -t 'Model!G1' -i 'Model!D1 ~ normal(1,0.01)' -n 10 --seed 3 --samples s.csv -q x.xlsx
    sampled=$(awk -F, 'NR == 5 { print $2 }' s.csv)
    run --separate-stderr -0 sim-engine --trial 3 -t 'Model!G1' -i 'Model!D1 ~ normal(1,0.01)' --seed 3 x.xlsx
    [ "$(jq -r 'select(.cell == "Model!G1").value' <<<"$output")" = "$sampled" ]
}
@test "an error that was cached as a text is the error" {
    odd x.xlsx 'n = "xl/worksheets/sheet2.xml"; d = parts[n]; parts[n] = d[:d.index(b"<sheetData")] + b"<sheetData><row r=\"1\"><c r=\"A1\" t=\"str\"><f>1/0</f><v>#DIV/0!</v></c><c r=\"B1\" t=\"str\"><f>1/0</f><v>#N/A</v></c></row></sheetData></worksheet>"'
    run sim-model --verify --all --format ndjson x.xlsx
    [ "$(jq -r 'select(.cell == "Model!A1").verdict' <<<"$output")" = agrees ]
    [ "$(jq -r 'select(.cell == "Model!B1").verdict' <<<"$output")" = differs ]
}

# One sheet of these cells, {"A1": "=1+1", ...}, as xlsx.
sheet_of() { # NAME JSON
    need python3
    /usr/bin/python3 -c 'import openpyxl' 2>/dev/null || skip "python3-openpyxl is not installed"
    /usr/bin/python3 - "$1" "$2" <<'PY'
import json, sys, openpyxl
book = openpyxl.Workbook()
for cell, content in json.loads(sys.argv[2]).items():
    book.active[cell] = content
book.save(sys.argv[1])
PY
}

@test "a cell in the last corner of a sheet does not make its empty ones count, with changed cells neither" {
    sheet_of x.xlsx '{"A1": 1, "XFD1048576": 7, "D3": 5, "F3": 6, "B1": "=SUM(C:XFD)+A1", "B2": "=COUNT(C:XFD)+A1", "B3": "=CONCATENATE(A1,\"\")&_xlfn.CONCAT(C2:H4)"}'
    for t in 'B1 118' 'B2 103'; do
        run -0 timeout 60 sim x.xlsx -i 'A1 ~ 100 + 0 * normal(0,1)' -t "${t% *}" -n 100 --seed 1 --format ndjson
        [ "$(jq '.targets[0].mean' <<<"$output")" = "${t#* }" ]
    done
    run -0 timeout 60 sim-model x.xlsx --set E3=4 --set C2=2 --set H4=3 --set D3=9 --set I3=99 --set C5=99 --eval B3
    [ "$(jq -r .value <<<"$output")" = 129463 ]
}

@test "SIGTERM ends a program that is still reading its workbook" {
    mkfifo x.xlsx
    for p in sim sim-engine; do
        "$p" x.xlsx -t A1 3>&- &
        pid=$!
        await 20 grep -q "x.xlsx" "/proc/$pid/cmdline"
        kill -TERM $pid
        run wait $pid
        rc=0
        wait $pid || rc=$?
        [ "$rc" -eq 143 ]
    done
}

@test "a target that is text is told: always, or in some trials" {
    sheet_of x.xlsx '{"A1": 1, "B1": "=IF(A1>1,\"high\",\"low\")", "B2": "=IF(A1>1,A1,\"\")", "B3": "=IF(A1>1,A1,0)"}'
    run --separate-stderr -65 sim x.xlsx -i 'A1 ~ normal(1,1)' -t B1 -n 100 --seed 1
    [[ "$stderr" == *'B1 is always text'* ]]
    run --separate-stderr -0 sim x.xlsx -i 'A1 ~ normal(1,1)' -t B2 -t B3 -n 100 --seed 1 --format ndjson
    [ "$(grep -c 'may be text' <<<"$stderr")" -eq 1 ]
    [[ "$stderr" == *'B2: this target may be text'* ]]
    jq -e '.targets[0] | .n + .errors_by_kind["#VALUE!"] == 100' <<<"$output"
}
