#!/usr/bin/env bats
# The durable spool: accepting, running, showing, controlling.
load helper
setup() { spool_setup; need sqlite3; }
teardown() { spool_teardown; }

# --- accepting ------------------------------------------------------------------------------------------------------

@test "a command becomes a job, runs, and is shown" {
    run -0 sim-submit --name hello -- sh -c 'echo "hello from $SIM_JOB"'
    [ "$(jq -r .state <<<"$output")" = queued ]
    run -0 sim-run -a
    [[ "$output" == *'hello from 1'* ]]
    [ "$(state 1)" = completed ]
    [ "$(field hello percent)" = 100 ]
}

@test "the pipe of the manual: submit, run, aggregate give the digits of one process" {
    sim-submit "$DCF" --spec "$SPEC" -n 300000 --seed 7 --chunks 5 | sim-run | sim-aggregate --format json | jq -S .targets >spooled
    sim "$DCF" --spec "$SPEC" -n 300000 --seed 7 --format json | jq -S .targets >alone
    diff spooled alone
    sim-aggregate 1 --format json | jq -S .targets | diff - alone
}

@test "editing the workbook after submission changes nothing" {
    cp "$DCF" plan.xlsx
    sim-submit plan.xlsx --spec "$SPEC" -n 5000 --seed 7
    echo broken >plan.xlsx
    sim-run -a | sim-aggregate --format json | jq -S .targets >a
    sim "$DCF" --spec "$SPEC" -n 5000 --seed 7 --format json | jq -S .targets | diff - a
}

@test "data files are copied with the job, under names of their own" {
    mkdir sub
    printf '7\n9\n' >sub/d.csv
    echo "{\"model\":\"$DCF\",\"inputs\":{\"Inputs!B4\":\"empirical(\\\"d.csv\\\")\"},\"targets\":[\"Inputs!B4\"]}" >sub/s.json
    sim-submit "$DCF" --spec sub/s.json -n 3000 --seed 1 --chunks 3
    rm -r sub
    sim-run -a | sim-aggregate --format json | jq -e '.targets[0] | .min == 7 and .max == 9'
}

@test "a bad workbook is refused at submission; nothing is accepted" {
    echo no >bad.xlsx
    run --separate-stderr -65 sim-submit bad.xlsx -t A1
    [ -z "$output" ]
    [ "$(wc -l <<<"$stderr")" -eq 1 ]
    run --separate-stderr -65 sim-submit "$DCF" -t 'Nowhere!A1'
    [ "$(sql 'SELECT count(*) FROM job')" -eq 0 ]
    [ -z "$(ls -A "$SIM_SPOOL/jobs")" ]
}

@test "the same key is the same job, also after it finished" {
    a=$(submit --key k1 -- true)
    b=$(submit --key k1 -- true)
    [ "$a" = "$b" ]
    sim-run -a
    run -0 sim-submit --key k1 -- false
    [ "$(jq -r .existing <<<"$output")" = true ]
    [ "$(jq -r .state <<<"$output")" = completed ]
    [ "$(sql 'SELECT count(*) FROM job')" -eq 1 ]
}

@test "many that come at once to a spool that does not exist yet: it is made once, and none is turned away" {
    for i in $(seq 100); do
        export SIM_SPOOL=$PWD/fresh/$i
        for k in 1 2 3 4; do sim-submit --quiet -- true >>"ids$i" 2>>said & done
        wait
        [ "$(sort "ids$i" | tr '\n' ' ')" = "1 2 3 4 " ]
    done
    [ ! -s said ]
    [ -z "$(ls -d fresh/*/spool.db.new* 2>/dev/null)" ]
}

@test "a spool of another version is refused, and nothing in it is touched" {
    submit -- true
    sqlite3 "$SIM_SPOOL/spool.db" 'PRAGMA user_version=1' >/dev/null
    run --separate-stderr -65 sim-run -a
    [[ "$stderr" == *"is a spool of another version of simspool"* ]]
    run -65 sim-submit -- true
    [ "$(sql 'SELECT count(*) FROM job WHERE state=1')" -eq 1 ]
}

@test "a spool that has jobs and has lost its database is refused, not begun anew" {
    submit -- true
    sim-run -a
    rm "$SIM_SPOOL"/spool.db*
    run --separate-stderr -65 sim-submit -- true
    [[ "$stderr" == *"has jobs and no spool.db"* ]]
}

@test "the same key from 50 submitters at once is one job" {
    for _ in $(seq 50); do sim-submit --quiet --key once -- true >>ids & done
    wait
    [ "$(sort -u ids | wc -l)" -eq 1 ]
    [ "$(wc -l <ids)" -eq 50 ]
    [ "$(sql 'SELECT count(*) FROM job')" -eq 1 ]
}

