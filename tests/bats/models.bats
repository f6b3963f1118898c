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

@test "errors in trials are counted by kind and left out" {
    sim "$DCF" --set 'Inputs!B30==1/(B4>1000)' -i 'Inputs!B4 ~ normal(1000,80)' -t Inputs!B30 -n 10000 --seed 1 --format ndjson |
        jq -e '.targets[0] | .errors_by_kind["#DIV/0!"] > 4500 and .n + .errors == 10000 and .mean == 1'
}
