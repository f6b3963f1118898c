#!/usr/bin/env bats
# Memory does not grow with the number of trials: largest resident set of a run, in KiB.
load helper

peak() {
    /usr/bin/python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@"
}

# one command at a few trials and at many: less than a tenth apart
flat() {
    local few=$1 many=$2 a b
    shift 2
    a=$(peak "$@" -n "$few")
    b=$(peak "$@" -n "$many")
    echo "$few trials: $a KiB, $many trials: $b KiB"
    [ $((b * 10)) -lt $((a * 11)) ]
}

ready() {
    need /usr/bin/python3
    case ${SIM_BUILD:-} in *asan*) skip "the sanitizer keeps what was freed" ;; esac
}

@test "memory is flat from 100,000 to 10,000,000 trials: sim-engine" {
    ready
    flat 1e5 1e7 sim-engine "$DCF" --spec "$SPEC" --seed 1
}

@test "and so it is with samples written" {
    ready
    flat 2e4 4e5 sim-engine "$DCF" --spec "$SPEC" --seed 1 --samples /dev/null
}

@test "and where part of the model has no lanes" {
    ready
    flat 1e4 3e5 sim-engine "$DCF" --spec "$SPEC" --set 'Inputs!D1==LEN("x"&INT(B4))+B4' -t Inputs!D1 --seed 1
}

@test "a command that keeps what it reads is told apart" {
    ready
    keep='import sys; kept = [0.0] * int(float(sys.argv[2]))'
    run ! flat 1e5 1e7 /usr/bin/python3 -c "$keep"
}
