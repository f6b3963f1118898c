#!/usr/bin/env bats
# Exact percentiles by a second pass: order statistics themselves, the same in any split.
load helper

engine() {
    sim-engine "$DCF" --spec "$SPEC" --seed 7 "$@"
}

# The number of rank ceil(P n / 100) in column 2 of samples $1.
by_sorting() {
    tail -n +2 "$1" | cut -d, -f2 | sort -g | awk -v p="$2" '{ v[NR] = $1 } END { r = p * NR / 100; k = int(r); if (k < r - 1e-9) k++; print v[k] }'
}

@test "sim --exact gives what sorting all trials gives" {
    sim "$DCF" --spec "$SPEC" --seed 7 -n 30001 --samples s.csv --exact -p 1,5,50,95,99.9 --format ndjson >out
    for p in 1 5 50 95 99.9; do
        want=$(by_sorting s.csv $p)
        jq -e --argjson p $p --argjson x "$want" '.targets[0].percentiles[] | select(.p == $p) | .x == $x and .bound == 0 and .exact' out
    done
}

@test "without it they are near, and say how near" {
    sim "$DCF" --spec "$SPEC" --seed 7 -n 30001 --format ndjson >a
    sim "$DCF" --spec "$SPEC" --seed 7 -n 30001 --exact --format ndjson >b
    jq -s -e '[.[0].targets[0].percentiles, .[1].targets[0].percentiles] | transpose | all((.[0].x - .[1].x | fabs) <= .[0].bound)' a b
    jq -s -e '.[0].targets[0].mean == .[1].targets[0].mean' a b
}

@test "in slices, refined from a summary: the same bits" {
    sim "$DCF" --spec "$SPEC" --seed 7 -n 50000 --exact --var 95 --above 3000 --format ndjson | jq -c '.targets' >one
    engine -n 50000 | sim-aggregate --var 95 --above 3000 --format ndjson >summary.ndjson
    for r in 40000..50000 0..1 1..777 777..40000; do engine --trials $r --refine summary.ndjson; done |
        sim-aggregate --exact --var 95 --above 3000 --format ndjson | jq -c '.targets' | cmp - one
}

@test "the probability above a number is exact too" {
    sim "$DCF" --spec "$SPEC" --seed 7 -n 20000 --samples s.csv --exact --above 3000 --format ndjson >out
    want=$(tail -n +2 s.csv | awk -F, '$2 > 3000 { k++ } END { print k / 20000 }')
    jq -e --argjson w "$want" '.targets[0].above[0].prob == $w' out
}

@test "a mass of equal numbers costs nothing: they are counted" {
    sim "$DCF" --set 'Inputs!D1==MAX(0,B4)+0.25' -i 'Inputs!B4 ~ normal(0,1)' -t Inputs!D1 -n 100000 --seed 1 --exact -p 10,50.5 --samples s.csv --format ndjson >out
    jq -e --argjson x "$(by_sorting s.csv 50.5)" '.targets[0].percentiles | .[0].x == 0.25 and .[1].x == $x and all(.exact)' out
}

@test "whole numbers are exact without a second pass" {
    sim "$DCF" -i 'Inputs!B4 ~ poisson(3)' -t Inputs!B4 -n 10000 --seed 1 --exact -p 10,50,90 --format ndjson |
        jq -e '.targets[0].percentiles | map(.x) == [1, 3, 5] and all(.exact)'
}

@test "errors are left out of the ranks" {
    sim "$DCF" --set 'Inputs!D1==LN(B4)' -i 'Inputs!B4 ~ normal(0,1)' -t Inputs!D1 -n 20000 --seed 1 --exact -p 50 --samples s.csv --format ndjson >out
    grep -v '#' s.csv >t.csv
    jq -e --argjson x "$(by_sorting t.csv 50)" '.targets[0] | .percentiles[0].x == $x and .errors > 9000' out
}

@test "--exact without a second pass is a no that says what to do" {
    engine -n 1000 >parts
    run -1 sim-aggregate --exact parts
    [[ "$output" == *'sim-engine --refine'* ]]
}

@test "a summary of another seed or model is refused, and parts of different kind" {
    engine -n 1000 | sim-aggregate --format ndjson >summary.ndjson
    run -65 sim-engine "$DCF" --spec "$SPEC" --seed 8 -n 1000 --refine summary.ndjson
    [[ "$output" == *'seed 8'* ]]
    run -65 sim-engine "$DCF" --spec "$SPEC" --set Inputs!B9=1 --seed 7 -n 1000 --refine summary.ndjson
    run -66 engine -n 1000 --refine nowhere.ndjson
    engine --trials 0..500 >parts
    engine --trials 500..1000 --refine summary.ndjson >>parts
    run -65 sim-aggregate parts
    [[ "$output" == *'--refine'* ]]
}

@test "the table says what is exact" {
    sim "$DCF" --spec "$SPEC" --seed 7 -n 5000 --exact --format table | grep -q 'P50 .*(exact)'
}