@test "task lines: thousands in one transaction, in order" {
    for i in $(seq 2000); do echo '{"v":1,"type":"task","command":["true"],"name":"n'"$i"'"}'; done | sim-submit -q - >ids
    [ "$(wc -l <ids)" -eq 2000 ]
    [ "$(head -1 ids)" -eq 1 ]
    [ "$(sql "SELECT name FROM job WHERE id=2000")" = n2000 ]
}

@test "task lines: one bad line and none is accepted; the line is named" {
    printf '%s\n' '{"v":1,"type":"task","command":["true"]}' '{"v":1,"type":"task","comand":["true"]}' >lines
    run --separate-stderr -65 sim-submit - <lines
    [[ "$stderr" == *'line 2'* ]]
    [ "$(sql 'SELECT count(*) FROM job')" -eq 0 ]
    printf '%s\n' '{"v":1,"type":"task","command":["true"]}' '{"v":1,"type":"task","command":["tr' | run -65 sim-submit -
    [ "$(sql 'SELECT count(*) FROM job')" -eq 0 ]
    printf '{"v":1,"type":"task","command":["true"],"name":"\xff"}\n' >lines
    run -65 sim-submit - <lines
    printf '{"v":2,"type":"task","command":["true"]}\n' >lines
    run -65 sim-submit - <lines
    [ "$(sql 'SELECT count(*) FROM job')" -eq 0 ]
}

@test "a line of 1 GB is refused, in bounded memory" {
    case ${SIM_BUILD:-} in
    *asan*) limit=unlimited ;; # the sanitizer reserves terabytes of addresses
    *) limit=400000 ;;
    esac
    (ulimit -v $limit; head -c 1000000000 /dev/zero | tr '\0' x | sim-submit - 2>err; echo $? >status) || true
    [ "$(cat status)" -eq 65 ]
    [ "$(wc -l <err)" -eq 1 ]
}

@test "a task line reaches the stage with its own data" {
    echo '{"v":1,"type":"task","data":{"x":41}}' | sim-submit - -- jq -c '.data.x + 1'
    run -0 sim-run -a -q
    [ "$output" = 42 ]
}

@test "a task line that could never run is refused, with its number" {
    for field in '"command":[]' '"command":[""]' '"command":["echo",1]' '"command":["true"],"priority":"high"' '"command":["true"],"priority":1e30' \
        '"command":["true"],"key":""'; do
        run --separate-stderr -65 sim-submit - < <(echo '{"v":1,"type":"task","command":["true"]}'; echo '{"v":1,"type":"task",'"$field"'}')
        [[ "$stderr" == 'sim-submit: standard input, line 2: '* ]] || { echo "$field: $stderr"; return 1; }
    done
    [ "$(sql 'SELECT count(*) FROM job')" -eq 0 ]
    echo '{"v":1,"type":"task","command":["true"]}' | submit --name theirs -
    [ "$(field 1 name)" = theirs ]
}

@test "options that say nothing, or go with something else, are refused" {
    refused() {
        run --separate-stderr -64 sim-submit "$@" </dev/null
        [ "$(wc -l <<<"$stderr")" -eq 1 ]
    }
    # an unset variable as key would make one job of many
    for o in --key= --slot= --result= --retry-on= --chunks=5 --batch -n5 -tA1 --deadline=2027-13-01T00:00:00Z --deadline=2027-02-29T00:00:00Z --deadline=2027-11-31T00:00:00; do
        refused "$o" -- true
    done
    refused -- ''
    refused --key k -
    refused -n 5 -
    refused --key k --scan
    run --separate-stderr -66 sim-submit --folder "$DCF" -- true
    [ ! -e "$SIM_SPOOL/spool.db" ] || [ "$(sql 'SELECT count(*) FROM job')" -eq 0 ]
    for t in 2027-11-30T00:00:00+01:00 2028-02-29T00:00:00.5Z 2027-11-30T00:00:00 @1900000000 2h; do
        submit --deadline "$t" -- true
    done
}

@test "a table has a line a job, whatever its name" {
    submit --name $'a\nb\e[31m\x7f\u009b2Jü' -- true
    run -0 sim-progress --format table --all
    [ "${#lines[@]}" -eq 3 ]
    [[ "${lines[2]}" == *'a?b?[31m???2Jü'* ]]
    [ "$(field 1 name)" = $'a\nb\e[31m\x7f\u009b2Jü' ]
}

