#!/usr/bin/env bats
# Answers that are known: closed forms.
load helper

@test "Black-Scholes by plain RAND(), within five standard errors" {
    sim "$ROOT/examples/options.xlsx" -t Summary!B1 -n 1e6 --seed 11 --format ndjson |
        jq -e '.targets[0] | (.mean - 10.450583572186) / .mean_error | fabs < 5'
}

@test "JCGM 101: four rectangular quantities of deviation 1: u = 2.00" {
    sim "$DCF" -i 'Inputs!B4 ~ uniform(-SQRT(3),SQRT(3))+uniform(-SQRT(3),SQRT(3))+uniform(-SQRT(3),SQRT(3))+uniform(-SQRT(3),SQRT(3))' \
        -t Inputs!B4 -n 1e6 --seed 3 -p 2.5,97.5 --format ndjson |
        jq -e '.targets[0] | (.sd - 2 | fabs < 0.01) and (.percentiles[1].x - 3.88 | fabs < 0.02)'
}

@test "means and deviations of distributions, within five standard errors" {
    while read -r dist mean sd; do
        sim "$DCF" -i "Inputs!B4 ~ $dist" -t Inputs!B4 -n 2e5 --seed 5 --format ndjson >out
        jq -e --argjson m "$mean" --argjson s "$sd" '.targets[0] | ((.mean - $m) / .mean_error | fabs < 5) and ((.sd / $s - 1) | fabs < 0.03)' out ||
            { echo "$dist: $(jq -c '.targets[0] | [.mean, .sd]' out)"; false; }
    done <<'EOF'
normal(100,15) 100 15
uniform(2,5) 3.5 0.8660254
triang(10,20,50) 26.6666667 8.498365856
pert(10,20,50) 23.3333333 7.126966451
lognorm(10,5) 10 5
gamma(2,3) 6 4.2426407
expon(7) 7 7
weibull(2,3) 2.6586808 1.3897525
poisson(3.5) 3.5 1.8708287
binomial(20,0.3) 6 2.0493902
geomet(0.25) 3 3.4641016
hypergeo(10,20,50) 4 1.3997084
EOF
}

@test "a whole-valued target has exact percentiles" {
    sim "$DCF" -i 'Inputs!B4 ~ poisson(3)' -t Inputs!B4 -n 1e5 --seed 1 -p 10,50,90 --format ndjson |
        jq -e '.targets[0].percentiles | (map(.x) == [1, 3, 5])'
}

@test "@RISK functions, and RiskOutput cells as targets" {
    sim "$ROOT/examples/project-risk.xlsx" -n 20000 --seed 1 --format ndjson >out
    jq -e '.targets | length == 3' out
    jq -e '.inputs | map(.name) | index("Design") != null' out
}

@test "distributions by percentiles have these percentiles" {
    while read -r dist; do
        sim "$DCF" -i "Inputs!B4 ~ $dist" -t Inputs!B4 -n 4e5 --seed 5 -p 5,95 --format ndjson >out
        jq -e '.targets[0].percentiles | (.[0].x - 3 | fabs < 0.03) and (.[1].x - 9 | fabs < 0.06)' out || { echo "$dist: $(jq -c '.targets[0].percentiles' out)"; false; }
    done <<'EOF2'
normalalt(5%,3,95%,9)
uniformalt(5%,3,95%,9)
logisticalt(5%,3,95%,9)
extvaluealt(5%,3,95%,9)
extvalueminalt(5%,3,95%,9)
laplacealt(5%,3,95%,9)
triangalt(5%,3,40%,5,95%,9)
triangalt("max",10,5%,3,95%,9)
pertalt(5%,3,"m. likely",5,95%,9)
loglogisticalt("gamma",1,5%,3,95%,9)
exponalt(5%,3,95%,9)
rayleighalt(5%,3,95%,9)
weibullalt(5%,3,95%,9)
weibullalt("loc",2,0.05,3,"95%",9)
gammaalt(5%,3,95%,9)
gammaalt(5%,3,50%,4,95%,9)
lognormalt(5%,3,95%,9)
lognormalt(5%,3,50%,5,95%,9)
lognorm2alt(5%,3,95%,9)
invgaussalt(5%,3,95%,9)
paretoalt(5%,3,95%,9)
EOF2
}

