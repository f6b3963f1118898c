#!/usr/bin/env bats
# Limits in time: each holds whoever started the job, and whatever it does.
load helper
setup() { spool_setup; need sqlite3; }
teardown() { spool_teardown; }

ms() { # milliseconds between start and end of a job
    sim-progress "$1" | jq -r '[.started, .ended] | map(sub("\\.(?<f>[0-9]+)Z"; "Z") | fromdate) | .[1] - .[0]'
}

# How late, in milliseconds, the last attempt of a job ended after a limit of so many.
late() { # JOB LIMIT_MS
    sql "SELECT (ended_at - started_at) / 1000000 - $2 FROM attempt WHERE job=$1 ORDER BY n DESC LIMIT 1"
}

@test "--timeout ends a stage, at most 500 ms late, with the reason" {
    submit --timeout 500ms -- sleep 60
    run -1 sim-run -a
    [ "$(state 1)" = failed ]
    [[ "$(field 1 reason)" == deadline* ]]
    [ "$(field 1 status)" -eq 124 ]
    l=$(late 1 500)
    [ "$l" -ge 0 ] && [ "$l" -le 500 ]
}

@test "a stage that ignores TERM is gone after its grace, with all it started" {
    submit --timeout 300ms --grace 300ms -- bash -c 'trap "" TERM; (trap "" TERM; setsid bash -c "trap \"\" TERM; while :; do sleep 7201; done") & (trap "" TERM; (setsid sleep 7202 &) ); while :; do sleep 7203; done'
    run -1 sim-run -a
    [ "$(state 1)" = failed ]
    l=$(late 1 600)
    [ "$l" -ge 0 ] && [ "$l" -le 1500 ]
    run ! pgrep -f 'sleep 720[123]'
}

@test "--timeout bounds all retries and their waits together" {
    submit --timeout 1s --retries 50 --backoff 300ms -- false
    run -1 sim-run -a
    [ "$(state 1)" = failed ]
    [[ "$(field 1 reason)" == deadline* ]]
    [ "$(sql 'SELECT (ended_at - started_at) / 1000000 FROM job')" -le 2500 ]
}

@test "--deadline as a span and as a time" {
    submit --deadline 700ms -- sleep 60
    submit --deadline "$(date -u -d '+2 seconds' +%Y-%m-%dT%H:%M:%SZ)" -- sleep 60
    run -1 sim-run -a -j 2
    [ "$(sql "SELECT count(*) FROM job WHERE state=6 AND reason LIKE 'deadline%'")" -eq 2 ]
    run -64 sim-submit --deadline tomorrow -- true
}

@test "a queued job past its deadline never starts" {
    submit --deadline 100ms -- sh -c ': >ran'
    sleep 0.3
    run -1 sim-run -a
    sim-reap >/dev/null
    [ "$(state 1)" = failed ]
    [ ! -e ran ]
}

@test "--stall ends a stage that shows no progress, and spares one that does" {
    submit --stall 600ms -- sh -c 'echo "{\"v\":1,\"type\":\"progress\",\"done\":1,\"total\":9,\"unit\":\"x\"}"; while :; do echo "{\"v\":1,\"type\":\"progress\",\"done\":1,\"total\":9,\"unit\":\"x\"}"; sleep 0.1; done'
    submit --stall 600ms -- sh -c 'for i in 1 2 3 4 5 6 7 8; do echo "{\"v\":1,\"type\":\"progress\",\"done\":$i,\"total\":8,\"unit\":\"x\"}"; sleep 0.2; done'
    run -1 sim-run -a
    [[ "$(field 1 reason)" == stalled* ]]
    [ "$(state 2)" = completed ]
}

@test "--queue-ttl fails what lies too long in the queue" {
    submit --queue-ttl 200ms -- true
    sleep 0.4
    run -0 sim-reap
    [ "$(state 1)" = failed ]
    [[ "$(field 1 reason)" == queue-ttl* ]]
}

