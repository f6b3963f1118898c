#!/usr/bin/env bats
# Crashes: any program killed at any place; the jobs are there, once, with their history.
load helper
setup() { spool_setup; need sqlite3; }
teardown() { spool_teardown; }

@test "sim-run killed: the job goes on under its keeper, and its end is recorded" {
    submit -- sh -c 'until [ -e go ]; do sleep 0.05; done; echo done >file'
    start_runner -a
    await 20 in_state 1 running
    kill -KILL $runner
    wait $runner || true
    : >go
    await 20 in_state 1 completed
    [ -e file ]
    [ "$(field 1 attempt)" -eq 1 ]
}

@test "progress and events are recorded while there is no sim-run" {
    submit -- sh -c 'until [ -e go ]; do sleep 0.05; done; for i in 1 2 3 4 5; do echo "{\"v\":1,\"type\":\"progress\",\"done\":$i,\"total\":5,\"unit\":\"x\"}"; sleep 0.3; done; echo "{\"v\":1,\"type\":\"warning\",\"message\":\"late\"}"'
    start_runner -a
    await 20 in_state 1 running
    kill -KILL $runner
    wait $runner || true
    : >go
    await 20 in_state 1 completed
    [ "$(field 1 done)" -eq 5 ]
    sim-progress 1 --history | grep -q late
}

@test "the stage killed: its end is seen, and the signal named" {
    submit -- sleep 60
    start_runner -a
    await 30 in_state 1 running
    await 30 has_begun 1
    kill -KILL "$(lock_pid 1 stage)"
    wait $runner || true
    [ "$(state 1)" = failed ]
    [[ "$(field 1 reason)" == *'signal 9'* ]]
}

# Stops the stage of some chunk that is in the middle of its work; its process in $frozen.
freeze_one() {
    local id
    for id in $(sql 'SELECT id FROM job WHERE parent=1 AND state=3'); do
        frozen=$(awk '$1 == "stage" {print $2}' "$SIM_SPOOL/jobs/$id/attempts/1/lock" 2>/dev/null)
        [ -n "$frozen" ] && kill -STOP "$frozen" 2>/dev/null || continue
        sleep 0.05 # it stops soon, or is over
        ! grep -q '^State:.T' "/proc/$frozen/status" || return 0
    done 2>/dev/null
    return 1
}

@test "one chunk killed in the middle: it is tried again, the parent completes, the digits are the same" {
    sim-submit -q "$DCF" --spec "$SPEC" -n 8000000 --seed 5 --chunks 4
    start_runner -a -j 2
    await 40 freeze_one
    kill -KILL $frozen
    wait $runner
    [ "$(state 1)" = completed ]
    [ "$(field 1 retries)" -ge 1 ]
    sim-aggregate 1 --format json | jq -S .targets >a
    sim "$DCF" --spec "$SPEC" -n 8000000 --seed 5 --format json | jq -S .targets | diff - a
}

adopted_by_a_new_keeper() { # job 1: it runs, its keeper is killed, another looks after it
    start_runner -a
    await 20 has_begun 1
    kill -KILL "$(lock_pid 1 keeper)"
    await 30 sh -c 'sim-progress 1 --history | grep -q adopted'
}

@test "keeper killed, stage alive: it is adopted, and its output is whole" {
    submit -- sh -c 'until [ -e go ]; do sleep 0.05; done; echo one; sleep 1; echo "{\"v\":1,\"type\":\"finished\",\"outcome\":\"completed\"}"'
    adopted_by_a_new_keeper
    : >go
    wait $runner || true
    await 20 in_state 1 completed
    [ "$(field 1 attempt)" -eq 1 ]
    sim-progress 1 --output | grep -qx one
}

@test "keeper killed, stage alive and silent about its end: never guessed" {
    submit -- sh -c 'until [ -e go ]; do sleep 0.05; done; exit 0'
    adopted_by_a_new_keeper
    : >go
    wait $runner || true
    await 30 in_state 1 failed
    [[ "$(field 1 reason)" == *'unknown'* ]]
}

