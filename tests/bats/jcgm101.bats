#!/usr/bin/env bats
# The examples of JCGM 101:2008 (Supplement 1 to the "Guide to the expression of uncertainty in measurement"), clause 9, on
# tests/golden/jcgm101.xlsx (made by make_jcgm101.py), a million trials each. Published: estimate, standard uncertainty, coverage
# interval. Estimates and uncertainties must agree to the digits published, give or take 5 standard errors; the published interval must
# hold what it says it covers, within 0.002.
load helper

BOOK=$ROOT/tests/golden/jcgm101.xlsx

# sheet, estimate, its half digit, uncertainty, its half digit, low, high, coverage; then options
agrees() {
    local sheet=$1 y=$2 dy=$3 u=$4 du=$5 low=$6 high=$7 p=$8
    shift 8
    sim "$BOOK" -t "$sheet!B1" -n 1e6 --seed 101 --above "$low" --above "$high" --format ndjson "$@" >out
    jq -e --argjson y "$y" --argjson dy "$dy" --argjson u "$u" --argjson du "$du" --argjson p "$p" '.targets[0] |
        .errors == 0 and (.mean - $y | fabs) <= $dy + 5 * .mean_error and
        (.sd - $u | fabs) <= $du + 5 * .sd * ((.kurtosis + 2) / 4 / .n | sqrt) and
        (.above[0].prob - .above[1].prob - $p | fabs) <= 0.002' out >/dev/null ||
        { jq -c '.targets[0] | [.mean, .sd, .above]' out; false; }
}

# of a run that has been judged: percentile, published, tolerance
percentile() {
    sim "$BOOK" -t "$1!B1" -n 1e6 --seed 101 -p "$2" --format ndjson |
        jq -e --argjson x "$3" --argjson tol "$4" '(.targets[0].percentiles[0].x - $x | fabs) <= $tol'
}

@test "9.2.2: four Gaussian quantities: u 2.00, 95 % within 3.92" {
    agrees Gaussian 0 0 2 0.005 -3.92 3.92 0.95
    percentile Gaussian 97.5 3.92 0.02
}

@test "9.2.3: four rectangular quantities: u 2.00, 95 % within 3.88" {
    agrees Rectangular 0 0 2 0.005 -3.88 3.88 0.95
    percentile Rectangular 97.5 3.88 0.02
}

@test "9.2.4: one of them ten times wider: u 10.1, 95 % within 17.0" {
    agrees Dominant 0 0 10.1 0.05 -17.0 17.0 0.95
    percentile Dominant 97.5 17.0 0.06
}

@test "9.3: mass calibration: 1.2341 mg, u 0.0754, 95 % in 1.0834 .. 1.3825" {
    agrees Mass 1.2341 0.00005 0.0754 0.00005 1.0834 1.3825 0.95
}

@test "9.4: microwave power, no correlation: 50, 150, 2550; u 50, 112, 502 (in 1e-6)" {
    agrees Power 50e-6 0.5e-6 50e-6 0.5e-6 0 150e-6 0.95
    agrees Power 150e-6 0.5e-6 112e-6 0.5e-6 0 367e-6 0.95 --set Power!B4=0.010
    agrees Power 2550e-6 0.5e-6 502e-6 0.5e-6 1590e-6 3543e-6 0.95 --set Power!B4=0.050
}

# u is 2 u(x) sqrt(x1^2 + u(x)^2 (1 + r^2)), clause 9.4.3
@test "9.4: microwave power, correlation 0.9: 50, 150, 2550; u 67, 121, 505" {
    for case in '0 50e-6 67e-6' '0.010 150e-6 121e-6' '0.050 2550e-6 505e-6'; do
        read -r x y u <<<"$case"
        sim "$BOOK" -t Power!B1 --set "Power!B4=$x" --set Power!B6=0.9 -n 1e6 --seed 101 --format ndjson |
            jq -e --argjson y "$y" --argjson u "$u" '.targets[0] | (.mean - $y | fabs) <= 5 * .mean_error and (.sd - $u | fabs) <= 1e-6'
    done
}

@test "9.5: gauge block: 838 nm, u 36, 99 % in 745 .. 932" {
    agrees Gauge 838 0.5 36 0.5 745 932 0.99
}

@test "a wrong density of the air, or no difference of expansions, is told apart" {
    agrees Mass 1.2341 0.00005 0.0754 0.00005 1.0834 1.3825 0.95 --set 'Mass!B4==1.1+0.2*RAND()'
    run ! agrees Mass 1.2341 0.00005 0.0754 0.00005 1.0834 1.3825 0.95 --set 'Mass!B4==1.05+0.3*RAND()'
    run ! agrees Gauge 838 0.5 36 0.5 745 932 0.99 --set Gauge!B9=0
}

@test "inputs, and what they are for, are found in the workbook" {
    sim-model "$BOOK" --format ndjson >out
    jq -s -e 'any(.. | strings; test("STUDENT"; "i"))' out
}
