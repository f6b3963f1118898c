#!/usr/bin/env bats
# sim-run --on slurm, with Debian's Slurm started by this file: its own munge, ports and folder, two slurmd on this machine (-N).
load helper

setup_file() {
    export SLURM_DIR
    SLURM_DIR=$(mktemp -d /tmp/simsl.XXXXXX)
    if said=$("${SIM_ROOT:-$PWD}/tests/tools/slurm-here" start "$SLURM_DIR/s" 2 3 2>&1); then
        export SLURM_CONF=$SLURM_DIR/s/slurm.conf
        unset NO_SLURM
    else
        export NO_SLURM="no Slurm here: ${said##*$'\n'}"
    fi
}

teardown_file() {
    "${SIM_ROOT:-$PWD}/tests/tools/slurm-here" stop "$SLURM_DIR/s" || true
    rm -rf "$SLURM_DIR"
}

setup() {
    [ -z "${NO_SLURM:-}" ] || skip "$NO_SLURM"
    spool_setup
    export SIM_HOSTS=$BATS_TEST_TMPDIR/hosts
    hosts
}

teardown() {
    [ -z "${NO_SLURM:-}" ] || return 0
    if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
        { squeue -t all -O 'Name:60,JobID:8,State:12,Reason:20,NodeList:6' | tail -n 8; sinfo -N; tail -n 25 "$SLURM_DIR/s/log/ctld"; tail -n 12 "$SLURM_DIR"/s/log/n1 "$SLURM_DIR"/s/node1.out; } >&2 || true
    fi
    # whatever of this spool is still in Slurm
    squeue -h --me -t PD,R,S -O Name:120,JobID:20 | awk -v p="sim-$(spool_id)-" 'index($1, p) == 1 { print $2 }' | xargs -r scancel 2>/dev/null || true
    spool_teardown
}

hosts() { # further lines
    { printf '[slurm]\nkind = slurm\nfolder = %s/there\npoll = 200ms\nprograms = %s\n' "$BATS_TEST_TMPDIR" "$BIN"; printf '%s\n' "$@"; } >"$SIM_HOSTS"
}

here() { "$ROOT/tests/tools/slurm-here" "$1" "$SLURM_DIR/s" "${@:2}"; }

spool_id() { sqlite3 "$SIM_SPOOL/spool.db" "SELECT value FROM spool WHERE name='id'" 2>/dev/null; }

# A sim-run that stays; and one that ends when nothing is left.
start_runner() {
    timeout 400 sim-run --on slurm "$@" </dev/null >>events 2>>errors 3>&- &
    runner=$!
}

drain() { timeout 400 sim-run --on slurm -a -q </dev/null; }

lock_pid() { awk -v w="$2" '$1 == w {p = $2} END {print p}' "$SIM_SPOOL/jobs/$1/attempts/${3:-1}/lock"; }

# sim-run is a child of timeout(1)
kill_runner() {
    pkill -KILL -P $runner || true
    wait $runner || true
}

slurm_id() { field "$1" remote.id; }

in_slurm() { # JOB: how Slurm calls its state
    squeue -h --me -t all --name="sim-$(spool_id)-$1-${2:-1}" -o %T
}

slurm_says() { [ "$(in_slurm "$1")" = "$2" ]; }

nodes_idle() { [ "$(sinfo -h -N -p main -o '%N %T' | grep -c 'idle$')" = 2 ]; }

effects() { wc -c <"$BATS_TEST_TMPDIR/effect-$1" 2>/dev/null || echo 0; }

# a job with one effect, that goes on until it is let go
waits=(sh -c 'printf x >>effect-$SIM_JOB; until [ -e go ]; do sleep 0.05; done; echo done')

settled() {
    sim-recover -q
    [ "$(sql 'SELECT count(*) FROM remote WHERE gone=0')" = 0 ] && [ "$(sql 'SELECT count(*) FROM hold')" = 0 ] &&
        [ "$(sql 'SELECT count(*) FROM job WHERE state<5')" = 0 ]
}

