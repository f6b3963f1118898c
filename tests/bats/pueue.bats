#!/usr/bin/env bats
# Jobs by pueue: its command line, here and by ssh. Where pueue is not installed (Debian 12 has none) a stand-in speaks it, tests/tools/pueue; what the
# stand-in cannot show is pueue's own daemon: its restart, its log, its migrations between versions.
load helper

setup() {
    spool_setup
    if ! command -v pueue >/dev/null; then
        mkdir -p path/here
        ln -s "$ROOT/tests/tools/pueue" path/pueue
        here=$BATS_TEST_TMPDIR/path/here
        PATH=$BATS_TEST_TMPDIR/path:$PATH
        pueue daemon >/dev/null 2>&1 3>&- &
        daemon=$!
    else
        skip "pueue itself is installed: these tests would use the user's own queue"
    fi
    export SIM_HOSTS=$BATS_TEST_TMPDIR/hosts
    work=$BATS_TEST_TMPDIR/work
    printf '[desk]\nkind = pueue\nfolder = %s\npoll = 200ms\n' "$work" >hosts
}

# Tasks that are left, with what they started.
teardown() {
    local p
    spool_teardown
    [ -z "${daemon:-}" ] || kill -KILL "$daemon" 2>/dev/null || true
    [ -s "${here:-/}/state" ] || return 0
    for p in $(jq -r '.tasks[] | select(.state == "Running" or .state == "Paused") | .pid' "$here/state"); do
        kill -KILL -- "-$p" 2>/dev/null || true
    done
    return 0
}

in_background() {
    sim-run --all --quiet --on "${1:-desk}" 3>&- &
    runner=$!
}

there() { # JOB [ATTEMPT]
    echo "$work/sim-$(sql "SELECT value FROM spool WHERE name='id'")/jobs/$1/attempts/${2:-1}"
}

running_there() { # JOB
    grep -q '^stage' "$(there "$1")/lock" 2>/dev/null && [ "$(state "$1")" = running ]
}

output_of() { # JOB
    grep -v '^{"v":1,"type":"remote"' "$SIM_SPOOL/jobs/$1/attempts/1/events.ndjson"
}

trouble() { # JOB PATTERN
    grep -qE "\"trouble\":\"[^\"]*($2)" "$SIM_SPOOL/jobs/$1/attempts/1/events.ndjson"
}

task() { # ID FILTER
    pueue status --json | jq -r ".tasks[\"$1\"]$2"
}

said_waiting() { # JOB
    grep -q 'waits in group' "$SIM_SPOOL/jobs/$1/attempts/1/events.ndjson" 2>/dev/null
}

none_left() {
    [ "$(pueue status --json | jq '[.tasks[].status | select(has("Done") | not)] | length')" = 0 ]
}

task_is() { # ID FILTER VALUE
    [ "$(task "$1" "$2")" = "$3" ]
}

@test "a command runs as a task: its label, output and status" {
    job=$(submit -- sh -c 'echo out; exit 5')
    run timeout -k 1 60 sim-run --all --quiet --on desk
    in_state "$job" failed
    [ "$(field "$job" status)" = 5 ]
    [ "$(output_of "$job")" = out ]
    [ "$(task 0 .label)" = "sim-$(sql "SELECT value FROM spool WHERE name='id'")-$job-1" ]
    await 90 task_is 0 .status.Done.result.Failed 5
}

@test "a place is checked: the daemon answers, the group is there" {
    run -0 sim-remote --on desk --check
    [[ $(jq -r .version <<<"$output") == pueue* ]]
    run -69 sim-remote --on desk:nowhere --check
    [[ $output == *nowhere* ]]
    touch "$here/down"
    run -75 sim-remote --on desk --check
    [[ $output == *daemon* ]]
}

@test "states of versions before 4 are understood" {
    touch "$here/three"
    job=$(submit -- sh -c 'echo out')
    timeout -k 1 60 sim-run --all --quiet --on desk
    in_state "$job" completed
}

