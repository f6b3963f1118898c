#!/usr/bin/env bats
# Worksheet functions that need cells around them: criteria with formulas, references, sizes of used ranges.
load helper

# A workbook from lines "CELL<TAB>content" on stdin.
book() {
    /usr/bin/python3 -c '
import sys
try:
    import openpyxl
except ImportError:
    sys.exit(3)
wb = openpyxl.Workbook()
ws = wb.active
ws.title = "S"
for line in sys.stdin:
    cell, v = line.rstrip("\n").split("\t")
    try:
        v = float(v)
    except ValueError:
        pass
    ws[cell] = v
wb.save(sys.argv[1])' "$1" || { [ $? -eq 3 ] && skip "python3-openpyxl is not installed"; }
}

value() { # workbook, expression
    sim-model "$1" --eval "$2" --format ndjson | jq -c .value
}

orchard() {
    {
        printf 'A1\tTree\nB1\tHeight\nC1\tProfit\n'
        printf 'A2\tApple\nB2\t18\nC2\t105\nA3\tPear\nB3\t12\nC3\t96\nA4\tCherry\nB4\t13\nC4\t105\nA5\tApple\nB5\t14\nC5\t75\n'
        printf 'E1\tTree\nE2\t="=Apple"\nG1\tabove the mean\nG2\t=B2>AVERAGE($B$2:$B$5)\nH1\tTree\nH2\tAp\nH3\tPear\n'
    } | book orchard.xlsx
}

@test "DSUM: a criterion as formula text, one that begins a word, several rows" {
    orchard
    [ "$(value orchard.xlsx 'DSUM(A1:C5,"Profit",E1:E2)')" = 180 ]
    [ "$(value orchard.xlsx 'DSUM(A1:C5,"Profit",H1:H3)')" = 276 ]
    [ "$(value orchard.xlsx 'DCOUNT(A:C,,E1:E2)')" = 2 ]
}

@test "DSUM: a computed criterion is evaluated record by record" {
    orchard
    [ "$(value orchard.xlsx 'DSUM(A1:C5,"Profit",G1:G2)')" = 105 ]
    [ "$(value orchard.xlsx 'DGET(A1:C5,"Tree",G1:G2)')" = '"Apple"' ]
}

@test "DSUM of random cells is simulated" {
    orchard
    sim orchard.xlsx --set 'S!J1==DSUM(A1:C5,"Profit",E1:E2)' -i 'S!C5 ~ uniform(0,10)' -t 'S!J1' -n 20000 --seed 1 --format ndjson >out
    jq -e '.targets[0] | (.mean - 110) / .mean_error | fabs < 5' out
    jq -e '.targets[0] | .min >= 105 and .max <= 115' out
}