@test "a command runs on a node: its output, log, state and place come back" {
    submit -- sh -c 'echo hi from $SLURMD_NODENAME; echo err >&2; pwd'
    run -0 --separate-stderr timeout 240 sim-run --on slurm -a </dev/null
    [[ "$output" == *$'\n'"hi from n"[12]$'\n'* ]]
    [[ "$output" == *$'\n'"$BATS_TEST_TMPDIR"$'\n'* ]]
    [ "$(state 1)" = completed ]
    [ "$(sim-progress 1 --output | head -1)" = "$(grep -o 'hi from n[12]' <<<"$output")" ]
    grep -qx err "$SIM_SPOOL/jobs/1/attempts/1/log"
    sim-progress 1 --history | jq -s -e 'map(select(.type == "remote") | .state) | index("submitting") and index("waiting") and index("running")'
    [ "$(field 1 remote.certain)" = gone ]
    [ -n "$(slurm_id 1)" ]
    # its files over there are gone
    [ ! -e "there/sim-$(spool_id)/jobs/1" ]
}

@test "how it failed over there is how it failed" {
    submit --retries 0 -- sh -c 'exit 3'
    submit --retries 0 -- sh -c 'kill -SEGV $$'
    submit --retries 0 -- /no/such/program
    submit --retries 1 --backoff 1ms -- sh -c 'echo x >>runs; [ "$(wc -l <runs)" -ge 2 ]'
    run -1 drain
    [ "$(field 1 status)" = 3 ]
    [ "$(field 2 signal)" = 11 ]
    [ "$(field 3 status)" = 127 ]
    [[ "$(field 3 reason)" == *'cannot run /no/such/program'* ]]
    [ "$(state 4)" = completed ]
    [ "$(field 4 retries)" = 1 ]
}

@test "chunks over two nodes give the digits of one process" {
    sim "$DCF" --spec "$SPEC" -n 2e7 --seed 9 --format json | jq -S .targets >one
    sim-submit "$DCF" --spec "$SPEC" -n 2e7 --seed 9 --chunks 6 --slot cpu=2 | timeout 200 sim-run --on slurm | sim-aggregate --format json | jq -S .targets >many
    diff one many
    [ "$(sql 'SELECT count(*) FROM remote WHERE gone=2')" = 6 ]
    # cpu=2 of 3: one job a node at a time, so both worked
    grep -F "sim-$(spool_id)-" "$SLURM_DIR/s/log/jobcomp" | grep -o 'NodeList=n[0-9]' | sort -u | wc -l | grep -qx 2
    grep -F "sim-$(spool_id)-" "$SLURM_DIR/s/log/jobcomp" | grep -c 'ProcCnt=2' | grep -qx 6
}

@test "sim-run killed: the job goes on, is followed, and is there once" {
    submit -- "${waits[@]}"
    start_runner -a
    await 90 in_state 1 running
    kill_runner
    touch go
    await 90 in_state 1 completed
    [ "$(effects 1)" = 1 ]
    [ "$(field 1 attempt)" = 1 ]
    sim-progress 1 --output | grep -qx done
    await 90 settled
}

@test "sim-remote killed: its keeper's death is followed by an attachment; the output comes once" {
    submit -- sh -c 'printf x >>effect-$SIM_JOB; for i in $(seq 200); do echo line $i; done; until [ -e go ]; do sleep 0.05; done; echo done'
    start_runner -a
    await 90 in_state 1 running
    await 90 grep -q 'line 200' "$SIM_SPOOL/jobs/1/attempts/1/events.ndjson"
    kill -KILL "$(lock_pid 1 stage)"
    await 90 sh -c "sim-progress 1 --history | grep -q 'followed by another keeper'"
    touch go
    wait $runner
    [ "$(state 1)" = completed ]
    [ "$(effects 1)" = 1 ]
    [ "$(sim-progress 1 --output | md5sum)" = "$({ for i in $(seq 200); do echo line "$i"; done; echo done; } | md5sum)" ]
}

