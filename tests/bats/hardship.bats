#!/usr/bin/env bats
# Programs that are stopped, disks that are full, descriptors that are closed: nothing is lost, nothing is doubled, limits hold.
load helper
setup() { spool_setup; need sqlite3; }
teardown() { spool_teardown; }

pid_of() { # JOB keeper|stage
    awk -v w="$2" '$1 == w {p = $2} END {print p}' "$SIM_SPOOL/jobs/$1/attempts/$(field "$1" attempt)/lock"
}

has_begun() { # JOB
    grep -q '^stage' "$SIM_SPOOL/jobs/$1/attempts/1/lock"
}

start_runner() { # options; its pid in $runner
    sim-run "$@" >>run.out 2>&1 3>&- &
    runner=$!
}

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
    kill -KILL $runner "$(pid_of 1 keeper)"
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
    kill -KILL $runner "$(pid_of 1 keeper)" "$(pid_of 1 stage)"
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
