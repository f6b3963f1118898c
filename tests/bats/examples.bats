#!/usr/bin/env bats
# Every example: proved against its cached values, vectorised throughout, the same bits in slices.
load helper

EXAMPLES="dcf insurance inventory options project-risk retirement"

# The options of a run: a spec where there is one, else targets (none: the workbook marks its own).
example() {
    opts=("$ROOT/examples/$1.xlsx")
    case $1 in
    dcf | retirement) opts+=(--spec "$ROOT/examples/$1.json") ;;
    inventory) opts+=(-t Summary!B5 -t Summary!B6 -t Summary!B7 -t Summary!B10 -t Summary!B17 -t Summary!B18) ;;
    options) opts+=(-t Summary!B1 -t Summary!B2) ;;
    esac
}

@test "every workbook of the folder is in the list" {
    [ "$(cd "$ROOT/examples" && echo *.xlsx)" = "$(printf '%s.xlsx ' $EXAMPLES | sed 's/ $//')" ]
}

@test "recalculated, random cells held, every formula agrees with the cached value" {
    for x in $EXAMPLES; do
        sim-model "$ROOT/examples/$x.xlsx" --verify --pin --format table >out
        grep -E '^[1-9][0-9]* formula cells agree, 0 differ, 0 unsupported, .* 0 without a cached value$' out ||
            { echo "$x: $(tail -1 out)"; false; }
    done
}

@test "no part runs lane by lane" {
    for x in $EXAMPLES; do
        example $x
        sim-engine "${opts[@]}" --seed 1 -n 300 >out
        run ! grep '"type":"warning"' out
    done
}

@test "slices give the bits of one run" {
    for x in $EXAMPLES; do
        example $x
        sim-engine "${opts[@]}" --seed 5 -n 20000 | sim-aggregate --format ndjson | summary >one
        for r in 7777..20000 0..300 300..7777; do
            sim-engine "${opts[@]}" --seed 5 --trials $r
        done | sim-aggregate --format ndjson | summary | cmp - one
    done
}

@test "instruction sets and threads give the same bits" {
    for x in $EXAMPLES; do
        example $x
        sim-engine "${opts[@]}" --seed 5 -n 20000 -j 2 | sim-aggregate --format ndjson | summary >one
        sim-engine "${opts[@]}" --seed 5 -n 20000 -j 1 --isa base | sim-aggregate --format ndjson | summary | cmp - one
    done
}

@test "a replayed trial shows the numbers of the run" {
    for x in $EXAMPLES; do
        example $x
        sim-engine "${opts[@]}" --seed 5 -n 20 --samples s.csv >/dev/null
        sim-engine "${opts[@]}" --seed 5 --trial 17 >cells
        cell=$(sim-engine "${opts[@]}" --seed 5 -n 1 | sim-aggregate --format ndjson | jq -r '.targets[0].cell')
        want=$(awk -F, '$1 == 17 { print $2 }' s.csv)
        got=$(jq -r --arg c "$cell" 'select(.cell == $c).value' cells)
        [ "$(jq -n "$want == $got")" = true ] || { echo "$x $cell: $want, replayed $got"; false; }
    done
}

@test "every trial, recomputed by NumPy from its draws, gives the same targets" {
    /usr/bin/python3 -c 'import numpy' 2>/dev/null || skip "python3-numpy is not installed"
    for x in $EXAMPLES; do
        example $x
        sim-engine "${opts[@]}" --seed 9 --trials 1000..2500 --samples s.csv >/dev/null
        /usr/bin/python3 "$ROOT/tests/golden/make_examples.py" replay $x s.csv
    done
}

@test "means and deviations agree with NumPy's own simulation, five standard errors" {
    for x in $EXAMPLES; do
        example $x
        sim "${opts[@]}" --seed 2 -n 400000 --format ndjson >out
        grep "^$x	" "$ROOT/tests/golden/examples.tsv" >want
        [ "$(jq '.targets | length' out)" -eq "$(wc -l <want)" ]
        while IFS=$'\t' read -r _ cell mean error sd _; do
            jq -e --arg c "$cell" --argjson m "$mean" --argjson e "$error" --argjson s "$sd" '.targets[] | select(.cell == $c) |
                .n == 400000 and ((.mean - $m) / (.mean_error * .mean_error + $e * $e | sqrt) | fabs < 5) and
                ((.sd / $s - 1) / (([.kurtosis + 2, 0.1] | max) / 4 / .n | sqrt) | fabs < 6)' out >/dev/null ||
                { echo "$x $cell: NumPy $mean $sd, here $(jq -c --arg c "$cell" '.targets[] | select(.cell == $c) | [.mean, .mean_error, .sd]' out)"; false; }
        done <want
    done
}

@test "insurance: losses to the layers are their closed forms" {
    x=$ROOT/examples/insurance.xlsx
    sim "$x" -t Losses!D2 -t Summary!B8 -t Summary!B9 -t Summary!B10 -t Summary!B5 -n 1e6 --seed 4 --format ndjson >out
    i=0
    for want in 'FreqMean' 'Check!H4' 'Check!H5' 'Check!H6' 'Check!H7'; do
        jq -e --argjson i $i --argjson w "$(sim-model "$x" --eval "$want" --format table)" '.targets[$i] | (.mean - $w) / .mean_error | fabs < 5' out
        i=$((i + 1))
    done
}

@test "an input over a range: each cell draws for itself, relative references move" {
    sim-engine "$DCF" -i 'Inputs!D4:E6 ~ 100*ROW()+normal(B4,1)*0+uniform(0,1)' -t Inputs!D4:E6 -n 400 --seed 1 >out
    sim-aggregate --format ndjson out | jq -e '[.targets[].mean | floor] == [400, 400, 500, 500, 600, 600] and (.inputs | length) == 12'
    sim "$DCF" -i 'Inputs!D4:D5 ~ B4+0*normal(0,1)' -t Inputs!D4:D5 -n 10 --seed 1 --format ndjson |
        jq -e '.targets[0].mean == 1000 and .targets[1].mean == 0.06'
}

@test "an output is called as RiskOutput says" {
    sim "$ROOT/examples/insurance.xlsx" -n 300 --seed 1 --format ndjson |
        jq -e '.targets[0] | .name == "Underwriting result" and .cell == "Summary!B3"'
}