@test "sim-run, keeper and sim-remote killed: sim-recover attaches, also after a reboot" {
    submit -- "${waits[@]}"
    start_runner -a
    await 90 in_state 1 running
    kill -STOP "$(lock_pid 1 keeper)" # it starts no relay
    kill_runner
    for p in keeper stage; do kill -KILL "$(lock_pid 1 $p)"; done
    export SIM_BOOT_ID=another-boot
    run -0 sim-recover --format ndjson
    [[ "$output" == *attached* ]]
    [ "$(state 1)" = running ]
    sim-recover -q
    touch go
    await 90 in_state 1 completed
    [ "$(effects 1)" = 1 ]
    [ "$(field 1 attempt)" = 1 ]
    unset SIM_BOOT_ID
}

@test "sim-remote dies while sim-recover looks at it, between any two looks: attached to, not lost" {
    need strace
    for n in 1 2 3; do
        rm -f go
        id=$(submit --retries 0 -- "${waits[@]}")
        start_runner -a
        await 90 in_state "$id" running
        kill -STOP "$(lock_pid "$id" keeper)" # it starts no relay
        kill_runner
        kill -KILL "$(lock_pid "$id" keeper)"
        stage=$(lock_pid "$id" stage)
        # its n-th look at the stage waits until the stage is dead
        strace -qq -o looks -e trace=openat -P "/proc/$stage/stat" -e "inject=openat:delay_enter=2s:when=$n" sim-recover -q 3>&- &
        tracer=$!
        await 60 eval '[ "$(grep -c stat looks)" -ge "$n" ] || ! kill -0 $tracer 2>/dev/null'
        kill -KILL "$stage"
        wait $tracer
        touch go
        await 90 eval 'sim-recover -q; in_state "$id" completed || in_state "$id" failed'
        [ "$(state "$id")" = completed ]
        [ "$(field "$id" attempt)" = 1 ]
        [ "$(effects "$id")" = 1 ]
    done
}

@test "what runs in Slurm does not see its spool's database, and survives a spool that nobody serves" {
    submit -- sh -c 'printf x >>effect-$SIM_JOB; echo "$SIM_SPOOL_JOB"; echo "${SIM_SPOOL:-none}"'
    start_runner -a
    await 90 sh -c '[ "$(sqlite3 $SIM_SPOOL/spool.db "SELECT count(*) FROM remote WHERE id IS NOT NULL")" = 1 ]'
    kill_runner
    for p in keeper stage; do kill -KILL "$(lock_pid 1 $p)" 2>/dev/null || true; done
    await 90 test -s effect-1
    sim-recover -q
    await 90 in_state 1 completed
    [ "$(sim-progress 1 --output | sed -n 2p)" = none ] || [ "$(sim-progress 1 --output | grep -c '^none$')" = 1 ]
    [ "$(effects 1)" = 1 ]
}

@test "cancel ends it over there; nothing stays behind" {
    submit --grace 1s --slot licence -- "${waits[@]}"
    submit --grace 1s -- sh -c 'sleep 60' # in the queue of Slurm: all places are taken
    start_runner --wait
    await 90 in_state 1 running
    sim-ctl cancel 1 --reason enough
    [ "$(state 1)" = cancelled ]
    [ "$(field 1 reason)" = enough ]
    [ "$(sql 'SELECT count(*) FROM hold')" = 0 ]
    await 60 eval 'slurm_says 1 COMPLETED || slurm_says 1 CANCELLED || slurm_says 1 FAILED'
    [ "$(field 1 remote.certain)" = gone ]
    sim-ctl cancel 2
    [ "$(state 2)" = cancelled ]
    kill_runner
    [ "$(effects 1)" = 1 ]
}

@test "cancelled while it waits in Slurm: it never begins" {
    hosts 'options = --begin=now+1hour'
    submit -- sh -c 'echo x >>runs'
    start_runner --wait
    await 90 slurm_says 1 PENDING
    await 90 sh -c "sim-progress 1 --format ndjson | jq -e '.state == \"submitting\" and .remote.state == \"waiting\" and (.why | contains(\"BeginTime\"))'"
    run -1 sim-ctl pause 1
    [[ "$output" == *'has not begun elsewhere'* ]]
    run -1 sim-ctl hold 1
    [[ "$output" == *'cancel takes it back'* ]]
    sim-ctl cancel 1
    [ "$(state 1)" = cancelled ]
    await 90 slurm_says 1 CANCELLED
    [ "$(field 1 remote.certain)" = gone ]
    [ ! -e runs ]
    kill_runner
}

