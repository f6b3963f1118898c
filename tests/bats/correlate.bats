#!/usr/bin/env bats
# Rank correlation of inputs: a Gaussian copula that keeps draws addressed.
load helper

B4='Inputs!B4 ~ normal(10,5,RiskTruncate(0,20))'
B5='Inputs!B5 ~ gamma(2,3)'
B7='Inputs!B7 ~ uniform(1,2)'

three() {
    sim-engine "$DCF" -t Inputs!D1 --set 'Inputs!D1==B4+B5+B7' -i "$B4" -i "$B5" -i "$B7" --seed 3 "$@"
}

# Spearman's coefficient of columns $2 and $3 (by name) of the CSV $1.
spearman() {
    awk -F, -v a="$2" -v b="$3" '
        NR == 1 { for (i = 1; i <= NF; i++) { if ($i == a) x = i; if ($i == b) y = i } next }
        { print NR, $x, $y }' "$1" >xy
    sort -g -k2,2 xy | awk '{ print $0, NR }' | sort -g -k3,3 | awk '
        { a = $4; b = NR; n++; sa += a; saa += a * a; sab += a * b }
        END { m = sa / n; printf "%.4f\n", (sab / n - m * m) / (saa / n - m * m) }'
}

near() { # $1 within $3 of $2
    awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { exit !(a - b <= t && b - a <= t) }'
}

@test "--correlate: the rank correlations that were asked for, whatever the distributions" {
    three --correlate 'Inputs!B4,Inputs!B5=0.6' --correlate 'Inputs!B7,Inputs!B4=-0.4' -n 50000 --samples s.csv >/dev/null
    near "$(spearman s.csv Inputs!B4 Inputs!B5)" 0.6 0.015
    near "$(spearman s.csv Inputs!B4 Inputs!B7)" -0.4 0.015
    near "$(spearman s.csv Inputs!B5 Inputs!B7)" 0 0.015
}

@test "marginals stay as they are: the mean and deviation of a truncated normal" {
    three --correlate 'Inputs!B4,Inputs!B5=0.9' -n 200000 | sim-aggregate --format ndjson >out
    jq -e '.inputs[] | select(.name == "Inputs!B4") | (.mean - 10 | fabs < 0.05) and (.sd - 4.398128305 | fabs < 0.03) and .min >= 0 and .max <= 20' out
    jq -e '.inputs[] | select(.name == "Inputs!B5") | (.mean - 6 | fabs < 0.05) and (.sd - 4.2426407 | fabs < 0.05)' out
}

@test "correlated draws: the same bits in slices, on one thread, on every instruction set" {
    c=(--correlate 'Inputs!B4,Inputs!B5,Inputs!B7=0.3')
    three "${c[@]}" -n 100000 -j 2 | sim-aggregate --format ndjson | summary >one
    for r in 77..50001 0..77 50001..100000; do three "${c[@]}" --trials $r -j 1; done | sim-aggregate --format ndjson | summary | cmp - one
    for isa in base avx2 avx512; do
        if SIM_ISA=$isa three "${c[@]}" -n 1 >/dev/null 2>&1; then
            SIM_ISA=$isa three "${c[@]}" -n 100000 | sim-aggregate --format ndjson | summary | cmp - one
        fi
    done
}

@test "a replayed trial has the correlated draws" {
    three --correlate 'Inputs!B4,Inputs!B5=0.6' -n 10 --samples s.csv >/dev/null
    want=$(sed -n 7p s.csv | cut -d, -f2)
    got=$(three --correlate 'Inputs!B4,Inputs!B5=0.6' --trial 5 | jq -r 'select(.cell == "Inputs!D1").value')
    [ "$(jq -n "$want")" = "$got" ]
}

@test "inputs of no group, and the first of a group, draw as they do alone" {
    three -n 100 --samples a.csv >/dev/null
    three --correlate 'Inputs!B4,Inputs!B5=0.6' -n 100 --samples b.csv >/dev/null
    [ "$(head -1 a.csv)" = trial,Inputs!D1,Inputs!B4,Inputs!B5,Inputs!B7 ]
    cmp <(cut -d, -f3,5 a.csv) <(cut -d, -f3,5 b.csv)
    run ! cmp <(cut -d, -f4 a.csv) <(cut -d, -f4 b.csv)
}

@test "the order of options does not matter" {
    three --correlate 'Inputs!B4,Inputs!B5=0.6' --correlate 'Inputs!B5,Inputs!B7=0.2' -n 300 --samples a.csv >/dev/null
    three --correlate 'Inputs!B7,Inputs!B5=0.2' --correlate 'Inputs!B5,Inputs!B4=0.6' -n 300 --samples b.csv >/dev/null
    cmp a.csv b.csv
}

@test "perfect correlation is monotone, and minus one is a mirror" {
    three --correlate 'Inputs!B4,Inputs!B5=1' --correlate 'Inputs!B4,Inputs!B7=-1' --correlate 'Inputs!B5,Inputs!B7=-1' -n 2000 --samples s.csv >out
    near "$(spearman s.csv Inputs!B4 Inputs!B5)" 1 0
    near "$(spearman s.csv Inputs!B4 Inputs!B7)" -1 0
    run ! grep -q '"type":"warning"' out
}

