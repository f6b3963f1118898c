#!/usr/bin/env bats
# Agreement with values that other programs calculated: 2 x 2,800 formulas by LibreOffice, in files that XlsxWriter and openpyxl
# wrote (tests/conformance/make_stress.py), and the real workbooks of ../shared/workbooks where they are.
load helper

# All agree but three, where Excel's own cached values say otherwise (tests/golden/formulas-excel.tsv): "<>2" counts a text 2, AND passes
# over text, VDB's years begin at the fraction of its start.
as_libreoffice() {
    run sim-model --verify --all --tolerance 1e-10 --format ndjson "$ROOT/tests/conformance/$1"
    jq -e '.type == "verified" and .agree > 2700 and .differ == 3 and .unsupported == 0' <<<"${lines[-1]}"
    [ "$(jq -r 'select(.verdict == "differs").cell' <<<"$output" | sort | xargs)" = 'criteria!C26 logic!C17 money!C117' ]
}

@test "formulas written by XlsxWriter, calculated by LibreOffice" {
    as_libreoffice stress-xlsxwriter.xlsx
}

@test "formulas written by openpyxl, calculated by LibreOffice" {
    as_libreoffice stress-openpyxl.xlsx
}

@test "what real files hold: names of other workbooks, escaped columns, newer errors, trimmed ranges" {
    run -0 sim-model --verify --format ndjson "$ROOT/tests/conformance/quirks.xlsx"
    jq -e '.type == "verified" and .agree == 22 and .differ == 0' <<<"${lines[-1]}"
    run -0 sim-model --verify --all --functions --format ndjson "$ROOT/tests/conformance/quirks.xlsx"
    jq -s -e 'any(.[]; .cell == "Quirks!S3" and .formula == "A3+B3" and .verdict == "agrees")' <<<"$output"
    jq -s -e 'any(.[]; .cell == "Quirks!M2" and .functions == "TRIMRANGE")' <<<"$output"
}

@test "an iterated circle is the same from wherever it is looked at, and in slices" {
    one() { sim-aggregate --format ndjson | jq -c '[.targets[] | {name: (.name // .cell), mean, sd, min, max}] | sort_by(.name)'; }
    quirks=$ROOT/tests/conformance/quirks.xlsx
    sim-engine "$quirks" -i 'U1 ~ normal(6,1)' -t U2 -t U3 -t U4 -n 3000 --seed 5 2>/dev/null | one >whole
    jq -e 'length == 3 and (.[0].mean - 4 / 3 | fabs < 0.02) and all(.[]; .sd > 0)' whole
    sim-engine "$quirks" -i 'U1 ~ normal(6,1)' -t U4 -t U3 -t U2 -n 3000 --seed 5 2>/dev/null | one >other
    diff whole other
    for r in 1300..3000 0..256 256..1300; do
        sim-engine "$quirks" -i 'U1 ~ normal(6,1)' -t U2 -t U3 -t U4 --seed 5 --trials $r 2>/dev/null
    done | one >slices
    diff whole slices
}

@test "a changed number is a difference, in the cells that depend on it" {
    run -1 sim-model --verify --tolerance 1e-10 --set 'D!A1=3.001' --format ndjson "$ROOT/tests/conformance/stress-openpyxl.xlsx"
    jq -e '.type == "verified" and .differ > 40 and .unsupported == 0' <<<"${lines[-1]}"
}

@test "every difference from the real workbooks has its reason" {
    dir=${SIM_WORKBOOKS:-$ROOT/../shared/workbooks}
    [ -d "$dir" ] || skip "no folder $dir"
    need jq awk
    run -0 "$ROOT/tools/conformance" "$BIN/sim-model" "$dir"
    share=$(sed -n 's/^numeric cells .*(\([0-9.]*\) %).*/\1/p' <<<"$output")
    awk -v s="$share" 'BEGIN { exit !(s >= 99) }'
}

@test "a difference without a reason is printed, and is a failure" {
    mkdir -p books/x
    cp "$ROOT/tests/conformance/stress-openpyxl.xlsx" books/x/
    cat >model <<EOF
#!/bin/sh
exec "$BIN/sim-model" --set 'D!A1=3.001' "\$@"
EOF
    chmod +x model
    run -1 "$ROOT/tools/conformance" "$PWD/model" books
    [[ $output == *"differs  x/stress-openpyxl.xlsx"* ]]
}
