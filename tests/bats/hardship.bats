#!/usr/bin/env bats
# Programs that are stopped, disks that are full, descriptors that are closed: nothing is lost, nothing is doubled, limits hold.
load helper
setup() { spool_setup; need sqlite3; }
teardown() { spool_teardown; }

# Stopped while it is in no transaction: one that is stopped in the middle of one keeps the others waiting, and nothing can be done about it.
stop_idle() { # PID
    until kill -STOP "$1" && await 10 grep -q '^State:.T' "/proc/$1/status" && sqlite3 "$SIM_SPOOL/spool.db" 'BEGIN IMMEDIATE; ROLLBACK' 2>/dev/null; do
        kill -CONT "$1"
    done
}

warnings() { # JOB: the numbers of its warnings, in the history's order
    sim-progress "$1" --history --format ndjson | jq -r 'select(.type == "warning" and (.message | test("^w[0-9]+$"))) | .message[1:]'
}

# A stage that says 1 to 30 once "go" is there, a line that is no event between any two, and then waits for "end".
TALKS='until [ -e go ]; do sleep 0.05; done; for i in $(seq 30); do echo "{\"v\":1,\"type\":\"warning\",\"message\":\"w$i\"}"; echo plain; done; : >told; until [ -e end ]; do sleep 0.05; done'

# --- what was said to a sim-run that is dead -----------------------------------------------------------------------------

@test "events in the pipe of a killed sim-run are in the history, each once and in order; the stage goes on" {
    submit -- sh -c "$TALKS; echo '{\"v\":1,\"type\":\"warning\",\"message\":\"w31\"}'"
    start_runner -a
    await 30 has_begun 1
    stop_idle $runner
    : >go
    await 30 test -e told
    sleep 0.3 # the keeper reads them
    kill -KILL $runner
    wait $runner || true
    await 30 sh -c "sim-progress 1 --history | grep -q w30"
    [ "$(state 1)" = running ]
    : >end
    await 30 in_state 1 completed
    warnings 1 | cmp - <(seq 31)
}

@test "and so they are when the stage ended while nobody read" {
    submit -- sh -c "$TALKS; printf '{\"v\":1,\"type\":\"warning\",\"message\":\"w31\"}'" # no newline at the end
    start_runner -a
    await 30 has_begun 1
    stop_idle $runner
    : >go
    : >end
    await 30 test -e "$SIM_SPOOL/jobs/1/attempts/1/result"
    kill -KILL $runner
    wait $runner || true
    sim-recover -q
    [ "$(state 1)" = completed ]
    warnings 1 | cmp - <(seq 31)
}

@test "sim-run and the keeper killed: what the stage said before and after is told by those that follow" {
    submit -- sh -c "$TALKS; echo '{\"v\":1,\"type\":\"warning\",\"message\":\"w31\"}'; echo '{\"v\":1,\"type\":\"finished\",\"outcome\":\"completed\"}'"
    start_runner -a
    await 30 has_begun 1
    stop_idle $runner
    : >go
    await 30 test -e told
    sleep 0.3
    kill -KILL $runner "$(lock_pid 1 keeper)"
    wait $runner || true
    sim-recover -q
    : >end
    await 30 in_state 1 completed
    warnings 1 | cmp - <(seq 31)
}

@test "a lost attempt's last words are in the history" {
    submit --retries 0 -- sh -c "$TALKS"
    start_runner -a
    await 30 has_begun 1
    stop_idle $runner
    : >go
    await 30 test -e told
    kill -KILL $runner "$(lock_pid 1 keeper)" "$(lock_pid 1 stage)"
    wait $runner || true
    sim-recover -q
    [ "$(state 1)" = failed ]
    warnings 1 | cmp - <(seq 30)
}

@test "a relay that is killed is followed by another: a job without one would seem to stall" {
    submit --stall 8s -- sh -c 'i=0; until [ -e end ]; do i=$((i + 1)); echo "{\"v\":1,\"type\":\"progress\",\"done\":$i,\"total\":100000,\"unit\":\"x\"}"; sleep 0.2; done'
    start_runner -a
    await 30 has_begun 1
    kill -KILL $runner
    wait $runner || true
    await 30 pgrep -f "^sim-run --relay --spool $SIM_SPOOL"
    pkill -KILL -f "^sim-run --relay --spool $SIM_SPOOL"
    now=$(field 1 done)
    await 30 further_than "$now"
    : >end
    await 30 in_state 1 completed
}

