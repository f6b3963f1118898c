#!/usr/bin/env bats
# The same bits however the work was split; the pipe as README types it.
load helper

engine() {
    sim-engine "$DCF" --spec "$SPEC" --seed 7 "$@"
}

@test "one piece equals seven uneven slices merged in random order" {
    engine -n 300000 | sim-aggregate --format ndjson | summary >one
    for r in 100000..100001 0..1 1..777 777..65536 65536..99999 99999..100000 100001..300000; do
        engine --trials $r
    done >parts
    # whole runs in another order: by their run ids
    jq -r '.run // empty' parts | awk '!s[$0]++' | sort >runs
    while read -r id; do grep -F "\"run\":\"$id\"" parts; done <runs | sim-aggregate --format ndjson | summary >seven
    cmp one seven
}

@test "lines of several engines may interleave" {
    engine --trials 0..5000 >a
    engine --trials 5000..10000 >b
    engine -n 10000 | sim-aggregate --format csv >one
    paste -d '\n' a b | grep . | sim-aggregate --format csv | cmp - one
}

@test "one thread and two give the same" {
    engine -n 200000 -j 1 | sim-aggregate --format ndjson | summary >one
    engine -n 200000 -j 2 | sim-aggregate --format ndjson | summary | cmp - one
}

@test "every instruction set gives the same" {
    engine -n 100000 --isa base | sim-aggregate --format ndjson | summary >one
    for isa in avx2 avx512; do
        if SIM_ISA=$isa engine -n 1 >/dev/null 2>&1; then
            SIM_ISA=$isa engine -n 100000 | sim-aggregate --format ndjson | summary | cmp - one
        fi
    done
}

@test "the same seed gives the same, another seed does not" {
    engine -n 1000 | sim-aggregate --format csv >one
    engine -n 1000 | sim-aggregate --format csv | cmp - one
    run ! cmp <(sim-engine "$DCF" --spec "$SPEC" --seed 8 -n 1000 | sim-aggregate --format csv) one
}

@test "adding an input does not change another's draws" {
    sim-engine "$DCF" -t Summary!B12 -i 'Inputs!B4 ~ normal(1000,80)' --seed 3 -n 50 --samples a.csv >/dev/null
    sim-engine "$DCF" -t Summary!B12 -i 'Inputs!B4 ~ normal(1000,80)' -i 'Inputs!B7 ~ uniform(0.4,0.5)' --seed 3 -n 50 --samples b.csv >/dev/null
    head -1 a.csv | grep -q 'Inputs!B4'
    cmp <(cut -d, -f3 a.csv) <(cut -d, -f"$(head -1 b.csv | tr , '\n' | grep -n '^Inputs!B4$' | cut -d: -f1)" b.csv)
}

@test "a replayed trial shows the numbers of the run" {
    engine -n 10 --samples s.csv >/dev/null
    want=$(sed -n 7p s.csv | cut -d, -f2)
    got=$(engine --trial 5 | jq -r 'select(.cell == "Summary!B12").value')
    [ "$(jq -n "$want")" = "$got" ]
}

@test "samples: a row a trial, in order, whatever the threads" {
    engine -n 5000 -j 2 --samples s.csv >/dev/null
    [ "$(wc -l <s.csv)" -eq 5001 ]
    tail -n +2 s.csv | cut -d, -f1 | cmp - <(seq 0 4999)
    engine -n 5000 -j 1 --samples t.csv >/dev/null
    cmp s.csv t.csv
}

@test "samples as NDJSON" {
    engine -n 3 --samples s.ndjson >/dev/null
    [ "$(jq -s length s.ndjson)" -eq 3 ]
}

@test "a task line on standard input" {
    echo "{\"v\":1,\"type\":\"task\",\"job\":\"j1\",\"attempt\":2,\"spec\":\"$SPEC\",\"trials\":1000,\"seed\":\"5\"}" | sim-engine >out
    [ "$(jq -r 'select(.type == "finished") | "\(.job) \(.attempt) \(.outcome)"' out)" = "j1 2 completed" ]
    sim-aggregate --format ndjson <out | jq -e '.job == "j1" and .trials == 1000'
}

@test "sim is engine and aggregate in one" {
    sim "$DCF" --spec "$SPEC" --seed 7 -n 20000 --format csv >one
    engine -n 20000 | sim-aggregate --format csv | cmp - one
}

@test "SIGTERM: the chunk in hand is finished, the part is usable, the signal is the status" {
    sim-engine "$DCF" --spec "$SPEC" --seed 7 -n 1e10 -j 1 >out &
    pid=$!
    for _ in $(seq 200); do
        grep -q '"type":"progress"' out && break
        sleep 0.05
    done
    kill -TERM $pid
    status=0
    wait $pid || status=$?
    [ $status -eq 143 ]
    [ "$(jq -r 'select(.type == "finished").outcome' out)" = stopped ]
    run -1 sim-aggregate out
    sim-aggregate --allow-gaps --format csv out >part || [ $? -eq 1 ]
    grep -q 'Equity value' part
}

@test "a limit in time is held, with status 124" {
    start=$(date +%s%N)
    run -124 sim-engine "$DCF" --spec "$SPEC" -n 1e11 --timeout 1s
    [ $((($(date +%s%N) - start) / 1000000)) -lt 5000 ]
    [[ "$output" == *'"outcome":"deadline"'* ]]
}