@test "pause stops it on its node and its clock; resume goes on" {
    submit --timeout 4s -- sh -c 'while [ ! -e go ]; do echo x >>ticks; sleep 0.05; done'
    start_runner --wait
    await 90 test -s ticks
    await 90 in_state 1 running
    sim-ctl pause 1
    await 90 sh -c "sim-progress 1 --format ndjson | jq -e '.state == \"paused\" and .remote.state == \"suspended\"'"
    still() { local a b; a=$(wc -c <ticks); sleep 0.3; b=$(wc -c <ticks); [ "$a" = "$b" ]; }
    await 90 still
    sleep 4 # longer than its limit: paused time does not count
    sim-ctl resume 1
    await 90 sh -c "sim-progress 1 --format ndjson | jq -e '.remote.state == \"running\"'"
    run ! still
    touch go
    await 90 in_state 1 completed
    kill_runner
}

@test "priority reaches through" {
    hosts 'options = --begin=now+1hour'
    submit -- true
    start_runner --wait
    await 90 slurm_says 1 PENDING
    await 90 sh -c "[ \"\$(sim-progress 1 --format ndjson | jq -r .remote.state)\" = waiting ]"
    sim-ctl priority -- -500 1
    await 90 sh -c "scontrol show job $(slurm_id 1) | grep -q Nice=500"
    sim-ctl cancel 1
    kill_runner
}

@test "its time limit holds over there, and Slurm's is a little later" {
    submit --retries 0 --timeout 1s --grace 1s -- sh -c 'echo began; sleep 60'
    start_runner --wait
    await 90 sh -c "scontrol show job \"\$(sim-progress 1 --format ndjson | jq -r .remote.id)\" | grep -o 'TimeLimit=[^ ]*' >limit"
    [ "$(cat limit)" = TimeLimit=00:02:00 ] # 1 s, 1 s of grace and 60 s, in whole minutes
    await 90 in_state 1 failed
    [[ "$(field 1 reason)" == deadline* ]]
    [ "$(field 1 status)" = 124 ]
    await 90 settled
    kill_runner
}

@test "cancelled in Slurm behind our back: cancelled, not retried" {
    submit --retries 2 --grace 1s -- "${waits[@]}"
    start_runner --wait
    await 90 in_state 1 running
    scancel "$(slurm_id 1)"
    await 90 in_state 1 cancelled
    [[ "$(field 1 reason)" == *'cancelled in Slurm'* ]]
    [ "$(effects 1)" = 1 ]
    kill_runner
}

@test "Slurm's own time limit: a deadline" {
    hosts 'options = --time=0:01'
    submit --retries 2 --grace 1s -- sh -c 'printf x >>effect-$SIM_JOB; sleep 200'
    start_runner --wait
    await 90 in_state 1 running
    scontrol update jobid="$(slurm_id 1)" TimeLimit=0:01 2>/dev/null || true
    await 100 in_state 1 failed
    [[ "$(field 1 reason)" == 'deadline: Slurm'*TIMEOUT* ]]
    [ "$(effects 1)" = 1 ]
    kill_runner
}