further_than() { # DONE
    [ "$(field 1 done)" -gt $(($1 + 5)) ]
}

# --- many ------------------------------------------------------------------------------------------------------------------

@test "what is done to each child of a large batch does not look at all of them each time" {
    sim-submit -q "$DCF" --spec "$SPEC" -n 100000000 --chunks 40000 >/dev/null
    run -0 timeout 20 sim-ctl -n hold 1
    [[ "$output" == *'done for 39063 of 39063 children'* ]]
}

cpu_ms() { # COMMAND...: processor time of it and its children
    /usr/bin/python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
u = resource.getrusage(resource.RUSAGE_CHILDREN)
print(round(1000 * (u.ru_utime + u.ru_stime)))' "$@"
}

trues() { # N
    yes '{"v":1,"type":"task","command":["true"]}' | head -n "$1" | sim-submit -q - >/dev/null
}

@test "sim-run with jobs of its own claims them as quickly from the end of a deep queue" {
    need /usr/bin/python3
    case ${SIM_BUILD:-} in *asan*) skip "what is measured is the sanitizer" ;; esac
    trues 100
    shallow=$(cpu_ms sim-run -q -j 2 $(seq 100))
    trues 100000
    deep=$(cpu_ms sim-run -q -j 2 $(seq 100001 100100))
    echo "100 jobs: $shallow ms in a queue of their own, $deep ms at the end of 100,000"
    [ "$(sql 'SELECT count(*) FROM job WHERE state=5')" -eq 200 ]
    [ "$deep" -lt $((2 * shallow + 100)) ]
}

@test "sim-run with jobs of its own runs what becomes ready: retries, dependents, released ones; and no others" {
    submit --retries 2 --backoff 100ms -- sh -c '[ "$SIM_ATTEMPT" -ge 3 ]'
    submit --after 1 -- true
    submit -- true
    submit --slot licence -- true
    submit -- true
    sim-ctl hold 3
    sim-ctl force-start --over-limit 5
    sim-run -q 1 2 3 4 2>&1 3>&- &
    await 30 in_state 2 completed
    sim-ctl release 3
    wait
    [ "$(sql 'SELECT state FROM job ORDER BY id' | tr '\n' ' ')" = '5 5 5 5 1 ' ]
}

is_over() { # PID
    ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"
}

@test "a wanted job that is removed is waited for no longer" {
    submit -- true
    submit -- sleep 60
    sim-ctl hold 1
    sim-run -q 1 >/dev/null 2>&1 3>&- &
    runner=$!
    await 30 sh -c "[ \"\$(sqlite3 $SIM_SPOOL/spool.db 'SELECT count(*) FROM worker')\" -eq 1 ]"
    stop_idle $runner
    sim-ctl cancel 1 >/dev/null
    sim-reap --keep 0 >/dev/null
    [ "$(sql 'SELECT count(*) FROM job WHERE id=1')" -eq 0 ]
    kill -CONT $runner
    await 30 is_over $runner
    status=0
    wait $runner || status=$?
    [ $status -eq 1 ]
}

@test "a back-off that ends while there is no place is no reason to look again and again" {
    submit --priority 1 -- sh -c 'until [ -e end ]; do sleep 0.1; done'
    submit --retries 1 --backoff 200ms -- sh -c 'echo x >>tries; [ "$(wc -l <tries)" -ge 2 ]'
    sim-run -q -j 2 >/dev/null 3>&- &
    runner=$!
    await 30 test -s tries
    submit --priority 9 -- sleep 4 # takes the place of the one that backs off
    await 30 in_state 3 running
    a=$(awk '/^voluntary/ {print $2}' /proc/$runner/status)
    sleep 2
    b=$(awk '/^voluntary/ {print $2}' /proc/$runner/status)
    : >end
    wait $runner
    echo "$((b - a)) times in 2 s"
    [ $((b - a)) -lt 200 ]
}

# --- a sim-run that is stopped -----------------------------------------------------------------------------------------------