@test "a group is a slot: what waits in it says so, and runs in turn" {
    pueue group add one 1
    a=$(submit -- sh -c 'until [ -e go ]; do sleep 0.05; done')
    in_background desk:one
    await 90 running_there "$a"
    b=$(submit -- true)
    sim-run --quiet --on desk:one "$b" 3>&- &
    await 90 said_waiting "$b"
    in_state "$b" submitting
    touch go
    await 90 in_state "$b" completed
    in_state "$a" completed
    wait "$runner"
}

@test "a group that is not there is a failure, said in pueue's words" {
    job=$(submit -- true)
    run timeout -k 1 60 sim-run --all --quiet --on pueue:/nowhere
    in_state "$job" failed
    [[ $(field "$job" reason) == *nowhere* ]]
}

@test "cancelled while it waits: it never begins, and is out of the queue" {
    a=$(submit -- sleep 100)
    in_background
    await 90 running_there "$a"
    b=$(submit -- touch ran)
    sim-run --quiet --on desk "$b" 3>&- &
    await 90 said_waiting "$b"
    sim-ctl cancel "$b" >/dev/null
    await 90 in_state "$b" cancelled
    sim-ctl cancel "$a" >/dev/null
    await 90 in_state "$a" cancelled
    wait "$runner" || true
    [ ! -e ran ]
    await 90 none_left
}

@test "pause and resume reach through" {
    job=$(submit -- sh -c 'while :; do sleep 0.1; done')
    in_background
    await 90 running_there "$job"
    stage=$(sed -n 's/^stage \([0-9]*\) .*/\1/p' "$(there "$job")/lock")
    sim-ctl pause "$job" >/dev/null
    await 90 grep -q '^State:.*T' "/proc/$stage/status"
    sim-ctl resume "$job" >/dev/null
    await 90 grep -q '^State:.*[SR]' "/proc/$stage/status"
    sim-ctl cancel "$job" >/dev/null
    await 90 in_state "$job" cancelled
    wait "$runner" || true
    run ps -p "$stage"
    [ "$status" -ne 0 ]
}

@test "killed by pueue: what the task started dies, and the job is told by whom" {
    job=$(submit -- sh -c "echo \$\$ >$BATS_TEST_TMPDIR/pid; exec sleep 100")
    in_background
    await 90 running_there "$job"
    pueue kill 0
    await 90 in_state "$job" failed || await 1 in_state "$job" cancelled
    wait "$runner" || true
    run ps -p "$(cat pid)"
    [ "$status" -ne 0 ]
}

@test "the daemon is away: asked again, said, and done when it is back" {
    touch "$here/down"
    job=$(submit -- sh -c "echo x >>$BATS_TEST_TMPDIR/runs")
    in_background
    await 90 trouble "$job" 'daemon' || { sim-progress "$job"; false; }
    rm "$here/down"
    await 90 in_state "$job" completed
    wait "$runner"
    [ "$(wc -l <runs)" = 1 ]
}

@test "a number that is used again is not taken for ours" {
    job=$(submit -- sh -c "echo x >>$BATS_TEST_TMPDIR/runs")
    timeout -k 1 60 sim-run --all --quiet --on desk
    in_state "$job" completed
    await 90 task_is 0 .status.Done.result Success
    pueue clean
    pueue add -- sleep 100
    await 90 task_is 0 '.status | keys[0]' Running
    sim-recover >/dev/null || true
    [ "$(task 0 .command)" = "sleep 100" ]
    [ "$(task 0 '.status | keys[0]')" = Running ]
    pueue kill 0
}

