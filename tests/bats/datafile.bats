#!/usr/bin/env bats
# Distributions whose numbers are in a CSV file.
load helper

one() { # a distribution: mean, least, greatest, as a line
    sim "$DCF" -i "Inputs!B4 ~ $1" -t Inputs!B4 --seed 1 -n 40000 --format ndjson |
        jq -r '.targets[0] | "\(.mean) \(.min) \(.max)"'
}

try() {
    sim "$DCF" -i "Inputs!B4 ~ $1" -t Inputs!B4 -n 300
}

data() {
    printf 'date,"price, net",w\n1,1.5,2\n2,"2.5",1\n\n3,4,1\n4,,1\n' >d.csv
}

@test "empirical by number and by name of a column: the numbers, all alike" {
    data
    [ "$(one 'empirical("d.csv",2)')" = "$(one 'duniform({1.5,2.5,4})')" ]
    [ "$(one 'empirical("d.csv","price, net")')" = "$(one 'duniform({1.5,2.5,4})')" ]
    [ "$(one 'empirical("d.csv")')" = "$(one 'duniform({1,2,3,4})')" ]
}

@test "discrete with weights, properties, and inside a formula" {
    data
    [ "$(one 'discrete("d.csv",2,"w")')" = "$(one 'discrete({1.5,2.5,4},{2,1,1})')" ]
    [ "$(one '2*empirical("d.csv",2,RiskTruncate(2,))+1')" = "$(one '2*duniform({1.5,2.5,4},RiskTruncate(2,))+1')" ]
}

@test "semicolons, tabs, a byte order mark, lines of Windows" {
    printf '\357\273\277a;b\r\n1;10\r\n2;20\r\n' >s.csv
    [ "$(one 'empirical("s.csv","b")')" = "$(one 'duniform({10,20})')" ]
    printf '1\t10\n2\t20\n' >t.csv
    [ "$(one 'empirical("t.csv",2)')" = "$(one 'duniform({10,20})')" ]
}

@test "a hundred thousand numbers" {
    seq 0 99999 >big.csv
    sim "$DCF" -i 'Inputs!B4 ~ empirical("big.csv")' -t Inputs!B4 --seed 1 -n 200000 --format ndjson |
        jq -e '.targets[0] | (.mean - 49999.5) / .mean_error | fabs < 5'
}

@test "the path is relative to the spec" {
    mkdir sub
    printf '7\n' >sub/seven.csv
    echo "{\"model\":\"$DCF\",\"inputs\":{\"Inputs!B4\":\"empirical(\\\"seven.csv\\\")\"},\"targets\":[\"Inputs!B4\"]}" >sub/s.json
    sim --spec sub/s.json -n 300 --format ndjson | jq -e '.targets[0].mean == 7'
}

@test "other numbers in the file are another model" {
    printf '1\n2\n' >d.csv
    sim-engine "$DCF" -i 'Inputs!B4 ~ empirical("d.csv")' -t Inputs!B4 --seed 1 --trials 0..300 >a
    printf '1\n3\n' >d.csv
    sim-engine "$DCF" -i 'Inputs!B4 ~ empirical("d.csv")' -t Inputs!B4 --seed 1 --trials 300..600 >>a
    run -65 sim-aggregate a
    [[ "$output" == *'different models'* ]]
}

@test "what is wrong is told with file and line" {
    data
    run -66 try 'empirical("nowhere.csv")'
    run -65 try 'empirical("d.csv","close")'
    [[ "$output" == *'d.csv: no column "close"'* ]]
    run -65 try 'empirical("d.csv",9)'
    [[ "$output" == *'no numbers'* ]]
    run -65 try 'normal("d.csv",1)'
    [[ "$output" == *'does not take a file'* ]]
    printf '1\n2\nthree\n' >bad.csv
    run -65 try 'empirical("bad.csv")'
    [[ "$output" == *'bad.csv, line 3: "three" is no number'* ]]
}