@test "a name like a path is a name" {
    submit --name '../../x' --key '../../y' -- true
    sim-run -a
    [ "$(sql 'SELECT name FROM job')" = '../../x' ]
    [ ! -e "$SIM_SPOOL/../../x" ]
    [ "$(field '../../x' state)" = completed ]
}

@test "a batch of three targets: one parent, a child each, one summary each" {
    sim-submit --batch "$DCF" --spec "$SPEC" -t 'Summary!B12' -t 'Summary!B10' -t 'Summary!B11' -n 1000 --seed 3 >job
    sim-run -a >lines
    [ "$(field 1 state)" = completed ]
    [ "$(field 1 children.completed)" -eq 3 ]
    [ "$(field 1 percent)" = 100 ]
    sim-aggregate --format ndjson <lines | wc -l | grep -qx 3
}

@test "scenarios: a row of a table is a child" {
    printf 'TaxRate,Wacc\n0.2,0.08\n0.3,0.09\n' >s.csv
    run -0 sim-submit --scenarios s.csv "$DCF" -t 'Summary!B12' -i 'Revenue0 ~ normal(1000,80)' -n 500 --seed 3
    sim-run -a >lines
    [ "$(sql 'SELECT count(*) FROM job WHERE parent=1 AND state=5')" -eq 2 ]
    [ "$(sim-aggregate --format ndjson <lines | jq -r '.targets[0].mean' | sort -u | wc -l)" -eq 2 ]
}

# --- dependencies, retries, slots --------------------------------------------------------------------------------------

@test "dependencies: after, after-ok; a failed one fails its dependents with that reason" {
    a=$(submit -- false)
    b=$(submit --after "$a" -- true)
    c=$(submit --after-ok "$a" -- true)
    d=$(submit --after-ok "$c" -- true)
    [ "$(state "$b")" = pending ]
    [[ "$(field "$b" why)" == *"waits for job $a"* ]]
    run -1 sim-run -a
    [ "$(state "$b")" = completed ]
    [ "$(state "$c")" = failed ]
    [[ "$(field "$c" reason)" == *"dependency $a"* ]]
    [ "$(state "$d")" = failed ]
}

@test "retries: counted, backed off, shown; the job completes" {
    submit --retries 3 --backoff 100ms -- sh -c 'echo x >>tries; [ "$(wc -l <tries)" -ge 3 ]'
    run -0 sim-run -a
    [ "$(wc -l <tries)" -eq 3 ]
    [ "$(field 1 retries)" -eq 2 ]
    [ "$(field 1 attempt)" -eq 3 ]
    [ "$(field 1 last_error)" = null ]
    [ "$(sim-progress 1 --history | jq -s 'map(select(.type=="retry")) | length')" -eq 2 ]
}

@test "retries: a budget is a budget, bad input is not tried again" {
    submit --retries 2 --backoff 10ms -- sh -c 'echo x >>tries; exit 3'
    submit --retries 2 --backoff 10ms -- sh -c 'echo x >>usage; exit 64'
    submit --retries 2 --backoff 10ms --retry-on 75 -- sh -c 'echo x >>other; exit 3'
    run -1 sim-run -a
    [ "$(wc -l <tries)" -eq 3 ]
    [ "$(wc -l <usage)" -eq 1 ]
    [ "$(wc -l <other)" -eq 1 ]
    [[ "$(field 1 reason)" == *'status 3'* ]]
}

@test "a slot is never held twice, and always freed" {
    for _ in 1 2 3 4; do
        submit --slot licence --retries 0 -- sh -c 'mkdir held || exit 9; echo "$SIM_SLOT_LICENCE" >>units; sleep 0.1; rmdir held'
    done
    sim-run -a -j 4
    [ "$(sql 'SELECT count(*) FROM job WHERE state=5')" -eq 4 ]
    [ "$(sort -u units)" = 0 ]
    [ "$(sql 'SELECT count(*) FROM hold')" -eq 0 ]
}

@test "a slot of two units, and why a job waits for it" {
    submit --slot gpu=2 -- sleep 30
    submit --slot gpu -- true
    sim-run --slot gpu=2 -w >/dev/null 3>&- &
    await 30 in_state 1 running
    [[ "$(field 2 why)" == *'slot gpu: 2 of 2 held, by job 1'* ]]
    sim-ctl cancel 1
    await 30 in_state 2 completed
    kill %1
    wait %1 || true
}

@test "what more units are wanted than there are says so" {
    submit --slot licence=3 -- true
    sim-run -a
    sim-run -w >/dev/null 3>&- &
    await 30 sh -c "sim-progress 1 | jq -e '.why | test(\"wants 3 of slot licence\")' >/dev/null"
    kill %1
    wait %1 || true
}