@test "everything killed: lost attempts are retried by their budget, finished chunks are not computed again" {
    sim-submit -q "$DCF" --spec "$SPEC" -n 12000000 --seed 5 --chunks 6
    start_runner -a -j 2
    await 40 freeze_one # so that they are never all done
    await 60 sh -c '[ "$(sqlite3 $SIM_SPOOL/spool.db "SELECT count(*) FROM job WHERE parent=1 AND state=5")" -ge 2 ]'
    done=$(sql 'SELECT group_concat(id) FROM job WHERE parent=1 AND state=5')
    kill -KILL $runner
    for l in "$SIM_SPOOL"/jobs/*/attempts/*/lock; do
        kill -KILL $(awk '$1 != "starting" {print $2}' "$l") 2>/dev/null || true
    done
    wait $runner || true
    sim-run -a >again
    [ "$(state 1)" = completed ]
    [ "$(sql "SELECT max(attempt) FROM job WHERE id IN ($done)")" -eq 1 ]
    sim-aggregate 1 --format json | jq -S .targets >a
    sim "$DCF" --spec "$SPEC" -n 12000000 --seed 5 --format json | jq -S .targets | diff - a
}

@test "a result that was written and not recorded is recorded" {
    submit -- sh -c 'echo x >>runs'
    sim-run -a >/dev/null
    sql "UPDATE job SET state=3,ended=0,ended_at=0 WHERE id=1"
    run -0 sim-recover --format ndjson
    [ "$(state 1)" = completed ]
    [ "$(wc -l <runs)" -eq 1 ]
}

@test "a job claimed and never started goes back to the queue, nothing used up" {
    submit -- sh -c 'echo x >>runs'
    sql "UPDATE job SET state=3,attempt=1,started_at=1 WHERE id=1; INSERT INTO attempt(job,n,worker,boot) SELECT 1,1,'run-dead',value FROM spool WHERE name='boot'"
    sim-recover
    [ "$(state 1)" = queued ]
    sim-run -a
    [ "$(state 1)" = completed ]
    [ "$(field 1 retries)" -eq 0 ]
    [ "$(wc -l <runs)" -eq 1 ]
}

@test "after a reboot nothing runs: what ran is lost, what was queued is queued" {
    submit --retries 1 --backoff 10ms -- sh -c 'echo x >>runs; [ "$(wc -l <runs)" -ge 2 ] || sleep 60'
    submit -- true
    start_runner -a -j 1
    await 30 test -s runs
    keeper=$(lock_pid 1 keeper)
    kill -STOP "$keeper" # it must not start a relay: a reboot lets nobody do anything
    kill -KILL $runner "$keeper" "$(lock_pid 1 stage)"
    wait $runner || true
    export SIM_BOOT_ID=another-boot
    sim-recover
    [ "$(state 1)" = queued ]
    [ "$(state 2)" = queued ]
    sim-progress 1 --history | grep -q restarted
    sim-run -a
    [ "$(sql 'SELECT count(*) FROM job WHERE state=5')" -eq 2 ]
}

@test "a slot held by a job that does not run is freed" {
    submit -- true
    sql "INSERT INTO hold VALUES('gpu',0,77,1)"
    run -0 sim-recover --format ndjson
    [[ "$output" == *freed* ]]
    [ "$(sql 'SELECT count(*) FROM hold')" -eq 0 ]
}

@test "a folder without a row, and a damaged row, are found" {
    submit -- true
    mkdir -p "$SIM_SPOOL/jobs/99/attempts"
    sim-recover | grep -q removed
    [ ! -e "$SIM_SPOOL/jobs/99" ]
    sql "UPDATE job SET task='{\"command\":[\"reboot\"]}' WHERE id=1"
    run -1 sim-recover --check
    [[ "$output" == *checksum* ]]
    run -1 sim-run -a
    [[ "$(field 1 reason)" == *damaged* ]]
}

@test "recovery is idempotent and safe beside everything" {
    for _ in $(seq 30); do submit -- sleep 0.05; done >/dev/null
    start_runner -a -j 4
    while kill -0 $runner 2>/dev/null; do sim-recover --check >>rec.out; sim-reap >>rec.out; done
    wait $runner
    [ "$(sql 'SELECT count(*) FROM job WHERE state=5 AND attempt=1')" -eq 30 ]
    run ! grep -q problem rec.out
}