ends_of() { # JOB: how often its end is in the history
    sim-progress "$1" --history --format ndjson | jq -r 'select(.type == "job" and .from != null and (.state == "completed" or .state == "failed")) | .state' | tr '\n' ' '
}

@test "a sim-run that is stopped for a while: the others go on, nothing is doubled, limits hold" {
    submit -- sh -c 'until [ -e go ]; do sleep 0.05; done; echo one; echo x >>effects1'
    submit --timeout 6s --grace 100ms -- sleep "$(nap 7501)"
    submit --stall 2s --grace 100ms -- sh -c 'i=0; until [ -e end ]; do i=$((i + 1)); echo "{\"v\":1,\"type\":\"progress\",\"done\":$i,\"total\":100000,\"unit\":\"x\"}"; sleep 0.2; done; echo x >>effects3'
    submit --stall 2s --grace 100ms -- sh -c 'until [ -e end ]; do echo plain; sleep 0.2; done; echo x >>effects4'
    submit --retries 1 --backoff 10ms -- sh -c 'until [ -e go ]; do sleep 0.05; done; echo x >>effects5; [ "$SIM_ATTEMPT" -eq 2 ] && echo five'
    sim-run --wait -q -j 5 >stopped.out 2>&1 3>&- &
    runner=$!
    for i in 1 2 3 4 5; do await 30 has_begun $i; done
    stop_idle $runner
    for _ in 1 2 3 4 5; do submit -- sh -c 'echo x >>queued'; done
    : >go
    sim-run -a -q -j 2 >other.out # drains the queue
    [ "$(wc -l <queued)" -eq 5 ]
    await 30 test -e "$SIM_SPOOL/jobs/1/attempts/1/result"
    await 30 test -e "$SIM_SPOOL/jobs/2/attempts/1/result"
    await 30 test -e "$SIM_SPOOL/jobs/5/attempts/1/result"
    run ! naps 7501
    SECONDS=0
    until [ $SECONDS -ge 10 ]; do sim-reap -q >/dev/null; sleep 0.3; done # longer than the reaper trusts a keeper that is late
    [ "$(state 1)" = completed ]
    [ "$(state 2)" = failed ]
    [[ "$(field 2 reason)" == deadline* ]]
    [ "$(state 3)" = running ]
    [ "$(state 4)" = running ]
    sim-run -a -q -j 2 >>other.out
    [ "$(state 5)" = completed ]
    kill -CONT $runner
    : >end
    await 30 in_state 3 completed
    await 30 in_state 4 completed
    kill $runner
    wait $runner || true
    for i in 1 3 4; do [ "$(wc -l <effects$i)" -eq 1 ]; [ "$(ends_of $i)" = 'completed ' ]; done
    [ "$(wc -l <effects5)" -eq 2 ]
    [ "$(ends_of 2)" = 'failed ' ]
    [ "$(ends_of 5)" = 'completed ' ]
    cat stopped.out other.out
    [ "$(grep -cx one stopped.out)" -eq 1 ]
    [ "$(cat stopped.out other.out | grep -cx five)" -eq 1 ]
    [ "$(sql 'SELECT count(*) FROM hold')" -eq 0 ]
    sim-recover --check
}

@test "a stage that talks more than is kept for a sim-run that is stopped: all of it is in the history" {
    submit -- sh -c 'until [ -e go ]; do sleep 0.05; done; seq -f "{\"v\":1,\"type\":\"warning\",\"message\":\"w%.0f\"}" 1 200000; echo "{\"v\":1,\"type\":\"finished\",\"outcome\":\"completed\"}"'
    start_runner -a -q
    await 30 has_begun 1
    stop_idle $runner
    : >go
    await 60 test -e "$SIM_SPOOL/jobs/1/attempts/1/result"
    kill -CONT $runner
    wait $runner
    [ "$(state 1)" = completed ]
    warnings 1 >got
    cmp got <(seq 200000)
}

# --- a full disk, closed descriptors ---------------------------------------------------------------------------------------------