@test "priority, then age; batches take turns" {
    for _ in 1 2 3 4; do echo '{"v":1,"type":"task","command":["true"],"name":"a"}'; done | sim-submit -q -
    for _ in 1 2 3 4; do echo '{"v":1,"type":"task","command":["true"],"name":"b"}'; done | sim-submit -q -
    submit --priority 5 --name p -- true
    sim-run -a -j 1 >/dev/null
    run -0 sql "SELECT group_concat(name,'') FROM (SELECT j.name FROM attempt a JOIN job j ON j.id=a.job ORDER BY a.started_at, a.rowid)" || \
        output=$(sql "SELECT group_concat(name,'') FROM (SELECT j.name FROM attempt a JOIN job j ON j.id=a.job ORDER BY a.started_at)")
    [ "$output" = pabababab ]
}

# --- stages ---------------------------------------------------------------------------------------------------------------

@test "a stage's environment: allowed names, its own, and what was given; nothing else" {
    export SECRET_OTHER=no
    TOKEN=s3cr3t-value submit --env TOKEN --env MODE=fast -- sh -c 'echo "$TOKEN $MODE $SIM_JOB $SIM_ATTEMPT ${SECRET_OTHER-unset}"'
    run -0 sim-run -a -q
    [ "$output" = "s3cr3t-value fast 1 1 unset" ]
}

@test "a secret appears in no listing, event, log or process title" {
    TOKEN=s3cr3t-value submit --env TOKEN -- sh -c 'echo ready >&2; exec sleep 30'
    sim-run -w 3>&- >out 2>&1 &
    await 30 in_state 1 running
    sim-progress 1 --history >>out
    sim-progress --all --format table >>out
    sim-progress 1 >>out
    sim-recover >>out
    for p in /proc/[0-9]*/cmdline; do tr '\0' ' ' <"$p" >>out 2>/dev/null || true; done
    cat "$SIM_SPOOL"/jobs/1/attempts/1/{log,lock} >>out
    sim-ctl cancel 1 >>out
    kill %1
    wait %1 || true
    run ! grep -q s3cr3t out
}

@test "events of a stage are checked, stored and passed on; plain lines too" {
    cat >stage <<'X'
#!/bin/sh
read task
echo '{"v":1,"type":"progress","done":1,"total":4,"unit":"steps"}'
echo plain line
echo '{"v":1,"type":"warning","message":"look out"}'
echo '{"v":1,"type":"counters","ok":3,"failed":1,"retries":2,"in_flight":0}'
echo '{"v":1,"type":"progress","done":4,"total":4,"unit":"steps"}'
X
    chmod +x stage
    submit -- ./stage
    sim-run -a >out
    grep -qx 'plain line' out
    jq -c 'select(.type=="warning" and .job=="1" and .attempt==1)' <(grep '^{' out) | grep -q 'look out'
    [ "$(field 1 counters.ok)" -eq 3 ]
    [ "$(field 1 done)" -eq 4 ]
    [ "$(field 1 unit)" = steps ]
}

@test "events of another job or attempt are not believed" {
    submit -- sh -c 'echo "{\"v\":1,\"type\":\"error\",\"job\":\"77\",\"attempt\":1,\"message\":\"forged\"}"; echo "{\"v\":1,\"type\":\"progress\",\"job\":\"1\",\"attempt\":9,\"done\":5,\"total\":5,\"unit\":\"x\"}"'
    sim-run -a
    [ "$(field 1 total)" = null ]
    run ! sh -c 'sim-progress 1 --history | grep -q forged'
}

@test "status 0 without the promised result is a failure, with that reason" {
    submit --result there -- sh -c ': >there'
    submit --result missing -- true
    run -1 sim-run -a
    [ "$(state 1)" = completed ]
    [ "$(state 2)" = failed ]
    [[ "$(field 2 reason)" == *'without the promised file'*'missing' ]]
}

@test "a command that cannot be run says so" {
    submit -- ./no-such-program
    submit --folder "$PWD" -- true
    run -1 sim-run -a
    [[ "$(field 1 reason)" == *'cannot run ./no-such-program'* ]]
    [ "$(field 1 status)" -eq 127 ]
    [ "$(state 2)" = completed ]
}

@test "the log of a stage is bounded; its beginning is kept" {
    submit -- sh -c 'echo first >&2; head -c 90000000 /dev/zero | tr "\0" x >&2'
    sim-run -a
    [ "$(stat -c %s "$SIM_SPOOL/jobs/1/attempts/1/log")" -lt 70000000 ]
    head -c 5 "$SIM_SPOOL/jobs/1/attempts/1/log.head" | grep -qx first
}