@test "submission killed at each of its writes: the job is there whole, or not at all" {
    need strace
    strace -f -o trace -e trace=write,pwrite64,rename,fsync,fdatasync,mkdir,openat sim-submit -q "$DCF" --spec "$SPEC" -n 1000 --chunks 3 --key probe >/dev/null
    calls=$(grep -cE '^[0-9]+ +(rename|fsync|fdatasync|pwrite64)\(' trace)
    [ "$calls" -gt 10 ]
    for call in rename fsync fdatasync pwrite64; do
        n=$(grep -cE "^[0-9]+ +$call\(" trace)
        for k in $(seq 1 $((n > 8 ? n / 8 : 1)) "$n"); do
            strace -f -o /dev/null -e trace=$call -e inject=$call:signal=KILL:when="$k" \
                sim-submit -q "$DCF" --spec "$SPEC" -n 1000 --chunks 3 --key "k-$call-$k" >>printed 2>/dev/null || true
        done
    done
    sim-recover --check
    # whole: every parent has its 3 children and its files; what was printed is there
    [ "$(sql 'SELECT count(*) FROM job p WHERE kind=2 AND (SELECT count(*) FROM job WHERE parent=p.id)<>3')" -eq 0 ]
    for id in $(sql 'SELECT id FROM job WHERE kind=2'); do [ -s "$SIM_SPOOL/jobs/$id/model.xlsx" ] && [ -s "$SIM_SPOOL/jobs/$id/spec.json" ]; done
    for id in $(cat printed); do [ "$(sql "SELECT count(*) FROM job WHERE id=$id")" -eq 1 ]; done
    # and submitting again by the same keys doubles nothing
    before=$(sql 'SELECT count(*) FROM job WHERE kind=2')
    for key in $(sql 'SELECT key FROM job WHERE kind=2'); do sim-submit -q "$DCF" --spec "$SPEC" -n 1000 --chunks 3 --key "$key" >/dev/null; done
    [ "$(sql 'SELECT count(*) FROM job WHERE kind=2')" -eq "$before" ]
}

@test "sim-run killed at its system calls: every job has its effect exactly once" {
    need strace
    for call in pwrite64 fdatasync mkdir clone fork openat; do
        for k in 3 9 17; do
            submit --key "$call-$k" -- sh -c "echo $call-$k >>$PWD/effects"
            timeout 20 strace -f -b execve -o /dev/null -e trace=$call -e inject=$call:signal=KILL:when="$k" sim-run -a </dev/null >/dev/null 2>&1 || true
            timeout 30 sim-run -a </dev/null >/dev/null 2>&1 || true
        done
    done
    for i in 1 2 3; do sim-recover >/dev/null; sim-run -a </dev/null >/dev/null 2>&1 || true; done
    sql 'SELECT id, state, attempt, reason, key FROM job'
    # an effect may be missing only where a keeper was killed too and the job says it was lost: it has no retries here
    sort effects | uniq -d | (! grep .)
    for key in $(sql 'SELECT key FROM job WHERE state=5'); do grep -qx "$key" effects; done
    [ "$(sql 'SELECT count(*) FROM job WHERE state<5')" -eq 0 ]
}

@test "64 submitters and 16 runners at once: 800 keys, each once" {
    for s in $(seq 64); do
        (for k in $(seq $((s % 32 * 25 + 1)) $((s % 32 * 25 + 25))); do
            sim-submit -q --key "key-$k" -- sh -c "echo $k >>$PWD/effects" || echo "submit failed" >>problems
        done) 2>>problems >/dev/null 3>&- &
    done
    for r in $(seq 16); do
        (sim-run --wait -j 1 >/dev/null 2>>problems 3>&- & echo $! >>runners)
    done
    wait
    await 120 sh -c '[ "$(sqlite3 -cmd ".timeout 20000" $SIM_SPOOL/spool.db "SELECT count(*) FROM job WHERE state=5")" -eq 800 ]'
    xargs kill <runners
    [ "$(wc -l <effects)" -eq 800 ]
    [ "$(sort -u effects | wc -l)" -eq 800 ]
    [ "$(sql 'SELECT count(*) FROM job')" -eq 800 ]
    cat problems
    [ ! -s problems ]
}