# The options of a target without lanes, one trial of which takes some microseconds for each of n.
slow_target() { # n
    slow=("$DCF" -t 'Summary!Z1' -i "Summary!Z1 ~ SUM(MAP(SEQUENCE($1),LAMBDA(x,LEN(TEXT(x*RAND(),\"0.000\")&\"a\"))))")
}

@test "a limit in time is held while a block of trials takes longer" {
    slow_target 200000
    start=$(date +%s%N)
    run -124 timeout 60 sim-engine "${slow[@]}" -n 1000 --timeout 1s
    [[ "$output" == *'"outcome":"deadline"'*'"trials":0'* ]]
    run -124 timeout 60 sim "${slow[@]}" -n 1000 --timeout 1s
    [ $((($(date +%s%N) - start) / 1000000)) -lt 15000 ]
}

@test "a limit in time in the middle of a block: what is counted is what was done, rows and all" {
    slow_target 5000
    for limit in 4s 8s 16s 32s 64s; do # the first block must be done
        run -124 sim-engine "${slow[@]}" -n 1e9 -j 2 --timeout $limit --samples rows.csv
        n=$(jq 'select(.type == "finished").trials' <<<"$output")
        [ "$n" -eq 0 ] || break
    done
    [ "$n" -gt 0 ]
    [ "$(($(wc -l <rows.csv) - 1))" -eq "$n" ]
    sim-aggregate --allow-gaps --format json - <<<"$output" >out.json || [ $? -eq 1 ]
    [ "$(jq .trials out.json)" -eq "$n" ]
    [ "$(jq '.targets[0].n' out.json)" -eq "$n" ]
}

@test "a limit in time is held while nothing comes from a pipe" {
    mkfifo spec.json
    start=$(date +%s%N)
    run -124 timeout 60 sim-engine "$DCF" --spec spec.json --timeout 500ms
    [[ "$output" == *'"outcome":"deadline"'* ]]
    run -124 timeout 60 sim "$DCF" --spec spec.json --deadline 500ms
    [[ "$output" == *'before the first trial'* ]]
    [ $((($(date +%s%N) - start) / 1000000)) -lt 10000 ]
}

@test "SIGTERM ends a block of trials that takes long" {
    slow_target 200000
    sim-engine "${slow[@]}" -n 1000 >out 3>&- &
    pid=$!
    await 60 grep -q '"type":"started"' out
    start=$(date +%s%N)
    kill -TERM $pid
    status=0
    wait $pid || status=$?
    [ $status -eq 143 ]
    [ $((($(date +%s%N) - start) / 1000000)) -lt 8000 ]
    [ "$(jq -r 'select(.type == "finished").outcome' out)" = stopped ]
}

@test "a deadline is held, as a time or from now, with status 124" {
    start=$(date +%s%N)
    run -124 sim-engine "$DCF" --spec "$SPEC" -n 1e11 --deadline "$(date -u -d '+2 seconds' +%Y-%m-%dT%H:%M:%SZ)"
    run -124 sim-engine "$DCF" --spec "$SPEC" -n 1e11 --deadline 500ms
    run -124 sim-engine "$DCF" --spec "$SPEC" -n 1e11 --deadline @1000000000
    run -124 sim-engine "$DCF" --spec "$SPEC" -n 1e11 --timeout 1h --deadline 2001-09-09T03:46:40.5+02:00
    [ $((($(date +%s%N) - start) / 1000000)) -lt 9000 ]
    [[ "$output" == *'"outcome":"deadline"'* ]]
    sim-engine "$DCF" --spec "$SPEC" -n 300 --deadline "$(date -d '+1 hour' +%Y-%m-%dT%H:%M%:z)" >/dev/null
    run -64 sim-engine "$DCF" --spec "$SPEC" --deadline tomorrow
    run -64 sim-engine "$DCF" --spec "$SPEC" --deadline 2026-11-21T10:00:00
}

@test "progress is measured: done never beyond total, one at the end" {
    engine -n 100000 >out
    jq -s -e 'map(select(.type == "progress")) | length > 0 and all(.done <= .total) and (last | .done == .total)' out
}

@test "every line of an engine is a record of at most 4096 bytes" {
    engine -n 100001 >out
    awk 'length($0) > 4095 { exit 1 }' out
    jq -e -s 'all(.v == 1 and has("type") and has("time"))' out >/dev/null
}

@test "the examples agree with the values LibreOffice cached" {
    for f in "$ROOT"/examples/*.xlsx; do
        run -0 sim-model --verify --pin --format table "$f"
    done
}

@test "a workbook saved by LibreOffice now" {
    need soffice
    soffice -env:UserInstallation="file://$PWD/profile" --headless --calc --convert-to xlsx --outdir out "$DCF" >/dev/null 2>&1 || skip "LibreOffice does not start here"
    sim-model --verify --format table out/dcf.xlsx | grep -q '192 formula cells agree, 0 differ'
}

@test "conformance with real workbooks" {
    dir=$ROOT/../shared/workbooks
    [ -d "$dir" ] || skip "no ../shared/workbooks here"
    "$ROOT/tools/conformance" "$BIN/sim-model" "$dir" >out
    tail -1 out
    agree=$(tail -1 out | cut -d' ' -f1)
    [ "$agree" -ge 38000 ]
}