@test "killed in the middle of pueue add: found by its label, and run once" {
    echo 3 >"$here/slow"
    job=$(submit -- sh -c "echo x >>$BATS_TEST_TMPDIR/runs")
    in_background
    await 90 grep -q '"label"' "$here/state"
    kill -KILL "$runner" $(sed -n 's/^\(keeper\|stage\) \([0-9]*\) .*/\2/p' "$SIM_SPOOL/jobs/$job/attempts/1/lock") 2>/dev/null || true
    wait "$runner" || true
    rm "$here/slow"
    sim-recover >/dev/null || true
    in_background
    await 90 in_state "$job" completed
    wait "$runner"
    [ "$(wc -l <runs)" = 1 ]
}

begun_there() { # JOB ATTEMPT
    grep -q '^stage' "$(there "$1" "$2")/lock" 2>/dev/null
}

@test "what an attempt that is over left there is removed without what the next one has" {
    job=$(submit -- sh -c '[ -e first ] || { touch first; exit 0; }; until [ -e go ]; do sleep 0.05; done')
    timeout -k 1 60 sim-run --all --quiet --on desk
    in_state "$job" completed
    # as if it had failed after all, and its folder could not be removed then
    sql "UPDATE job SET state=6 WHERE id=$job; UPDATE remote SET gone=1,next_at=1"
    sim-ctl retry "$job"
    in_background
    await 90 begun_there "$job" 2
    sql "UPDATE remote SET next_at=1 WHERE attempt=1"
    sim-recover -q
    [ "$(sql 'SELECT gone FROM remote WHERE attempt=1')" = 2 ]
    begun_there "$job" 2
    touch go
    await 90 in_state "$job" completed
    [ "$(field "$job" attempt)" = 2 ]
    wait "$runner"
}

@test "by ssh" {
    need ssh
    far=$BATS_TEST_TMPDIR/far
    XDG_RUNTIME_DIR=$(mktemp -d /tmp/simr.XXXXXX)
    export XDG_RUNTIME_DIR
    why=$(SSHD_ENV="PATH=$PATH" "$ROOT/tests/tools/sshd-here" start "$far") || { rm -rf "$XDG_RUNTIME_DIR"; skip "$why"; }
    printf '[far]\nkind = pueue\nhost = far\nssh-options = -F %s\nfolder = %s\nprograms = %s\npoll = 200ms\n' "$far/config" "$work" "$BIN" >>hosts
    job=$(submit -- sh -c 'echo out')
    timeout -k 1 60 sim-run --all --quiet --on far:default || true
    s=$(state "$job")
    "$ROOT/tests/tools/sshd-here" stop "$far"
    for c in "$XDG_RUNTIME_DIR"/simspool/ssh-*; do
        [ ! -S "$c" ] || ssh -o ControlPath="$c" -O exit x 2>/dev/null || true
    done
    rm -rf "$XDG_RUNTIME_DIR"
    [ "$s" = completed ]
    [ "$(output_of "$job")" = out ]
    await 90 task_is 0 .status.Done.result Success
}

# Samples: all points are tests/tools/crashpoints-far without --step.
far_points() { # OPTIONS SCENARIO...
    run env -u SLURM_CONF timeout 300 "$ROOT/tests/tools/crashpoints-far" --bin "$BIN" "$@"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "killed at system calls of a submission: the task runs once, none is left, none is missed" {
    far_points --first 2 --step 13 --seconds 1 pueue-add
    far_points --first $((RANDOM % 31 + 1)) --step 97 --seconds 1 pueue-run pueue-stage pueue-attach-stage
    far_points --first $((RANDOM % 3 + 1)) --step 3 --seconds 1 pueue-run-client
}

@test "who carries out a cancel, a pause, a resume is killed: it is carried out all the same" {
    far_points --first 1 --last 1 pueue-pause-keeper pueue-pause-there pueue-resume-stage pueue-resume-there
    far_points --first $((RANDOM % 31 + 1)) --step 97 --seconds 1 pueue-cancel pueue-cancel-stage pueue-cancel-submitting-stage pueue-retry-lives \
        pueue-reap-stuck-forget pueue-recover-unwanted
    far_points --first $((RANDOM % 3 + 1)) --step 3 --seconds 1 pueue-cancel-client pueue-cancel-waiting-client
}
