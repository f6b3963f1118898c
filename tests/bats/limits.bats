#!/usr/bin/env bats
# Limits in time: each holds whoever started the job, and whatever it does.
load helper
setup() { spool_setup; need sqlite3; }
teardown() { spool_teardown; }

# How late, in milliseconds, the last attempt of a job ended after a limit of so many.
late() { # JOB LIMIT_MS
    sql "SELECT (ended_at - started_at) / 1000000 - $2 FROM attempt WHERE job=$1 ORDER BY n DESC LIMIT 1"
}

timed_out() { # at most 500 ms late
    local id l
    id=$(submit --timeout 500ms -- sleep 60)
    sim-run -a && return 2
    l=$(late "$id" 500)
    echo "$l ms late"
    [ "$l" -ge 0 ] && [ "$l" -le 500 ]
}

@test "--timeout ends a stage, at most 500 ms late, with the reason" {
    punctual timed_out
    [ "$(state 1)" = failed ]
    [[ "$(field 1 reason)" == deadline* ]]
    [ "$(field 1 status)" -eq 124 ]
}

gone_after_grace() {
    local id l
    id=$(submit --timeout 300ms --grace 300ms -- bash -c "trap '' TERM; (trap '' TERM; setsid bash -c \"trap '' TERM; while :; do sleep $(nap 7201); done\") & (trap '' TERM; (setsid sleep $(nap 7202) &) ); while :; do sleep $(nap 7203); done")
    sim-run -a && return 2
    [ "$(state "$id")" = failed ] || return 2
    ! naps '720[123]' || return 2
    l=$(late "$id" 600)
    echo "$l ms late"
    [ "$l" -ge 0 ] && [ "$l" -le 1000 ]
}

@test "a stage that ignores TERM is gone after its grace, with all it started" {
    punctual gone_after_grace
}

retries_bounded() {
    local id
    id=$(submit --timeout 1s --retries 50 --backoff 300ms -- false)
    sim-run -a && return 2
    [ "$(state "$id")" = failed ] || return 2
    [[ "$(field "$id" reason)" == deadline* ]] || return 2
    [ "$(sql "SELECT (ended_at - started_at) / 1000000 FROM job WHERE id=$id")" -le 1500 ]
}

@test "--timeout bounds all retries and their waits together" {
    punctual retries_bounded
}

@test "--deadline as a span and as a time" {
    submit --deadline 700ms -- sleep 60
    submit --deadline "$(date -u -d '+2 seconds' +%Y-%m-%dT%H:%M:%SZ)" -- sleep 60
    run -1 sim-run -a -j 2
    [ "$(sql "SELECT count(*) FROM job WHERE state=6 AND reason LIKE 'deadline%'")" -eq 2 ]
    run -64 sim-submit --deadline tomorrow -- true
    run -64 sim-submit --min-ok 1 -- true # it has no children
    run -64 sim-submit --settle 1s -- true
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
    submit --stall 2s -- sh -c 'echo "{\"v\":1,\"type\":\"progress\",\"done\":1,\"total\":9,\"unit\":\"x\"}"; while :; do echo "{\"v\":1,\"type\":\"progress\",\"done\":1,\"total\":9,\"unit\":\"x\"}"; sleep 0.1; done'
    submit --stall 2s -- sh -c 'for i in 1 2 3 4 5 6 7 8; do echo "{\"v\":1,\"type\":\"progress\",\"done\":$i,\"total\":8,\"unit\":\"x\"}"; sleep 0.4; done'
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
    submit --timeout 4s --grace 200ms -- sleep "$(nap 7301)"
    sim-run -a >/dev/null 2>&1 3>&- &
    await 20 naps 7301
    keeper=$(awk '$1 == "keeper" {print $2}' "$SIM_SPOOL/jobs/1/attempts/1/lock")
    kill -KILL %1 "$keeper"
    wait || true
    sim-reap
    [ "$(state 1)" = running ]
    sleep 4 # what is tested is a limit in time
    sim-reap --format ndjson
    await 20 in_state 1 failed
    run ! naps 7301
}

@test "the reaper waits resident, and acts when a limit is due" {
    sim-run -a >/dev/null </dev/null
    sim-reap --wait >acts 3>&- &
    submit --queue-ttl 500ms -- true
    await 30 in_state 1 failed
    kill %1
    wait %1 || true
    grep -q queue-ttl acts
}

reaped_away() { # SECONDS of its sleep
    sim-reap >/dev/null
    ! naps "$1"
}

@test "a stopped keeper does not stop the deadline" {
    submit --timeout 3s --grace 100ms -- sleep "$(nap 7401)"
    sim-run -a >/dev/null 2>&1 3>&- &
    await 20 naps 7401
    keeper=$(awk '$1 == "keeper" {print $2}' "$SIM_SPOOL/jobs/1/attempts/1/lock")
    kill -STOP "$keeper"
    await 40 reaped_away 7401
    await 20 in_state 1 failed
}

@test "a stopped keeper whose stage is dead: what ended the job was its limit, whoever records it" {
    submit --timeout 2s --grace 100ms -- sleep "$(nap 7402)"
    sim-run -a >/dev/null 2>&1 3>&- &
    await 20 naps 7402
    kill -KILL %1
    await 30 pgrep -f "^sim-run --relay --spool $SIM_SPOOL" # it hears at once that the keeper is gone
    kill -STOP "$(awk '$1 == "keeper" {print $2}' "$SIM_SPOOL/jobs/1/attempts/1/lock")"
    pkill -KILL -f "^sleep $(nap 7402)\$"
    [ "$(state 1)" = running ]
    sleep 8 # what is tested is a limit in time: the reaper's patience with a keeper
    sim-reap >/dev/null
    await 20 in_state 1 failed
    [[ "$(field 1 reason)" == deadline* ]]
}

@test "the clock set forward and back: no wrong kill, no wrong end" {
    need faketime
    export FAKETIME_DONT_FAKE_MONOTONIC=1 DONT_FAKE_MONOTONIC=1
    export ASAN_OPTIONS=verify_asan_link_order=0 # faketime is a preloaded library; the address sanitizer wants to be the first
    submit --timeout 1min --queue-ttl 1h -- sh -c 'sleep 1; echo fine'
    submit --deadline 1h -- sh -c 'sleep 1; echo fine'
    faketime -f '+30d' sim-reap >/dev/null
    faketime -f '-30d' sim-recover >/dev/null
    [ "$(sql 'SELECT count(*) FROM job WHERE state=1')" -eq 2 ]
    sim-run -a >/dev/null 2>&1 3>&- &
    await 30 in_state 1 running
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

@test "several that are cancelled are asked to end at once, each with its whole grace" {
    for _ in 1 2 3; do submit --grace 3s --name some -- sh -c 'trap "date +%s >asked-$SIM_JOB" TERM; touch up-$SIM_JOB; while :; do sleep 0.1; done'; done
    start_runner --wait -j 3
    await 60 eval '[ "$(ls up-* | wc -l)" = 3 ]'
    sim-ctl cancel --name some >said
    [ "$(jq -r .answer said | sort | uniq -c | tr -s " ")" = " 3 cancelled" ]
    [ "$(sim-progress --all --format ndjson --state cancelled | wc -l)" = 3 ]
    [ $(($(cat asked-3) - $(cat asked-1))) -le 2 ]
}