@test "an Alt form by its own parameters is the plain one" {
    sim "$DCF" -i 'Inputs!B4 ~ lognormalt("mu",10,"sigma",5)' -t Inputs!B4 -n 4e5 --seed 5 -p 95 --format ndjson |
        jq -e '.targets[0] | (.mean - 10 | fabs < 0.05) and (.percentiles[0].x - 19.453178 | fabs < 0.1)'
}

@test "Alt forms that cannot be are told" {
    run -65 sim "$DCF" -i 'Inputs!B4 ~ normalalt(5%,10,95%,2)' -t Inputs!B4
    [[ "$output" == *'Inputs!B4'*'increase'* ]]
    run -65 sim "$DCF" -i 'Inputs!B4 ~ normalalt(5%,10)' -t Inputs!B4
    [[ "$output" == *'too few pairs'* ]]
    run -65 sim "$DCF" -i 'Inputs!B4 ~ triangalt("min",0,50%,3,95%,8)' -t Inputs!B4
    [[ "$output" == *'no distribution of this family'* ]]
}

@test "statistics functions in a model are #N/A, and their cells are named" {
    sim-engine "$DCF" --set 'Inputs!D1==RiskMean(B4)' --set 'Inputs!D2==IFERROR(D1,B4)' -i 'Inputs!B4 ~ normal(0,1)' -t Inputs!D2 -n 300 >out
    jq -s -e 'any(.type == "warning" and .cell == "Inputs!D1" and (.message | contains("RISKMEAN")))' out
}

@test "errors in trials are counted by kind and left out" {
    sim "$DCF" --set 'Inputs!B30==1/(B4>1000)' -i 'Inputs!B4 ~ normal(1000,80)' -t Inputs!B30 -n 10000 --seed 1 --format ndjson |
        jq -e '.targets[0] | .errors_by_kind["#DIV/0!"] > 4500 and .n + .errors == 10000 and .mean == 1'
}

@test "a circular model of interest: each trial stands still, in slices and replayed too" {
    /usr/bin/python3 - <<'PY' || skip "python3-openpyxl is not installed"
import openpyxl
from openpyxl.workbook.properties import CalcProperties
wb = openpyxl.Workbook()
w = wb.active
for r, f in enumerate([100, 0.08, 500, "=B2*(B3+B8)/2", "=B1-B4", "=MAX(0,B5*0.25)", "=MAX(0,B5-B6-10)", "=B3-B7", "=B8/B1+B4"], 1):
    w.cell(r, 2, f)
wb.calculation = CalcProperties(iterate=True, iterateCount=100, iterateDelta=1e-9)
wb.save("circular.xlsx")
PY
    engine() { sim-engine circular.xlsx -i 'B1 ~ normal(100,10)' -i 'B2 ~ uniform(0.05,0.1)' -t B4:B9 --seed 3 "$@"; }
    engine -n 600 --samples s.csv | sim-aggregate --format ndjson | summary >one
    awk -F, 'NR > 1 { n++
        tax = $3 * 0.25; if (tax < 0) tax = 0
        pay = $3 - $4 - 10; if (pay < 0) pay = 0
        if ((e = $4 - tax) * e > 1e-12 || (e = $5 - pay) * e > 1e-12 || (e = $6 - (500 - $5)) * e > 1e-12) bad = 1 }
        END { exit n != 600 || bad }' s.csv
    for r in 250..600 0..250; do engine --trials $r; done | sim-aggregate --format ndjson | summary | cmp - one
    engine --trial 77 | jq -r 'select(.cell == "Sheet!B9").value' >replayed
    [ "$(jq -n "$(awk -F, '$1 == 77 { print $7 }' s.csv) == $(cat replayed)")" = true ]
}