@test "a full disk: nothing half done, one clear message, and later it goes on" {
    need unshare
    mkdir -p small
    unshare -rm true 2>/dev/null || skip "no user and mount namespaces here"
    run unshare -rm sh -c '
        mount -t tmpfs -o size=1500k,mode=700 none small || exit 99
        export SIM_SPOOL=$PWD/small
        sim-submit -q -- true || exit 98
        dd if=/dev/zero of=small/fill bs=1k count=4000 2>/dev/null
        i=0; while [ $i -lt 400 ]; do i=$((i+1)); sim-submit -q --name "$(head -c 900 /dev/zero | tr "\0" n)$i" -- true >>ids 2>err || break; done
        rc=$?
        cat err; wc -l <err
        rm -f small/fill
        sim-recover --check && sim-run -a -q </dev/null && sim-progress --state completed | wc -l; wc -l <ids
    '
    [ "$status" -ne 99 ] || skip "tmpfs cannot be mounted here"
    [ "$status" -eq 0 ]
    [[ "$output" == *'no space left'* ]]
    [ "$(tail -2 <<<"$output" | head -1)" -eq $(($(tail -1 <<<"$output") + 1)) ]
}

@test "a damaged index is rebuilt from the rows" {
    need python3
    for _ in 1 2 3; do submit -- true; done
    python3 - "$SIM_SPOOL/spool.db" <<'P'
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
page = c.execute("SELECT rootpage FROM sqlite_master WHERE name='job_state'").fetchone()[0]
c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
c.close()
with open(sys.argv[1], 'r+b') as f:  # one entry fewer
    f.seek((page - 1) * 4096 + 3)
    n = int.from_bytes(f.read(2), 'big')
    f.seek((page - 1) * 4096 + 3)
    f.write((n - 1).to_bytes(2, 'big'))
P
    run -0 sim-recover --check --format ndjson
    [[ "$output" == *rebuilt* ]]
    run -0 sim-recover --check --format ndjson
    [ -z "$output" ]
    sim-run -a >/dev/null
    [ "$(sql 'SELECT count(*) FROM job WHERE state=5')" -eq 3 ]
}

@test "every program of the spool killed at a sample of its system calls: no job is lost, doubled or stuck" {
    need python3
    timeout 900 "$ROOT/tests/tools/crashpoints" --bin "$BIN" --first $((RANDOM % 13 + 1)) --step 13 --seconds 20 keeper family relay adopt-keeper cancel-keeper
    timeout 900 "$ROOT/tests/tools/crashpoints" --bin "$BIN" --first $((RANDOM % 61 + 1)) --step 61 --seconds 20 run chunks-keeper cancel pause pause-keeper \
        retry cancel-batch recover adopt reap reap-keep scan
}

@test "a keeper killed before it began its job: the job runs all the same, nothing used up" {
    need strace
    submit -- sh -c 'echo x >>runs'
    # its first words are in the lock file: the keeper dies before it writes them
    timeout 30 strace -f -o /dev/null -e trace=prctl -e inject=prctl:signal=KILL:when=1 sim-run -a </dev/null >/dev/null 2>&1 || true
    timeout 20 sim-run -a -q </dev/null
    [ "$(state 1)" = completed ]
    [ "$(field 1 retries)" -eq 0 ]
    [ "$(wc -l <runs)" -eq 1 ]
}

# sim-run stopped between the claim and the start, as by SIGSTOP or a slow disk
claimed_and_waiting() {
    submit "$@" -- sh -c 'echo x >>runs'
    strace -o /dev/null -P "$SIM_SPOOL/jobs/1" -e trace=mkdir -e inject=mkdir:delay_enter=4000000 sim-run -a -q </dev/null >/dev/null 2>&1 3>&- &
    runner=$!
    await 30 in_state 1 running
}

@test "cancelled between its claim and its start: it never starts" {
    need strace
    claimed_and_waiting
    sim-ctl cancel 1
    [ "$(state 1)" = cancelled ]
    wait $runner || true
    [ ! -e runs ]
}

@test "its time is up between its claim and its start: it never starts" {
    need strace
    claimed_and_waiting --timeout 200ms
    sleep 0.3 # what is tested is a limit in time
    sim-reap -q
    [ "$(state 1)" = failed ]
    [[ "$(field 1 reason)" == *deadline* ]]
    wait $runner || true
    [ ! -e runs ]
}

@test "a cancel noted and told to nobody is carried out; so is that of a job never started" {
    submit --grace 1s -- sleep 60
    start_runner --wait
    await 30 grep -q stage "$SIM_SPOOL/jobs/1/attempts/1/lock"
    sql "UPDATE job SET request='cancel',request_reason='enough' WHERE id=1"
    sim-recover -q
    await 30 in_state 1 cancelled
    kill $runner; wait $runner || true
    submit -- sh -c 'echo x >>runs'
    sql "UPDATE job SET state=3,attempt=1,started_at=1,request='cancel' WHERE id=2; INSERT INTO attempt(job,n,worker,boot) SELECT 2,1,'run-dead',value FROM spool WHERE name='boot'"
    sim-recover -q
    [ "$(state 2)" = cancelled ]
}