@test "children left behind by a stage are gone when the job is over" {
    submit -- sh -c "setsid sh -c 'sleep $(nap 300); :' & (setsid sleep $(nap 301) & ) ; until pgrep -f '^sleep $(nap 301)' && pgrep -f '^sleep $(nap 300)'; do sleep 0.05; done; exit 0"
    sim-run -a
    [ "$(state 1)" = completed ]
    run ! naps '30[01]'
}

# --- sim-run ------------------------------------------------------------------------------------------------------------------

@test "sim-run runs the jobs on its standard input, and no others" {
    submit --name other -- true
    sim-submit --name mine -- true | sim-run >/dev/null
    [ "$(state mine)" = completed ]
    [ "$(state other)" = queued ]
}

@test "sim-run --once runs one job" {
    submit -- true
    submit -- true
    sim-run --once </dev/null
    [ "$(sql 'SELECT count(*) FROM job WHERE state=5')" -eq 1 ]
}

@test "sim-run --wait takes jobs as they come; SIGTERM drains" {
    sim-run --wait -j 1 >/dev/null 2>&1 3>&- &
    r=$!
    submit -- sh -c 'sleep 0.5; echo done >file'
    await 30 in_state 1 running
    submit -- true
    kill -TERM $r
    wait $r || true
    [ -e file ]
    [ "$(state 1)" = completed ]
    [ "$(state 2)" = queued ]
}

@test "a second SIGTERM hands the running work back; nothing is used up" {
    submit --grace 200ms -- sleep 60
    sim-run --wait >/dev/null 2>&1 3>&- &
    r=$!
    await 20 in_state 1 running
    await 20 sh -c "kill -TERM $r 2>/dev/null; sim-progress 1 | grep -q '\"state\":\"queued\"'" # two that come at once are one
    [ "$(field 1 retries)" -eq 0 ]
}

@test "a reader that is gone does not hurt the jobs" {
    for _ in $(seq 20); do submit -- sh -c 'seq 2000' >/dev/null; done
    (sim-run -a; echo $? >status) | head -1 >/dev/null
    await 30 test -e status
    [ "$(sql 'SELECT count(*) FROM job WHERE state=5')" -eq 20 ]
}

# --- progress --------------------------------------------------------------------------------------------------------------------

@test "progress of a batch goes from 0 to 100 in the parent and never back" {
    sim-submit --batch "$DCF" --spec "$SPEC" -t 'Summary!B12' -t 'Summary!B10' -t 'Summary!B11' -n 3000000 --chunks 4 --seed 1 >/dev/null
    [ "$(field 1 percent)" = 0 ]
    sim-run -a >/dev/null 3>&- &
    while ! in_state 1 completed; do field 1 percent; done >seen
    wait
    field 1 percent >>seen
    sort -c -n seen
    [ "$(tail -1 seen)" = 100 ]
    [ "$(sort -un seen | wc -l)" -ge 4 ]
}

@test "a retried attempt's progress is counted once" {
    submit --retries 1 --backoff 10ms -- sh -c 'echo "{\"v\":1,\"type\":\"progress\",\"done\":6,\"total\":10,\"unit\":\"u\"}"; [ -e again ] || { : >again; sleep 0.5; exit 1; }; until [ -e go ]; do sleep 0.05; done; echo "{\"v\":1,\"type\":\"progress\",\"done\":10,\"total\":10,\"unit\":\"u\"}"'
    sim-run -a >/dev/null 3>&- &
    await 20 sh -c '[ "$(sim-progress 1 | jq .attempt)" = 2 ]'
    [ "$(field 1 done)" -le 6 ]
    : >go
    wait
    [ "$(field 1 done)" -eq 10 ]
}

@test "--follow: a snapshot and then every event, with no gap and no repeat" {
    submit -- true
    sim-run -a >/dev/null
    for i in $(seq 50); do submit -- true; done >/dev/null
    sim-progress --follow --timeout 60s >followed 3>&- &
    f=$!
    await 20 test -s followed
    sim-run -a -j 4 >/dev/null
    submit --name last -- true
    await 20 grep -q '"name":"last"' followed
    sleep 0.3 # for a repeat, if there were one
    kill $f
    wait $f || true
    # every change of state of the 50 jobs after the snapshot: running and completed, once each
    grep '"from"' followed | jq -r '"\(.job) \(.state)"' | sort | uniq -d | (! grep -q .)
    [ "$(grep '"from"' followed | jq -r 'select(.state=="completed") | .job' | sort -un | wc -l)" -eq 50 ]
    [ "$(grep -c '"name":"last"' followed)" -eq 1 ]
}