@test "out of memory and preemption are said as what they are" {
    mkdir -p fake
    # what squeue answers once the job is over; all else is Slurm's
    cat >fake/squeue <<'E'
#!/bin/sh
/usr/bin/squeue "$@" | sed "s/|[A-Z]*|\([A-Za-z]*\)|/|$(cat "$FAKE_STATE")|\1|/"
E
    chmod +x fake/squeue
    export FAKE_STATE=$PWD/state
    for s in OUT_OF_MEMORY PREEMPTED BOOT_FAIL; do
        echo RUNNING >state
        id=$(submit --retries 0 --env "FAKE_STATE=$FAKE_STATE" -- sh -c 'exec sleep 60')
        PATH=$PWD/fake:$PATH timeout 240 sim-run --on slurm -a -q </dev/null 3>&- &
        runner=$!
        await 90 in_state "$id" running
        # keeper and all on the node are gone at once, as the kernel or a preemption without mercy would have it; Slurm has said why by then
        echo $s >state
        pkill -KILL -f "^[^ ]*sim-remote --keep $BATS_TEST_TMPDIR/there/.*/jobs/$id/" || true
        kill -KILL $(awk '$1 != "starting" {print $2}' there/*/jobs/"$id"/attempts/1/lock) || true
        wait $runner || true
        [ "$(state "$id")" = failed ]
        [[ "$(field "$id" reason)" == *$s* ]]
    done
    [[ "$(field 1 reason)" == 'out of memory'* ]]
    [[ "$(field 2 reason)" == lost* ]]
    # where all are ended at once the stage may be the first to go: its keeper tells of a signal
    for s in OUT_OF_MEMORY:KILL PREEMPTED:TERM CANCELLED:TERM TIMEOUT:USR1 COMPLETED:TERM COMPLETED:USR1; do
        echo RUNNING >state
        id=$(submit --retries 0 --env "FAKE_STATE=$FAKE_STATE" -- sh -c 'trap "exit 143" USR1; until [ -e never ]; do sleep 0.1; done')
        PATH=$PWD/fake:$PATH timeout 240 sim-run --on slurm -a -q </dev/null 3>&- &
        runner=$!
        await 90 in_state "$id" running
        echo "${s%:*}" >state
        kill "-${s#*:}" "$(awk '$1 == "stage" {print $2}' there/*/jobs/"$id"/attempts/1/lock)"
        wait $runner || true
        echo "$(state "$id"): $(field "$id" reason)" >>ends
    done
    diff - ends <<'E'
failed: out of memory: ended by Slurm (OUT_OF_MEMORY)
failed: lost: preempted (PREEMPTED)
cancelled: cancelled in Slurm
failed: deadline: Slurm's own limit in time was reached (TIMEOUT)
failed: ended by signal 15 (Terminated)
failed: ended with status 143
E
}

# A job that has all of a node, in a partition whose jobs make room.
preempted() { # PARTITION OPTION REASON
    hosts "partition = $1" "options = --nodelist=n1 $2"
    id=$(submit --retries 1 --backoff 1ms --slot cpu=3 -- "${waits[@]}")
    start_runner -a
    await 90 in_state "$id" running
    await 90 test -s "effect-$id"
    sbatch -p urgent -w n1 -c 3 -o /dev/null --wrap true
    await 90 eval '[ "$(field "$id" attempt)" = 2 ] && in_state "$id" running && [ "$(effects "$id")" = 2 ]'
    touch go
    await 90 in_state "$id" completed
    wait $runner
    rm go
    [ "$(effects "$id")" = 2 ] # once an attempt
    sim-progress "$id" --history | grep -qF "$3"
    await 60 settled
    none_waits
}

none_waits() { # in Slurm, of this spool
    ! squeue -h --me -t PD,R,S,CG -O Name:120 | grep -q "^sim-$(spool_id)-"
}

@test "preempted, really: lost, and tried again by its budget; nothing of it waits in Slurm" {
    preempted cancel '' 'attempt 1: lost: preempted (PREEMPTED)'
    preempted requeue '' 'attempt 1: lost: preempted (PREEMPTED)'
    # where the options let Slurm queue it again
    preempted requeue --requeue 'attempt 1: lost: ended and queued again by slurm'
}