@test "keeper killed after a cancel was noted: the stage is adopted and ended" {
    submit --grace 1s -- sleep 60
    start_runner -a
    await 30 grep -q stage "$SIM_SPOOL/jobs/1/attempts/1/lock"
    kill -KILL $runner
    sql "UPDATE job SET request='cancel',request_reason='enough' WHERE id=1"
    kill -KILL "$(lock_pid 1 keeper)"
    wait $runner || true
    sim-recover -q
    await 30 in_state 1 cancelled
}

@test "a cancel comes before a retry" {
    submit --retries 3 --backoff 1ms -- sh -c 'echo x >>runs; while [ ! -e go ]; do sleep 0.01; done; exit 3'
    start_runner --wait
    await 30 test -s runs
    sql "UPDATE job SET request='cancel' WHERE id=1"
    touch go
    await 30 in_state 1 cancelled
    [ "$(wc -l <runs)" -eq 1 ]
    kill $runner; wait $runner || true
}

@test "half a batch cancelled by a sim-ctl that was killed: the rest follows" {
    sim-submit -q "$DCF" --spec "$SPEC" -n 5000 --chunks 5 >/dev/null
    sql "UPDATE job SET request='cancel' WHERE id=1"
    sim-reap -q
    [ "$(state 1)" = cancelled ]
    [ "$(sql 'SELECT count(*) FROM job WHERE state=7')" -eq 6 ]
}

@test "no room for an attempt's folder: the job is put back, not failed" {
    need strace
    submit -- sh -c 'echo x >>runs'
    timeout 20 strace -o /dev/null -P "$SIM_SPOOL/jobs/1" -e trace=mkdir -e inject=mkdir:error=ENOSPC:when=1 sim-run -a -q </dev/null >/dev/null 2>err
    grep -q 'put back.*No space left' err
    [ "$(state 1)" = completed ]
    [ "$(wc -l <runs)" -eq 1 ]
}

@test "claimed when the machine went down: lost, never guessed not to have begun" {
    submit -- sh -c 'echo x >>runs'
    sql "UPDATE job SET state=3,attempt=1,started_at=1 WHERE id=1; INSERT INTO attempt(job,n,worker,boot) VALUES(1,1,'run-dead','boot-before')"
    sim-recover -q
    [ "$(state 1)" = failed ]
    [[ "$(field 1 reason)" == *lost* ]]
}

@test "a reader that sleeps: two SIGTERM end sim-run; the job is handed back" {
    submit -- sh -c 'head -c 300000 /dev/zero | tr "\0" x | fold; echo'
    submit -- sleep 60
    mkfifo pipe
    sleep 100 <pipe 3>&- &
    reader=$!
    sim-run -a -j 2 </dev/null >pipe 2>/dev/null 3>&- &
    runner=$!
    await 30 in_state 1 completed
    await 30 in_state 2 running
    await 30 sh -c "! kill -TERM $runner 2>/dev/null || grep -q 'State:.Z' /proc/$runner/status"
    kill $reader
    [ "$(state 2)" = queued ]
}

@test "standard input, output and error closed: the jobs run, and nothing is written where it does not belong" {
    for fd in '<&-' '>&-' '<&- >&- 2>&-'; do
        id=$(submit -- sh -c 'echo out; echo err >&2; echo x >>runs')
        eval "timeout 20 sim-run -a $fd" || true
        [ "$(state "$id")" = completed ]
        [ "$(sim-progress "$id" --output)" = out ]
        [ "$(cat "$SIM_SPOOL/jobs/$id/attempts/1/log")" = err ]
    done
    [ "$(wc -l <runs)" -eq 3 ]
    sim-recover --check
}

@test "a large batch is cancelled in one go" {
    sim-submit -q "$DCF" --spec "$SPEC" -n 100000 --chunks 5000 >/dev/null
    timeout 20 sim-ctl cancel 1
    [ "$(sql 'SELECT count(*) FROM job WHERE state=7')" -eq 5001 ]
}