@test "--wait: the status says how it ended; a limit is a limit" {
    submit -- true
    submit -- false
    submit -- sleep 60
    sim-run -w >/dev/null 2>&1 3>&- &
    run -0 sim-progress --wait 1
    run -1 sim-progress --wait 2
    run -124 sim-progress --wait --timeout 300ms 3
    sim-ctl cancel 3
    kill %1
    wait %1 || true
}

@test "why a job is not running, in words" {
    submit -- true
    [[ "$(field 1 why)" == *'no sim-run is running'* ]]
    sim-ctl hold 1
    [[ "$(field 1 why)" == held* ]]
}

@test "lines of jobs that are not there, or of none" {
    submit -- true
    for p in 'sim-progress -' 'sim-ctl cancel -'; do
        # shellcheck disable=SC2086
        run --separate-stderr -66 $p <<<999
        [[ "$stderr" == *': there is no job 999' ]]
        # shellcheck disable=SC2086
        run -65 $p < <(printf '1\0\n')
    done
    run --separate-stderr -1 sim-run -q < <(echo '{"v":1,"type":"job","job":"999"}'; echo 1)
    [[ "$stderr" == *'line 1: there is no job 999'* ]]
    in_state 1 completed # the other one has run
    run --separate-stderr -65 sim-run < <(printf '1\0\n')
}

@test "no such job: 66" {
    submit -- true
    run -66 sim-progress 99
    run -66 sim-ctl cancel nosuch
}

# --- control ------------------------------------------------------------------------------------------------------------------------

all_stopped() { # JOB: each of its processes
    local p n=0
    for p in $(members "$1"); do
        grep -q '^State:.T' "/proc/$p/status" || return 1
        n=$((n + 1))
    done
    [ $n -gt 1 ]
}

@test "pause stops the whole tree and the clock; resume goes on" {
    submit --timeout 5s -- sh -c 'while :; do echo x >>ticks; sleep 0.05; done & sleep 1.5; kill $!'
    sim-run -a >/dev/null 2>&1 3>&- &
    await 20 test -s ticks
    sim-ctl pause 1
    await 20 all_stopped 1
    a=$(wc -l <ticks)
    sleep 6
    [ "$(wc -l <ticks)" -eq "$a" ]
    [ "$(state 1)" = paused ]
    sim-ctl resume 1
    wait
    [ "$(state 1)" = completed ]
}

@test "cancel: queued, running, a whole batch" {
    submit -- sleep 60
    submit -- sleep 60
    sim-run -w -j 1 >/dev/null 2>&1 3>&- &
    await 30 in_state 1 running
    run -0 sim-ctl cancel --reason 'not wanted' 1 2
    [ "$(state 1)" = cancelled ]
    [ "$(state 2)" = cancelled ]
    [ "$(field 1 reason)" = 'not wanted' ]
    sim-submit -q "$DCF" --spec "$SPEC" -n 100000000 --chunks 50
    await 30 in_state 3 running
    sim-ctl cancel 3
    [ "$(state 3)" = cancelled ]
    [ "$(sql 'SELECT count(*) FROM job WHERE parent=3 AND state=7')" -ge 48 ]
    [ "$(sql 'SELECT count(*) FROM hold')" -eq 0 ]
    kill %1
    wait %1 || true
}

@test "refusals say why and what to do instead" {
    submit -- true
    run -1 sim-ctl resume 1
    run -1 sim-ctl pause 1
    [[ "$output" == *'use hold'* ]]
    run -1 sim-ctl release 1
    sim-run -a >/dev/null
    run -1 sim-ctl cancel 1
    run -1 sim-ctl retry 1
    [[ "$output" == *'has completed'* ]]
    run -1 sim-ctl force-start 1
    run -64 sim-ctl fail 1
    run -64 sim-ctl dance 1
}

@test "retry runs a failed job again; from its checkpoint unless told otherwise" {
    submit -- sh -c 'if [ -e "$SIM_CHECKPOINT" ]; then cat "$SIM_CHECKPOINT"; else echo half >"$SIM_CHECKPOINT"; exit 1; fi'
    run -1 sim-run -a
    sim-ctl retry 1
    run -0 sim-run -a -q
    [ "$output" = half ]
}

@test "force-start goes ahead of the queue" {
    for _ in 1 2 3; do submit -- true; done
    submit --name urgent -- true
    run -0 sim-ctl force-start urgent
    [[ "$output" == *'number 1'* ]]
    sim-run -a -j 1 >/dev/null
    [ "$(sql 'SELECT job FROM attempt ORDER BY started_at LIMIT 1')" -eq 4 ]
}