@test "in a spec: coefficient, matrix, range" {
    cat >head.json <<EOF2
"v":1,"model":"$DCF","seed":"3","trials":300,"targets":["Inputs!D1"],
"set":{"Inputs!D1":"=B4+B5","Inputs!E1":1,"Inputs!F1":0.5,"Inputs!E2":0.5,"Inputs!F2":1},
"inputs":{"Inputs!B4":"normal(0,1)","Inputs!B5":"normal(0,1)"}
EOF2
    i='"inputs":["Inputs!B4","Inputs!B5"]'
    for c in "{$i,\"rank\":0.5}" "{$i,\"matrix\":[[1,0.5],[0.5,1]]}" "{$i,\"matrix\":\"Inputs!E1:F2\"}" '"Inputs!B4, Inputs!B5 = 0.5"'; do
        echo "{$(cat head.json),\"correlate\":[$c]}" >s.json
        sim-engine --spec s.json --samples s.csv >/dev/null </dev/null
        if [ -e first.csv ]; then cmp first.csv s.csv; else mv s.csv first.csv; fi
    done
}

@test "RiskCorrmat in the workbook, with instances" {
    m=(--set Inputs!E1=1 --set Inputs!E2=0.7 --set Inputs!F2=1 --set 'Inputs!D2==RiskNormal(0,1,RiskCorrmat(E1:F2,1))'
        --set 'Inputs!D3==RiskExpon(1,RiskCorrmat(E1:F2,2),RiskName("three"))' --set 'Inputs!D4==RiskNormal(0,1,RiskCorrmat(E1:F2,1,"other"))'
        --set 'Inputs!D1==D2+D3+D4')
    sim-engine "$DCF" "${m[@]}" -t Inputs!D1 -n 30000 --seed 2 --samples s.csv >out
    near "$(spearman s.csv Inputs!D2 three)" 0.7 0.015
    near "$(spearman s.csv Inputs!D2 Inputs!D4)" 0 0.02
    run ! grep -q '"type":"warning"' out
}

@test "what a target needs does not change the draws of a group" {
    m=(--set Inputs!E1=1 --set Inputs!E2=0.7 --set Inputs!F2=1 --set 'Inputs!D2==RiskNormal(0,1,RiskCorrmat(E1:F2,1))'
        --set 'Inputs!D3==RiskExpon(1,RiskCorrmat(E1:F2,2))' --set 'Inputs!D1==D2+D3')
    sim-engine "$DCF" "${m[@]}" -t Inputs!D1 -n 300 --seed 2 --samples a.csv >/dev/null
    sim-engine "$DCF" "${m[@]}" -t Inputs!D3 -n 300 --seed 2 --samples b.csv >/dev/null
    cmp <(cut -d, -f"$(head -1 a.csv | tr , '\n' | grep -n '^Inputs!D3$' | cut -d: -f1)" a.csv) <(cut -d, -f2 b.csv)
}

@test "a matrix that contradicts itself is adjusted, and said so" {
    three --correlate 'Inputs!B4,Inputs!B5=0.9' --correlate 'Inputs!B4,Inputs!B7=0.9' --correlate 'Inputs!B5,Inputs!B7=-0.9' -n 20000 --samples s.csv >out
    jq -s -e 'any(.type == "warning" and (.message | contains("not positive definite")))' out
    near "$(spearman s.csv Inputs!B4 Inputs!B5)" 0.48 0.03
}

@test "a wrong matrix is an error that names it" {
    m=(--set 'Inputs!D1==RiskNormal(0,1,RiskCorrmat(E1:F2,1))' -t Inputs!D1 -n 300)
    run -65 sim-engine "$DCF" "${m[@]}"
    [[ "$output" == *'Inputs!D1'*'Inputs!E1:F2'*'is no number'* ]]
    run -65 sim-engine "$DCF" "${m[@]}" --set Inputs!E1=1 --set Inputs!F2=1 --set Inputs!E2=0.5 --set Inputs!F1=0.4
    [[ "$output" == *'Inputs!E1:F2 is not symmetric'* ]]
    run -65 sim-engine "$DCF" "${m[@]}" --set Inputs!E1=1 --set Inputs!F2=2 --set Inputs!E2=0.5
    [[ "$output" == *'diagonal'* ]]
    run -65 sim-engine "$DCF" "${m[@]}" --set Inputs!E1=1 --set Inputs!F2=1 --set Inputs!E2=1.5
    [[ "$output" == *'not between -1 and 1'* ]]
    run -65 sim-engine "$DCF" "${m[@]/,1))/,3))}" --set Inputs!E1=1 --set Inputs!F2=1 --set Inputs!E2=0.5
    [[ "$output" == *'whole number from 1 to 2'* ]]
}

@test "a range stands for its cells" {
    sim-engine "$DCF" -t Inputs!D1 --set 'Inputs!D1==SUM(E1:E3)' -i 'Inputs!E1:E3 ~ normal(0,1)' --correlate 'Inputs!E1:E3=0.5' --seed 3 -n 20000 --samples s.csv >/dev/null
    near "$(spearman s.csv Inputs!E1 Inputs!E2)" 0.5 0.02
    near "$(spearman s.csv Inputs!E1 Inputs!E3)" 0.5 0.02
    near "$(spearman s.csv Inputs!E2 Inputs!E3)" 0.5 0.02
}

@test "wrong options are told" {
    run -64 three --correlate 'Inputs!B4=0.5'
    run -64 three --correlate 'Inputs!B4,Inputs!B5'
    run -64 three --correlate 'Inputs!B4,Inputs!B5=2'
    run -65 three --correlate 'Inputs!B4,Inputs!B6=0.5'
    [[ "$output" == *'Inputs!B6'*'draws nothing'* ]]
    run -65 three --correlate 'Inputs!B4,Inputs!B5=0.5' --correlate 'Inputs!B5,Inputs!B4=0.4'
    [[ "$output" == *'said before'* ]]
}