@test "scontrol requeue: refused by default; where it is let, lost, and tried again by its budget" {
    submit --retries 0 -- "${waits[@]}"
    start_runner -a
    await 90 in_state 1 running
    run ! scontrol requeue "$(slurm_id 1)"
    touch go
    wait $runner
    [ "$(state 1)" = completed ]
    rm go
    hosts 'options = --requeue'
    submit --retries 1 --backoff 1ms -- "${waits[@]}"
    start_runner -a
    await 90 in_state 2 running
    await 90 test -s effect-2
    scontrol requeue "$(slurm_id 2)"
    await 90 eval '[ "$(field 2 attempt)" = 2 ] && in_state 2 running && [ "$(effects 2)" = 2 ]'
    touch go
    wait $runner
    [ "$(state 2)" = completed ]
    [ "$(effects 1)" = 1 ]
    [ "$(effects 2)" = 2 ]
    sim-progress 2 --history | grep -qF 'attempt 1: lost: ended and queued again by slurm'
    await 60 settled
    none_waits
}

@test "the node's daemon killed: what ran on is taken, once; a node that died is a lost attempt" {
    submit --retries 0 -- "${waits[@]}"
    start_runner --wait
    await 90 in_state 1 running
    node=$(squeue -h -j "$(slurm_id 1)" -o %N)
    here kill "${node#n}"
    touch go # its step outlives the daemon
    await 60 in_state 1 completed
    [ "$(effects 1)" = 1 ]
    here node "${node#n}"
    await 60 nodes_idle
    rm go
    # and one whose processes die with it
    id=$(submit --retries 1 --backoff 1ms -- "${waits[@]}")
    await 90 in_state "$id" running
    node=$(squeue -h -j "$(slurm_id "$id")" -o %N)
    here kill "${node#n}"
    for sig in STOP KILL; do # none of them sees another's end
        pkill -$sig -f "^[^ ]*sim-remote --keep $BATS_TEST_TMPDIR/there/.*/jobs/$id/"
        kill -$sig $(awk '$1 != "starting" {print $2}' there/*/jobs/"$id"/attempts/1/lock)
    done
    pkill -KILL -f "slurmstepd: \[$(slurm_id "$id")\." || true
    await 60 sh -c "[ \"\$(sim-progress $id --format ndjson | jq -r .attempt)\" = 2 ]"
    sim-progress "$id" --history | grep -q 'lost: '
    touch go
    here node "${node#n}"
    await 60 in_state "$id" completed
    [ "$(effects "$id")" = 2 ]
    await 60 nodes_idle
    kill_runner
}

@test "the controller is down: nothing is guessed, it is said, limits hold; afterwards it goes on" {
    submit --retries 0 -- "${waits[@]}"
    submit --deadline 15s --grace 1s --slot licence -- sh -c 'printf x >>effect-$SIM_JOB; sleep 60'
    start_runner --wait
    await 90 in_state 1 running
    await 90 in_state 2 running
    here end ctld
    id=$(submit --deadline 6s -- sh -c 'printf x >>effect-$SIM_JOB') # cannot be handed over
    await 90 sh -c "sim-progress $id --format ndjson | jq -e '.error | strings | test(\"contact|time\")'"
    await 90 in_state 2 failed
    [[ "$(field 2 reason)" == *deadline* ]]
    await 90 in_state "$id" failed
    [[ "$(field "$id" reason)" == *deadline* ]]
    touch go
    await 90 in_state 1 completed # by its result: the folder is shared
    here ctld
    await 60 settled
    await 60 nodes_idle
    [ "$(effects 1)" = 1 ] && [ "$(effects 2)" = 1 ] && [ "$(effects "$id")" = 0 ]
    kill_runner
}

@test "sbatch accepts and is killed before it says so: found by its label" {
    mkdir -p fake
    printf '#!/bin/sh\n/usr/bin/sbatch "$@" >/dev/null\nkill -KILL $$\n' >fake/sbatch
    chmod +x fake/sbatch
    submit -- sh -c 'printf x >>effect-$SIM_JOB'
    PATH=$PWD/fake:$PATH timeout 240 sim-run --on slurm -a -q </dev/null
    [ "$(state 1)" = completed ]
    [ "$(effects 1)" = 1 ]
    [ "$(in_slurm 1 | wc -l)" = 1 ]
}

@test "commands of Slurm that are not there for a while are waited for" {
    mkdir -p fake
    printf '#!/bin/sh\n[ -e %s/back ] || exit 127\nexec /usr/bin/sbatch "$@"\n' "$PWD" >fake/sbatch
    chmod +x fake/sbatch
    submit -- true
    PATH=$PWD/fake:$PATH start_runner -a
    await 60 grep -q '"trouble":"sbatch: status 127' "$SIM_SPOOL/jobs/1/attempts/1/events.ndjson"
    touch back
    await 90 in_state 1 completed
}

@test "refused by Slurm: said, not tried again" {
    hosts 'partition = nosuch'
    submit --retries 0 -- true
    run -1 timeout 240 sim-run --on slurm -a -q </dev/null
    [[ "$(field 1 reason)" == *'nvalid partition'* ]]
    [ "$(field 1 status)" = 69 ]
    [ "$(sql 'SELECT gone FROM remote')" = 2 ]
}

@test "a partition that is closed for a while: the job waits, says so, and runs when it is open" {
    scontrol update partitionname=cancel state=drain
    hosts 'partition = cancel'
    submit -- true
    start_runner -a
    await 60 grep -q '"trouble":"[^"]*inactive or drain' "$SIM_SPOOL/jobs/1/attempts/1/events.ndjson"
    [ "$(state 1)" = submitting ]
    scontrol update partitionname=cancel state=up
    await 120 in_state 1 completed
    [ "$(field 1 retries)" = 0 ]
}

@test "held by hand: it stays held, and says so; released it runs" {
    hosts 'options = --begin=now+1hour'
    submit -- true
    start_runner -a
    await 90 grep -q '"step":3' "$SIM_SPOOL/jobs/1/attempts/1/remote"
    id=$(slurm_id 1)
    scontrol hold "$id"
    await 60 eval '[[ "$(field 1 why)" == *JobHeld* ]]'
    [[ "$(squeue -h -j "$id" -o %r)" == JobHeld* ]]
    scontrol update jobid="$id" starttime=now
    scontrol release "$id"
    await 90 in_state 1 completed
}

@test "a partition that is not there, and options that would make another job, are told" {
    hosts 'partition = main,nosuch'
    run -69 sim-remote --on slurm --check
    [[ "$output" == *"Slurm has no partition nosuch" ]]
    hosts 'partition = main,cancel'
    run -0 sim-remote --on slurm --check
    for o in --array=1-3 '-a 1-3' --job-name=x --wrap=true; do
        hosts "options = $o"
        run -65 sim-run --on slurm -a </dev/null
        [[ "$output" == *"$SIM_HOSTS:"*"options: "* ]]
    done
    hosts 'options = --parsable --comment "a b"'
    submit -- true
    drain
    in_state 1 completed
}

@test "a folder of any name" {
    hosts
    sed -i 's|^folder = .*|&/of %j and \\n "é"|' "$SIM_HOSTS"
    submit -- pwd
    drain
    in_state 1 completed
    [ -d "$BATS_TEST_TMPDIR/there/of %j and \\n \"é\"" ]
}

@test "a marker that somebody else has: nothing is done a second time" {
    submit -- sh -c 'printf x >>effect-$SIM_JOB; until [ -e go ]; do sleep 0.05; done'
    start_runner -a
    await 90 in_state 1 running
    folder=$(echo there/*/jobs/1/attempts/1)
    run -0 sim-remote --keep "$folder"
    [ "$(effects 1)" = 1 ]
    touch go
    wait $runner
    [ "$(state 1)" = completed ]
    [ "$(effects 1)" = 1 ]
}