@test "fail, note, priority, dry run, state and lines" {
    submit -- true
    submit -- true
    sim-ctl -n cancel 1
    [ "$(state 1)" = queued ]
    sim-ctl note 'looked at it' 1
    [ "$(field 1 note)" = 'looked at it' ]
    sim-ctl priority 9 2
    [ "$(field 2 priority)" -eq 9 ]
    sim-ctl fail --reason 'wrong data' 1
    [ "$(field 1 state)" = failed ]
    [ "$(field 1 reason)" = 'wrong data' ]
    echo 2 | sim-ctl cancel -
    [ "$(state 2)" = cancelled ]
    sim-ctl retry --state cancelled
    [ "$(state 2)" = queued ]
    sim-progress 1 --history | jq -e 'select(.who != null and .reason == "wrong data")' >/dev/null
}

# --- the drop folder ---------------------------------------------------------------------------------------------------------------

@test "the drop folder: a workbook, a spec, a case folder; each once" {
    submit -- true
    new=$SIM_SPOOL/new
    cp "$ROOT/examples/options.xlsx" "$new/.o" && mv "$new/.o" "$new/options.xlsx"
    mkdir case && cp "$DCF" case/m.xlsx && cp "$SPEC" case/s.json && mv case "$new/case"
    run -0 sim-submit --scan --settle 100ms -t 'Option!B12' -n 1000 || true
    ls -A "$new"
    await 30 sh -c "sim-submit --scan --settle 100ms -n 1000 >/dev/null 2>&1; [ ! -e $new/case ]"
    [ "$(sql "SELECT count(*) FROM job WHERE name='case'")" -eq 1 ]
}

@test "the drop folder: what is still being written is left alone" {
    submit -- true
    new=$SIM_SPOOL/new
    exec 9>"$new/slow.xlsx"
    cat "$DCF" >&9
    touch -d '1 hour ago' "$new/slow.xlsx"
    sim-submit --scan --settle 0 --spec "$SPEC" -n 100
    [ -e "$new/slow.xlsx" ]
    exec 9>&-
    sim-submit --scan --settle 0 --spec "$SPEC" -n 100
    [ ! -e "$new/slow.xlsx" ]
    [ "$(sql 'SELECT count(*) FROM job')" -eq 2 ]
}

@test "the drop folder: a bad case is rejected with its reason" {
    submit -- true
    echo nonsense >"$SIM_SPOOL/new/bad.xlsx"
    run -1 sim-submit --scan --settle 0
    [ -e "$SIM_SPOOL/new/.rejected/bad.xlsx" ]
    [ -s "$SIM_SPOOL/new/.rejected/bad.xlsx.reason" ]
}

@test "the drop folder: a scan killed as it removes what it has taken: not taken again, not rejected" {
    need strace
    submit -- true
    new=$SIM_SPOOL/new
    mkdir case && cp "$DCF" case/m.xlsx && cp "$SPEC" case/s.json && mv case "$new/case"
    sleep 0.1 # what is tested is that it has settled
    run strace -f -o trace -e trace=rmdir -e inject=rmdir:signal=KILL:when=1 sim-submit --scan --settle 10ms -n 1000
    grep -q 'killed by SIGKILL' trace
    [ "$(find "$new" -name '*case' -type d | wc -l)" -eq 1 ]
    sleep 0.1
    run -0 sim-submit --scan --settle 10ms -n 1000
    [ "$(find "$new" -name '*case*' | wc -l)" -eq 0 ]
    [ "$(sql "SELECT count(*) FROM job WHERE name='case'")" -eq 1 ]
}

@test "the drop folder: a second bad case of the same name takes nothing from the first" {
    submit -- true
    for text in nonsense rubbish; do
        echo $text >"$SIM_SPOOL/new/bad.xlsx"
        run -1 sim-submit --scan --settle 0
    done
    [ "$(cat "$SIM_SPOOL/new/.rejected/bad.xlsx")" = nonsense ]
    [ "$(find "$SIM_SPOOL/new/.rejected" -name '*.reason' | wc -l)" -eq 2 ]
    [ "$(find "$SIM_SPOOL/new/.rejected" -type f | wc -l)" -eq 4 ]
}

@test "a model whose check takes too long is refused" {
    submit -- true
    mkfifo spec.json
    SIM_TEST_CHECK_LIMIT=500ms run -65 timeout 30 sim-submit "$DCF" --spec spec.json -n 1000
    [[ "$output" == *'could not be read and compiled within 500ms'* ]]
    [ "$(sql 'SELECT count(*) FROM job')" -eq 1 ]
}

# --- the spool itself ------------------------------------------------------------------------------------------------------------------