@test "without a limit a run has one all the same, and shows it" {
    submit -- sleep 60
    [ "$(field 1 limit_s | cut -d. -f1)" -eq 86400 ]
    submit --timeout 1h -- sleep 60
    [ "$(field 2 limit_s | cut -d. -f1)" -eq 3600 ]
}

@test "a parent's limit ends its children, waiting ones too" {
    sim-submit -q --timeout 1500ms "$DCF" --spec "$SPEC" -n 1000000000 --chunks 20
    run -1 sim-run -a
    [ "$(state 1)" = failed ]
    [[ "$(field 1 reason)" == deadline* ]]
    [ "$(sql 'SELECT count(*) FROM job WHERE state<5')" -eq 0 ]
}

@test "the reaper enforces limits of a job whose keeper and sim-run are dead" {
    submit --timeout 1s --grace 200ms -- sleep 7301
    sim-run -a >/dev/null 2>&1 3>&- &
    await 10 in_state 1 running
    await 10 pgrep -f '^sleep 7301'
    keeper=$(awk '$1 == "keeper" {print $2}' "$SIM_SPOOL/jobs/1/attempts/1/lock")
    kill -KILL %1 "$keeper"
    wait || true
    sleep 1
    sim-reap --format ndjson
    await 10 in_state 1 failed
    run ! pgrep -f '^sleep 7301'
}

@test "the reaper waits resident, and acts when a limit is due" {
    sim-run -a >/dev/null </dev/null
    sim-reap --wait >acts 3>&- &
    submit --queue-ttl 500ms -- true
    await 10 in_state 1 failed
    kill %1
    wait %1 || true
    grep -q queue-ttl acts
}

@test "a stopped keeper does not stop the deadline" {
    submit --timeout 500ms --grace 100ms -- sleep 7401
    sim-run -a >/dev/null 2>&1 3>&- &
    await 10 pgrep -f '^sleep 7401'
    keeper=$(awk '$1 == "keeper" {print $2}' "$SIM_SPOOL/jobs/1/attempts/1/lock")
    kill -STOP "$keeper"
    await 20 sh -c 'sim-reap >/dev/null; ! pgrep -f "^sleep 7401" >/dev/null'
    await 10 in_state 1 failed
}

@test "the clock set forward and back: no wrong kill, no wrong end" {
    need faketime
    export FAKETIME_DONT_FAKE_MONOTONIC=1 DONT_FAKE_MONOTONIC=1
    submit --timeout 5s --queue-ttl 1h -- sh -c 'sleep 1; echo fine'
    submit --deadline 1h -- sh -c 'sleep 1; echo fine'
    faketime -f '+30d' sim-reap >/dev/null
    faketime -f '-30d' sim-recover >/dev/null
    [ "$(sql 'SELECT count(*) FROM job WHERE state=1')" -eq 2 ]
    sim-run -a >/dev/null 2>&1 3>&- &
    await 10 in_state 1 running
    faketime -f '+2d' sim-reap >/dev/null
    faketime -f '-2d' sim-reap >/dev/null
    faketime -f '+400d' sim-recover >/dev/null
    wait
    [ "$(sql 'SELECT count(*) FROM job WHERE state=5')" -eq 2 ]
}

@test "--keep removes old jobs, rows and files, and no others" {
    submit -- true
    sim-run -a >/dev/null
    submit -- true
    sim-reap --keep 0 >/dev/null
    [ "$(sql 'SELECT count(*) FROM job')" -eq 1 ]
    [ ! -e "$SIM_SPOOL/jobs/1" ]
    [ "$(state 2)" = queued ]
}

@test "a parent without a limit gets one from what its children took" {
    sim-submit -q "$DCF" --spec "$SPEC" -n 100000 --chunks 4
    sim-run --limit 2 --all >/dev/null
    [ "$(field 1 limit_s)" = 600 ]
}