@test "a disk that is full when jobs end: nothing is told wrong, and with room again each end is there, sim-run alive or dead" {
    need unshare
    unshare -rm true 2>/dev/null || skip "no user and mount namespaces here"
    mkdir small
    cat >full.sh <<'S'
mount -t tmpfs -o size=2m,mode=700 none small || exit 99
export SIM_SPOOL=$PWD/small
soon() { # COMMAND: within half a minute
    n=0
    until sh -c "$1" 2>/dev/null; do n=$((n + 1)); [ $n -lt 600 ] || { echo "never: $1"; sim-progress --all --format table; exit 1; }; sleep 0.05; done
}
for k in 1 2; do
    sim-submit -q --folder "$PWD" -- sh -c "until [ -e go$k ]; do sleep 0.05; done; echo x >>runs; exit 0"
    sim-submit -q --folder "$PWD" -- sh -c "until [ -e go$k ]; do sleep 0.05; done; echo x >>runs; exit 3"
    sim-run -a -q -j 2 </dev/null >/dev/null 2>err &
    r=$!
    soon "grep -q stage small/jobs/$((2 * k - 1))/attempts/1/lock && grep -q stage small/jobs/$((2 * k))/attempts/1/lock"
    dd if=/dev/zero of=small/fill bs=1k count=4000 2>/dev/null
    (while echo x >>small/fill; do :; done) 2>/dev/null
    : >go$k
    soon "[ \$(wc -l <runs) -eq $((2 * k)) ]"
    [ $k -eq 1 ] || kill -KILL $r
    sleep 2 # while it is full
    sim-progress --state running | wc -l
    rm small/fill
    soon "[ \$(sim-progress --state running | wc -l) -eq 0 ]"
    wait $r || true
done 3>&-
sim-recover --check || exit 1
sim-progress --all --format ndjson | jq -r '"\(.job) \(.state) \(.attempt) \(.reason)"' | sort
S
    run unshare -rm sh ./full.sh
    [ "$status" -ne 99 ] || skip "tmpfs cannot be mounted here"
    echo "$output"
    [ "$(grep -c '^2$' <<<"$output")" -eq 3 ] # an id, and twice the number that ran while there was no room
    [ "$(tail -4 <<<"$output" | tr '\n' ';')" = '1 completed 1 null;2 failed 1 ended with status 3;3 completed 1 null;4 failed 1 ended with status 3;' ]
    [ "$(wc -l <runs)" -eq 4 ]
}

@test "a stage that closes all its descriptors, its lock too, and goes on is known by its process" {
    submit -- bash -c 'for f in /proc/self/fd/*; do f=${f##*/}; eval "exec $f>&-" || true; done 2>/dev/null; : >closed; until [ -e end ]; do sleep 0.05; done; echo x >>effects'
    start_runner -a -q
    await 30 test -e closed
    sim-recover -q
    [ "$(state 1)" = running ]
    kill -KILL $runner "$(lock_pid 1 keeper)" # adopted all the same
    wait $runner || true
    sim-recover -q
    [ "$(state 1)" = running ]
    [ "$(field 1 attempt)" -eq 1 ]
    : >end
    await 30 in_state 1 failed # how it ended is not known, and not guessed
    [[ "$(field 1 reason)" == *unknown* ]]
    [ "$(wc -l <effects)" -eq 1 ]
    submit --timeout 1s --grace 100ms -- bash -c "for f in /proc/self/fd/*; do f=\${f##*/}; eval \"exec \$f>&-\" || true; done 2>/dev/null; (setsid sleep $(nap 7601) &) ; sleep $(nap 7602)"
    run -1 sim-run -a -q
    [[ "$(field 2 reason)" == deadline* ]]
    run ! naps '760[12]'
}

@test "children that hold a stage's output open are not waited for, and what they would write later is not of it" {
    submit -- bash -c "(trap '' TERM HUP; sleep $(nap 7603) & sleep 1; while :; do echo late; sleep 0.1; done) & echo mine; exit 0"
    timeout 20 sim-run -a -q >out
    [ "$(state 1)" = completed ]
    grep -qx mine out
    run ! naps 7603
    size=$(stat -c %s "$SIM_SPOOL/jobs/1/attempts/1/events.ndjson")
    sleep 1.5
    [ "$(stat -c %s "$SIM_SPOOL/jobs/1/attempts/1/events.ndjson")" -eq "$size" ]
    [ -z "$(members 1)" ]
}