@test "a spool open to others, on a network, or that is none, is refused" {
    mkdir -m 755 open
    run -69 sim-progress --spool open
    SIM_TEST_FSTYPE=NFS run -69 sim-submit --spool "$PWD/net" -- true
    [[ "$output" == *'network file system'* ]]
    mkdir -m 700 none && echo text >none/spool.db
    run -65 sim-progress --spool none
    run -66 sim-progress --spool absent
}

@test "a read-only spool: looked at, or refused with one clear message" {
    submit -- true
    unshare -rm true 2>/dev/null || skip "no user and mount namespaces here"
    run unshare -rm sh -c 'mount -o bind "$SIM_SPOOL" "$SIM_SPOOL" && mount -o remount,ro,bind "$SIM_SPOOL" || exit 99
        sim-submit -- true; echo "status $?"; sim-run -a </dev/null; echo "status $?"; sim-progress --format ndjson | jq -r .state'
    [ "$status" -ne 99 ] || skip "cannot mount here"
    [ "$(grep -c '^status 74' <<<"$output")" -eq 2 ]
    [ "$(grep -c 'read-only\|Read-only' <<<"$output")" -ge 2 ]
    [ "$(tail -1 <<<"$output")" = queued ]
}

@test "the write-ahead log stays bounded under a reader that sleeps" {
    submit -- true
    mkfifo pipe
    sleep 600 <pipe 3>&- &
    reader=$!
    sim-progress --follow --timeout 600s >pipe 3>&- &
    follower=$!
    for _ in $(seq 40); do
        for _ in $(seq 100); do echo '{"v":1,"type":"task","command":["true"]}'; done | sim-submit -q - >/dev/null
    done
    [ "$(stat -c %s "$SIM_SPOOL/spool.db-wal")" -lt 34000000 ]
    kill $follower # it has been there all the time
    kill $reader
}

# --- examples, units ---------------------------------------------------------------------------------------------------------------------

@test "examples/pipeline: the Makefile makes its report, and again from the same job" {
    cp -r "$ROOT/examples/pipeline" "$ROOT/examples/dcf.xlsx" "$ROOT/examples/dcf.json" .
    make -C pipeline TRIALS=20000 report.csv
    grep -q 'Equity value' pipeline/report.csv
    cp pipeline/report.csv first.csv
    make -C pipeline clean
    make -C pipeline TRIALS=20000 report.csv
    cmp first.csv pipeline/report.csv
    [ "$(sql 'SELECT count(*) FROM job WHERE parent IS NULL')" -eq 1 ]
}

@test "examples/pipeline: the shell script, started twice, makes each job once" {
    PRICES='echo x >>fetched' TRIALS=20000 run -0 "$ROOT/examples/pipeline/nightly.sh" "$DCF" "$SPEC" 2026-11-21
    [[ "$output" == *'mean 31'* ]]
    first=$output
    PRICES='echo x >>fetched' TRIALS=20000 run -0 "$ROOT/examples/pipeline/nightly.sh" "$DCF" "$SPEC" 2026-11-21
    [ "$output" = "$first" ]
    [ "$(wc -l <fetched)" -eq 1 ]
}

@test "examples/pipeline: the lines of the crontab run as cron would run them" {
    mkdir models && cp "$DCF" models/plan.xlsx && cp "$SPEC" models/plan.json
    grep -vE '^(#|SIM_SPOOL)' "$ROOT/examples/pipeline/crontab" | sed -E 's/^([^ ]+ +){5}//; s/\\%/%/g; s#/var/lib/models#'"$PWD"'/models#g' >lines
    [ "$(wc -l <lines)" -eq 3 ]
    for _ in 1 2; do
        while read -r line; do env -i PATH="$PATH" SIM_SPOOL="$SIM_SPOOL" HOME="$PWD" sh -c "$line" </dev/null; done <lines
    done
    [ "$(sql 'SELECT count(*) FROM job WHERE parent IS NULL AND state=5')" -eq 1 ]
}

@test "the systemd units are sound" {
    need systemd-analyze
    sed "s#ExecStart\(Pre\)\?=\(-\?\)sim-#ExecStart\1=\2$BIN/sim-#" -i.bak $(cp "$ROOT"/contrib/systemd/* . && ls -- *.service)
    cp simspool-nightly@.service simspool-nightly@plan.service
    cp simspool-nightly@.timer simspool-nightly@plan.timer
    for u in simspool-run.service simspool-reap.service simspool-reap.timer simspool-nightly@plan.service simspool-nightly@plan.timer; do
        run systemd-analyze verify --man=no "./$u"
        [ -z "$(grep -v 'Failed to open\|sd_bus\|Cannot determine' <<<"$output" | grep simspool)" ]
    done
}