@test "handed back: never begun again before it is certain that it has ended" {
    submit --grace 1s -- "${waits[@]}"
    start_runner --wait --hand-back
    await 90 in_state 1 running
    pkill -TERM -P $runner
    wait $runner || true
    await 90 sh -c "[ \"\$(sim-progress 1 --format ndjson | jq -r .state)\" = queued ]"
    [ "$(field 1 remote.certain)" = gone ]
    touch go
    drain
    [ "$(state 1)" = completed ]
    [ "$(field 1 attempt)" = 2 ]
    [ "$(effects 1)" = 2 ]
}

@test "over here while it may live there: its slot is kept, nothing begins again, and it is ended when it can be" {
    submit --grace 1s --slot licence -- "${waits[@]}"
    start_runner --wait
    await 90 in_state 1 running
    # the other side is out of reach: its folder is away
    mv there away
    await 90 sh -c "sim-progress 1 --format ndjson | jq -e '.remote.note'" || true
    kill_runner
    for p in keeper stage; do kill -KILL "$(lock_pid 1 $p)"; done
    printf '[slurm]\nkind = slurm\nhost = nobody@127.0.0.1\nfolder = %s/there\nssh_options = -p 1\npoll = 200ms\n' "$PWD" >hosts
    sql "UPDATE job SET request='cancel',request_reason='enough' WHERE id=1"
    sim-ctl cancel 1 --timeout 60s || true
    await 60 in_state 1 cancelled
    [ "$(field 1 remote.certain)" = 'may run' ]
    [ "$(sql "SELECT count(*) FROM hold WHERE slot='licence'")" = 1 ]
    run -1 sim-ctl retry 1 || true
    id=$(submit --slot licence -- true)
    timeout 20 sim-run -a -q </dev/null || true
    [ "$(state "$id")" = queued ]
    # reachable again
    mv away there
    hosts
    sql "UPDATE remote SET next_at=1"
    await 60 sh -c "sim-recover -q; [ \"\$(sqlite3 $SIM_SPOOL/spool.db 'SELECT gone FROM remote WHERE job=1 AND attempt=1')\" -ge 1 ]"
    [ "$(sql "SELECT count(*) FROM hold WHERE slot='licence' AND job=1")" = 0 ]
    [ "$(effects 1)" = 1 ]
}

@test "killed at a sample of the system calls of a submission: exactly one execution, no slot lost, no orphan" {
    need python3
    timeout 900 "$ROOT/tests/tools/crashpoints" --bin "$BIN" --first $((RANDOM % 37 + 1)) --step 37 --seconds 12 slurm-stage slurm-sbatch slurm-attach
    timeout 900 "$ROOT/tests/tools/crashpoints" --bin "$BIN" --first $((RANDOM % 41 + 1)) --step 41 --seconds 6 slurm-run slurm-keeper slurm-family
}

@test "who carries out what is done to a job in Slurm is killed: it is carried out all the same" {
    need python3
    timeout 300 "$ROOT/tests/tools/crashpoints-far" --bin "$BIN" --first 1 --last 1 slurm-pause-there slurm-resume-stage
    timeout 300 "$ROOT/tests/tools/crashpoints-far" --bin "$BIN" --first $((RANDOM % 31 + 1)) --step 97 --seconds 1 slurm-cancel-stage slurm-cancel-there \
        slurm-cancel-waiting-stage slurm-reap-stuck-forget slurm-reap-waiting slurm-chunks
    timeout 300 "$ROOT/tests/tools/crashpoints-far" --bin "$BIN" --first $((RANDOM % 3 + 1)) --step 3 --seconds 1 slurm-cancel-client slurm-priority-client
}

@test "sim-ctl priority killed before it has told it there: it is not noted here; told, it is so there" {
    need strace
    hosts 'options = --begin=now+1hour'
    submit -- true
    start_runner --wait
    await 90 slurm_says 1 PENDING
    await 90 sh -c "[ \"\$(sim-progress 1 --format ndjson | jq -r .remote.state)\" = waiting ]"
    strace -f -o /dev/null -e trace=rename,renameat,renameat2 -e inject=rename,renameat,renameat2:signal=KILL:when=1 sim-ctl priority -- -7 1 || true
    [ "$(sql 'SELECT priority FROM job WHERE id=1')" = 0 ]
    sim-ctl priority -- -7 1
    [ "$(sql 'SELECT priority FROM job WHERE id=1')" = -7 ]
    await 90 sh -c "scontrol show job $(slurm_id 1) | grep -q Nice=7"
    sim-ctl cancel 1
    kill_runner
}
