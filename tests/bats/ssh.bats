#!/usr/bin/env bats
# Jobs on another machine by ssh: a real sshd on a loopback port, with keys of its own (tests/tools/sshd-here), whose sessions are cut, hung and refused.
# What runs there outlives the connection, its limits hold without one, and whatever happens it ran once.
load helper

setup_file() {
    command -v ssh >/dev/null || return 0
    export FAR=$BATS_FILE_TMPDIR/far
    # sockets have short paths
    XDG_RUNTIME_DIR=$(mktemp -d /tmp/simr.XXXXXX)
    export XDG_RUNTIME_DIR
    SSHD_ENV="SIM_BOOT_ID=first" "$ROOT/tests/tools/sshd-here" start "$FAR" >"$BATS_FILE_TMPDIR/why" || return 0
    export SIM_HOSTS=$BATS_FILE_TMPDIR/hosts
    cp "$ROOT/tests/bats/hosts.ssh" "$SIM_HOSTS"
    sed -i "s|@FAR@|$FAR|g; s|@BIN@|$BIN|g" "$SIM_HOSTS"
    sed "s/^Host far/Host down/; s/Port .*/Port 1/" "$FAR/config" >>"$FAR/config.down"
    cat "$FAR/config.down" >>"$FAR/config"
}

# Sessions, and the shared connections, which stay for a minute.
teardown_file() {
    [ -n "${FAR:-}" ] || return 0
    "$ROOT/tests/tools/sshd-here" go "$FAR" 2>/dev/null || true
    "$ROOT/tests/tools/sshd-here" stop "$FAR"
    for s in "$XDG_RUNTIME_DIR"/simspool/ssh-*; do
        [ ! -S "$s" ] || ssh -o ControlPath="$s" -O exit x 2>/dev/null || true
    done
    rm -rf "$XDG_RUNTIME_DIR"
}

setup() {
    need ssh
    [ ! -s "$BATS_FILE_TMPDIR/why" ] || skip "$(cat "$BATS_FILE_TMPDIR/why")"
    spool_setup
    work=$FAR/home/work
    listening || SSHD_ENV="SIM_BOOT_ID=first" sshd_here start
}

teardown() {
    sshd_here go 2>/dev/null || true
    ! mountpoint -q small || umount -l small
    spool_teardown
}

sshd_here() {
    "$ROOT/tests/tools/sshd-here" "$1" "$FAR"
}

listening() {
    grep -q '^State:.*[SRD]' "/proc/$(cat "$FAR/sshd.pid")/status" 2>/dev/null
}

# The attempt's folder over there.
there() { # JOB [ATTEMPT]
    echo "$work/sim-$(sql "SELECT value FROM spool WHERE name='id'")/jobs/$1/attempts/${2:-1}"
}

running_there() { # JOB [ATTEMPT]
    grep -q '^stage' "$(there "$@")/lock" 2>/dev/null && [ "$(state "$1")" = running ]
}

# Processes over there that carry the job's cookie.
alive_there() { # JOB
    grep -lsz "^SIM_COOKIE=$(sql "SELECT value FROM spool WHERE name='id'")-remote-$1-" /proc/[0-9]*/environ
}

none_there() {
    run alive_there "$1"
    [ -z "$output" ]
}

stage_there() { # JOB [ATTEMPT]: its pid
    sed -n 's/^stage \([0-9]*\) .*/\1/p' "$(there "$@")/lock" | tail -n 1
}

keeper_there() {
    sed -n 's/^keeper \([0-9]*\) .*/\1/p' "$(there "$@")/lock" | tail -n 1
}

on_far() { # [sim-run's arguments]
    timeout -k 1 60 sim-run --all --quiet --on far "$@"
}

in_background() {
    sim-run --all --quiet --on "${1:-far}" 3>&- &
    runner=$!
}

# The output of a job's attempt, without the records in between.
output_of() { # JOB [ATTEMPT]
    grep -v '^{"v":1,"type":"remote"' "$SIM_SPOOL/jobs/$1/attempts/${2:-1}/events.ndjson"
}

trouble() { # JOB PATTERN
    grep -qE "\"trouble\":\"[^\"]*($2)" "$SIM_SPOOL/jobs/$1/attempts/1/events.ndjson"
}

@test "a place is checked: reached, its folder made, the programs found" {
    run -0 sim-remote --on far --check
    [ "$(jq -r .folder <<<"$output")" = "$work" ]
    [ "$(jq -r .program <<<"$output")" = "$BIN/sim-remote" ]
    [ "$(stat -c %a "$work")" = 700 ]
}

@test "two places at once, a word too many, no ssh, are refused" {
    run -64 sim-run --all --on far --on bare
    run -64 sim-remote --on far --on bare --check
    run -64 sim-remote --on far --check bare
    PATH=$BIN run -69 "$BIN/sim-run" --all --on far
    [[ "$output" == *"ssh is not in PATH" ]]
}

@test "a command runs there, and its output and status come back" {
    job=$(submit -- sh -c 'echo "home $HOME"; echo to the log >&2; exit 7')
    run on_far
    in_state "$job" failed
    [ "$(field "$job" status)" = 7 ]
    [ "$(output_of "$job")" = "home $FAR/home" ]
    [ "$(cat "$SIM_SPOOL/jobs/$job/attempts/1/log")" = "to the log" ]
}

@test "a long log comes back whole; of one that was cut, the beginning too" {
    job=$(submit -- sh -c 'seq -f %015.0f 400000 >&2')
    cut=$(submit -- sh -c 'echo begin >&2; head -c 70000000 /dev/zero | tr "\\0" x >&2; sleep 2; echo end >&2')
    on_far
    seq -f %015.0f 400000 | cmp - "$SIM_SPOOL/jobs/$job/attempts/1/log"
    [ "$(head -n 1 "$SIM_SPOOL/jobs/$cut/attempts/1/log.head")" = begin ]
    [ "$(tail -n 1 "$SIM_SPOOL/jobs/$cut/attempts/1/log")" = end ]
}

@test "what --env gave arrives, also where sim-run itself has the same" {
    export SIM_TEST_TOKEN=abc
    job=$(submit --env SIM_TEST_TOKEN --env LANG=C.UTF-8 -- sh -c 'echo $SIM_TEST_TOKEN $LANG')
    LANG=C.UTF-8 on_far
    [ "$(output_of "$job")" = "abc C.UTF-8" ]
    job=$(submit --env "B=$(printf '\377')" -- true)
    run on_far
    [[ "$(field "$job" error)" == *"environment or task is no UTF-8" ]]
    [ "$(field "$job" status)" = 65 ]
}

@test "words of every kind arrive as they are" {
    job=$(submit -- printf '<%s>\n' "it's" 'a "b" $HOME `id` \n \\' '' $'two\nlines' '!x ~ * ?' 'é→')
    on_far
    in_state "$job" completed
    printf '<%s>\n' "it's" 'a "b" $HOME `id` \n \\' '' $'two\nlines' '!x ~ * ?' 'é→' | diff - <(output_of "$job")
}

@test "status 255, which is also ssh's own, is the command's" {
    job=$(submit -- sh -c 'exit 255')
    run on_far
    in_state "$job" failed
    [ "$(field "$job" status)" = 255 ]
}

@test "what a login script prints is no answer" {
    echo 'echo "{\"v\":1,\"protocol\":9}"; echo noise' >"$FAR/home/.bashrc"
    run -0 sim-remote --on far --check
    job=$(submit -- echo one)
    run on_far
    rm "$FAR/home/.bashrc"
    in_state "$job" completed
    [ "$(output_of "$job")" = one ]
}

@test "the digits of chunks computed there are those of one process here" {
    need jq
    sim-engine "$DCF" --spec "$SPEC" -n 20000 --seed 5 | sim-aggregate | jq -c 'del(.job,.attempt,.model,.time)' >here
    sim-submit "$DCF" --spec "$SPEC" -n 20000 --seed 5 --chunks 4 | sim-run --quiet --on far | sim-aggregate | jq -c 'del(.job,.attempt,.model,.time)' >far
    diff here far
    [ "$(find "$work/content" -name '*.xlsx' | wc -l)" = 1 ]
}

@test "a workbook is sent once, however many jobs use it" {
    submit "$DCF" --spec "$SPEC" -n 1000 --seed 1
    submit "$DCF" --spec "$SPEC" -n 1000 --seed 2
    on_far
    [ "$(sql "SELECT count(*) FROM job WHERE state=5")" = 2 ]
    [ "$(find "$work/content" -name "$(sha256sum "$DCF" | cut -d' ' -f1)*" | wc -l)" = 1 ]
}

@test "what arrives cut short is no file; a content goes on where it was, and is checked" {
    head -c 3000000 /dev/urandom >big
    sum=$(sha256sum big | cut -d' ' -f1)
    place=$BATS_TEST_TMPDIR/place
    head -c 100 big >short
    run -75 sim-remote --put "$place/file" 200 600 <short
    [[ $output == *"100 bytes are missing"* ]]
    [ -z "$(find "$place" -type f)" ]
    run -0 sim-remote --put "$place/file" 100 600 <short
    [ "$(stat -c %a "$place/file")" = 600 ] # an environment may be in it
    rm "$place/file"
    run -1 sim-remote --content "$place" "$sum.bin" 3000000 ask
    [ "$output" = 0 ]
    head -c 1000000 big >part
    run -75 sim-remote --content "$place" "$sum.bin" 3000000 0 <part
    run -1 sim-remote --content "$place" "$sum.bin" 3000000 ask
    [ "$output" = 1000000 ]
    tail -c +1000001 big >rest
    run -0 sim-remote --content "$place" "$sum.bin" 3000000 1000000 <rest
    cmp big "$output"
    run -0 sim-remote --content "$place" "$sum.bin" 3000000 ask
    other=$(sha256sum rest | cut -d' ' -f1)
    run -75 sim-remote --content "$place" "$other.bin" 3000000 0 <big
    [[ $output == *"another SHA-256"* ]]
    [ "$(find "$place" -type f | wc -l)" = 1 ]
}

@test "two senders of one content at once: it is there once, and whole" {
    head -c 3000000 /dev/urandom >big
    sum=$(sha256sum big | cut -d' ' -f1)
    for _ in 1 2 3 4; do
        sim-remote --content "$BATS_TEST_TMPDIR/place" "$sum.bin" 3000000 0 <big >>paths 3>&- &
    done
    wait
    [ "$(sort -u paths | wc -l)" = 1 ]
    cmp big "$(head -n 1 paths)"
    [ "$(find place -type f | wc -l)" = 1 ]
}

@test "what nobody can ask for any more ends: its folder there is removed" {
    job=$(submit -- sleep 100)
    in_background
    await 90 running_there "$job"
    stage=$(stage_there "$job")
    rm -rf "$(there "$job")"
    await 90 none_there "$job"
    run ps -o stat= -p "$stage"
    [[ $status -ne 0 || $output == Z* ]]
    sim-ctl cancel "$job" >/dev/null
    await 60 in_state "$job" cancelled || await 1 in_state "$job" failed
    wait "$runner" || true
}

@test "contents and programs that nobody used for a month are removed" {
    run -0 sim-remote --on bare --check
    home=$FAR/home/bare
    a=$(printf a%.0s {1..64}) b=$(printf b%.0s {1..64}) c=$(printf c%.0s {1..64})
    mkdir -p "$home/content" "$home/programs/$a" "$home/programs/mine"
    touch "$home/content/$a.csv" "$home/content/$b.part"
    touch -d '3 days ago' "$home/content/$c.part" "$home/content/$c"
    touch -d '40 days ago' "$home/content/$b" "$home/programs/$a/complete" "$home/cleaned"
    touch -d '40 days ago' "$home/content/mine.txt" "$home/programs/mine" # what is not named as ours is not ours
    run -0 sim-remote --on bare --check
    [ "$(cd "$home/content" && echo *)" = "$a.csv $b.part $c mine.txt" ]
    [ ! -e "$home/programs/$a" ]
    [ -d "$home/programs/mine" ]
    [ -x "$(jq -r .program <<<"$output")" ]
}

@test "what chunks had in common there, and checkpoints, are removed when nobody used them for a month" {
    submit "$DCF" --spec "$SPEC" -n 200 --seed 5 --chunks 2
    submit -- sh -c 'mkdir $SIM_CHECKPOINT; echo x >$SIM_CHECKPOINT/half; false'
    on_far >/dev/null || true
    jobs=$work/sim-$(sql "SELECT value FROM spool WHERE name='id'")/jobs
    [ "$(cd "$jobs" && echo *)" = "1 4" ]
    find "$jobs" -exec touch -d '40 days ago' {} +
    touch "$jobs/4/checkpoint/half"
    touch -d '2 days ago' "$work/cleaned"
    run -0 sim-remote --on far --check
    [ "$(cd "$jobs" && echo *)" = 4 ]
    find "$jobs" -exec touch -d '40 days ago' {} +
    touch -d '2 days ago' "$work/cleaned"
    run -0 sim-remote --on far --check
    [ -z "$(ls "$jobs")" ]
}

@test "data files that a spec names go with it" {
    printf '%s\n' 900 1000 1100 >data.csv
    sim-engine "$DCF" -i 'Inputs!B4 ~ empirical("data.csv", 1)' -t 'Summary!B12' -n 1000 --seed 3 | sim-aggregate | jq -c '.targets[0].mean' >here
    sim-submit "$DCF" -i 'Inputs!B4 ~ empirical("data.csv", 1)' -t 'Summary!B12' -n 1000 --seed 3 --chunks 2 |
        sim-run --quiet --on far | sim-aggregate | jq -c '.targets[0].mean' >far
    diff here far
}

@test "where nothing is installed the programs are sent, once, and again when they are gone or damaged" {
    run -0 sim-remote --on bare --check
    programs=$(dirname "$(jq -r .program <<<"$output")")
    [[ $programs == $FAR/home/bare/programs/* ]]
    before=$(stat -c %i "$programs/sim-engine")
    run -0 sim-remote --on bare --check
    [ "$(stat -c %i "$programs/sim-engine")" = "$before" ]
    cmp "$BIN/sim-engine" "$programs/sim-engine"
    rm -f "$programs/sim-remote"
    run -0 sim-remote --on bare --check
    chmod u+w "$programs/sim-remote"
    : >"$programs/sim-remote"
    run -0 sim-remote --on bare --check
    cmp "$BIN/sim-remote" "$programs/sim-remote"
    sim-submit "$DCF" --spec "$SPEC" -n 1000 --seed 5 >job
    timeout -k 1 60 sim-run --quiet --on bare <job
    [ "$(sql "SELECT state FROM job")" = 5 ]
}

@test "a host that is down: the job waits and says why; a cancelled one is over, and nothing began" {
    job=$(submit -- touch "$BATS_TEST_TMPDIR/ran")
    in_background down
    await 90 trouble "$job" "down.*refused|refused"
    in_state "$job" submitting
    sim-ctl cancel "$job" >/dev/null
    await 90 in_state "$job" cancelled
    wait "$runner" || true
    [ ! -e ran ]
}

@test "a host that hangs while it is connected to: a deadline and a cancel wait for nobody" {
    printf '[mute]\nkind = ssh\nhost = x\nssh-options = -o "ProxyCommand=sleep 60" -o ConnectTimeout=50\n' >mute
    begun=$SECONDS
    job=$(submit --deadline 3s -- true)
    SIM_HOSTS=$PWD/mute run -1 timeout -k 1 60 sim-run --all --quiet --on mute
    field "$job" error | grep -q '^deadline'
    [ "$(field "$job" status)" = 124 ]
    [ $((SECONDS - begun)) -lt 12 ]
    [ "$(field "$job" remote.certain)" = gone ]
    [ "$(field "$job" remote.state)" = null ]
}

@test "a host that is down: the job's own limit ends it in time" {
    job=$(submit --deadline 3s -- true)
    in_background down
    await 90 in_state "$job" failed
    wait "$runner" || true
    [[ $(field "$job" reason) == deadline* ]]
}

@test "the connection is cut, and sshd away for a while: the job goes on, its output comes once" {
    job=$(submit -- sh -c "echo x >>$BATS_TEST_TMPDIR/runs; i=0; while [ \$i -lt 40 ]; do echo line \$i; i=\$((i+1)); sleep 0.05; done")
    in_background
    await 90 running_there "$job"
    sshd_here stop
    await 90 trouble "$job" .
    await 90 test -s "$(there "$job")/result"
    in_state "$job" running
    sshd_here start
    await 60 in_state "$job" completed
    wait "$runner"
    [ "$(wc -l <runs)" = 1 ]
    output_of "$job" | diff - <(for i in $(seq 0 39); do echo "line $i"; done)
}

@test "sessions are cut again and again, whatever was under way: each job runs once" {
    for i in 1 2 3 4; do
        submit -- sh -c "echo $i >>$BATS_TEST_TMPDIR/runs; for k in 1 2 3; do echo $i.\$k; sleep 0.3; done"
    done
    sim-run --all --quiet --jobs 4 --on far 3>&- &
    runner=$!
    for _ in $(seq 20); do
        sleep 0.2 # the faults come by the clock: that is what is tested
        sshd_here cut
    done
    for i in 1 2 3 4; do
        await 90 in_state "$i" completed
        output_of "$i" | diff - <(printf '%s\n' "$i.1" "$i.2" "$i.3")
    done
    wait "$runner"
    [ "$(sort runs | tr -d '\n')" = 1234 ]
}

@test "the link is taken down: packets vanish, no wait is without end, and the job is there when it is up again" {
    need ip
    [ "$(id -u)" -eq 0 ] || skip "only root can make a network namespace"
    ns=simr$$ net=198.18.$((RANDOM % 256))
    ip netns add "$ns" 2>/dev/null || skip "network namespaces are not permitted"
    ip link add "${ns}a" type veth peer name "${ns}b" netns "$ns" || { ip netns del "$ns"; skip "no veth here"; }
    ip addr add "$net.1/30" dev "${ns}a"
    ip link set "${ns}a" up
    ip netns exec "$ns" true 2>/dev/null || { ip netns del "$ns"; skip "no network namespaces here"; }
    ip netns exec "$ns" ip addr add "$net.2/30" dev "${ns}b"
    ip netns exec "$ns" ip link set "${ns}b" up
    far=$BATS_TEST_TMPDIR/net
    SSHD_ADDRESS=$net.2 SSHD_RUN="ip netns exec $ns" "$ROOT/tests/tools/sshd-here" start "$far"
    printf '[net]\nkind = ssh\nhost = far\nssh-options = -F %s\nfolder = %s\nprograms = %s\npoll = 200ms\n' "$far/config" "$work" "$BIN" >>"$SIM_HOSTS"
    job=$(submit -- sh -c "echo x >>$BATS_TEST_TMPDIR/runs; echo one; until [ -e $BATS_TEST_TMPDIR/go ]; do sleep 0.05; done; echo two")
    in_background net
    await 90 running_there "$job" || r=1
    ip link set "${ns}a" down
    touch go
    await 90 test -s "$(there "$job")/result" || r=2
    await 60 trouble "$job" . || r=3
    ip link set "${ns}a" up
    await 60 in_state "$job" completed || r=4
    "$ROOT/tests/tools/sshd-here" stop "$far"
    ip netns del "$ns"
    [ "${r:-0}" = 0 ]
    wait "$runner"
    [ "$(wc -l <runs)" = 1 ]
    [ "$(output_of "$job" | tr '\n' ' ')" = "one two " ]
}

@test "a limit is kept there though nobody is connected" {
    job=$(submit --timeout 3s --grace 1s -- sh -c "trap '' TERM; sleep 100 & sleep 100; wait")
    in_background
    await 90 running_there "$job"
    sshd_here stop
    await 90 test -s "$(there "$job")/result"
    grep -q '"reason":"deadline' "$(there "$job")/result"
    none_there "$job"
    sshd_here start
    await 60 in_state "$job" failed
    wait "$runner" || true
    [[ $(field "$job" reason) == deadline* ]]
}

@test "a network that brings nothing ends no job and no wait" {
    job=$(submit -- sh -c "echo x >>$BATS_TEST_TMPDIR/runs; sleep 2; echo done")
    in_background
    await 90 running_there "$job"
    sshd_here hang
    await 60 trouble "$job" .
    sshd_here go
    await 60 in_state "$job" completed
    wait "$runner"
    [ "$(wc -l <runs)" = 1 ]
    [ "$(output_of "$job")" = done ]
}

@test "sim-run, keeper and sim-remote are killed: the job is found again, and ran once" {
    job=$(submit -- sh -c "echo x >>$BATS_TEST_TMPDIR/runs; echo one; sleep 2; echo two")
    in_background
    await 90 running_there "$job"
    kill -KILL "$runner" $(sed -n 's/^\(keeper\|stage\) \([0-9]*\) .*/\2/p' "$SIM_SPOOL/jobs/$job/attempts/1/lock") 2>/dev/null || true
    wait "$runner" || true
    sim-recover >/dev/null || true
    await 60 in_state "$job" completed
    [ "$(wc -l <runs)" = 1 ]
    [ "$(output_of "$job")" = "one
two" ]
}

@test "the connection of a sim-run that was killed ends when nobody uses it any more" {
    connected() { pgrep -f "^ssh .*ControlPersist=2 .*ControlPath=$XDG_RUNTIME_DIR/.* -N -- far" >/dev/null; }
    job=$(submit -- sh -c 'until [ -e go ]; do sleep 0.05; done')
    in_background brief
    await 90 running_there "$job"
    await 30 connected
    kill -KILL "$runner"
    wait "$runner" || true
    touch go
    await 60 in_state "$job" completed
    await 30 eval '! connected'
}

@test "pause, resume and cancel reach through" {
    job=$(submit -- sh -c 'while :; do sleep 0.1; done')
    in_background
    await 90 running_there "$job"
    stage=$(stage_there "$job")
    sim-ctl pause "$job" >/dev/null
    await 90 grep -q '^State:.*T' "/proc/$stage/status"
    in_state "$job" paused
    sim-ctl resume "$job" >/dev/null
    await 90 grep -q '^State:.*[SR]' "/proc/$stage/status"
    sim-ctl cancel "$job" >/dev/null
    await 90 in_state "$job" cancelled
    wait "$runner" || true
    none_there "$job"
}

@test "the keeper there is killed alone: another takes its stage over" {
    job=$(submit -- sh -c "echo x >>$BATS_TEST_TMPDIR/runs; sleep 2; echo done")
    in_background
    await 90 running_there "$job"
    kill -KILL "$(keeper_there "$job")"
    await 60 in_state "$job" completed || await 60 in_state "$job" failed
    wait "$runner" || true
    [ "$(wc -l <runs)" = 1 ]
    [ "$(output_of "$job")" = done ]
    [ "$(field "$job" attempt)" = 1 ]
}

@test "keeper and stage there are killed: lost, and tried again by its budget" {
    job=$(submit --retries 1 --backoff 100ms -- sh -c "echo x >>$BATS_TEST_TMPDIR/runs; [ \$SIM_ATTEMPT = 2 ] || sleep 100")
    in_background
    await 90 running_there "$job"
    kill -KILL "$(keeper_there "$job")" "$(stage_there "$job")"
    await 60 in_state "$job" completed
    wait "$runner"
    [ "$(wc -l <runs)" = 2 ]
    [ "$(field "$job" attempt)" = 2 ]
}

@test "the other machine restarts: lost for certain" {
    job=$(submit -- sh -c "echo x >>$BATS_TEST_TMPDIR/runs; sleep 100")
    in_background
    await 90 running_there "$job"
    sshd_here stop
    kill -KILL "$(keeper_there "$job")" "$(stage_there "$job")"
    SSHD_ENV="SIM_BOOT_ID=second" sshd_here start
    await 60 in_state "$job" failed
    wait "$runner" || true
    sshd_here stop
    [[ $(field "$job" reason) == *lost* || $(field "$job" reason) == *dead* ]]
    [ "$(wc -l <runs)" = 1 ]
}

@test "no room on the other disk: the stage fails by it, its result has room" {
    [ "$(id -u)" -eq 0 ] || skip "only root can mount a small disk"
    mkdir -p "$FAR/home/small"
    mount -t tmpfs -o size=1m,mode=700 none "$FAR/home/small" || skip "no disk can be mounted here"
    job=$(submit -- sh -c 'head -c 3000000 /dev/zero || exit 74')
    run timeout -k 1 60 sim-run --all --quiet --on small
    s=$(state "$job") r=$(field "$job" status)
    room=$(df --output=avail "$FAR/home/small" | tail -n 1)
    umount -l "$FAR/home/small"
    [ "$s" = failed ]
    [ "$r" = 74 ] || [ "$r" = 1 ]
    [ "$room" -gt 512 ] # its files there are removed when it is over
}

@test "no room on the other disk at the start: the job waits, says so, and runs when there is some" {
    [ "$(id -u)" -eq 0 ] || skip "only root can mount a small disk"
    mkdir -p "$FAR/home/small"
    mount -t tmpfs -o size=1m,mode=700 none "$FAR/home/small" || skip "no disk can be mounted here"
    head -c 2000000 /dev/zero >"$FAR/home/small/full" || true
    job=$(submit -- sh -c "echo x >>$BATS_TEST_TMPDIR/runs")
    in_background small
    await 90 trouble "$job" 'No space left' || { umount -l "$FAR/home/small"; false; }
    rm "$FAR/home/small/full"
    await 60 in_state "$job" completed || { umount -l "$FAR/home/small"; false; }
    wait "$runner"
    umount -l "$FAR/home/small"
    [ "$(wc -l <runs)" = 1 ]
}

@test "the programs there are removed: what runs goes on, what follows waits, and says so" {
    mkdir -p "$FAR/home/own"
    cp "$BIN/sim-remote" "$FAR/home/own/"
    job=$(submit -- sh -c "echo x >>$BATS_TEST_TMPDIR/runs; until [ -e $BATS_TEST_TMPDIR/go ]; do sleep 0.05; done; echo done")
    in_background own
    await 90 running_there "$job"
    rm "$FAR/home/own/sim-remote"
    await 90 trouble "$job" 'sim-remote'
    touch go
    await 90 test -s "$(there "$job")/result"
    cp "$BIN/sim-remote" "$FAR/home/own/"
    await 60 in_state "$job" completed
    wait "$runner"
    [ "$(wc -l <runs)" = 1 ]
    [ "$(output_of "$job")" = done ]
    rm "$FAR/home/own/sim-remote"
    run -75 sim-remote --on own --check
    [[ "$output" == *"/own/sim-remote is not there" ]]
    job=$(submit -- true)
    in_background own
    await 60 trouble "$job" 'sim-remote is not there'
    cp "$BIN/sim-remote" "$FAR/home/own/"
    await 60 in_state "$job" completed
}

# sim-remote over there, in whose way a file puts itself: these actions fail while it is there.
in_the_way() { # ACTIONS
    mkdir -p "$FAR/home/own"
    cp "$BIN/sim-remote" "$FAR/home/own/real"
    printf '#!/bin/sh\ncase $1 in %s) [ ! -e %s/no ] || { echo no way >&2; exit 74; } ;; esac\nexec %s/real "$@"\n' "$1" "$BATS_TEST_TMPDIR" \
        "$FAR/home/own" >"$FAR/home/own/sim-remote"
    chmod +x "$FAR/home/own/sim-remote"
    touch no
}

@test "a result that cannot be fetched for a while is none that was lost" {
    in_the_way --file
    job=$(submit -- sh -c 'printf x >>effect; echo done')
    in_background own
    await 60 trouble "$job" "no way"
    sleep 12 # longer than a result is waited for that nobody sees
    in_state "$job" running
    rm no
    await 60 in_state "$job" completed
    [ "$(output_of "$job")" = done ]
    [ "$(cat effect)" = x ]
}

@test "of jobs that failed or were cancelled nothing is left there but a checkpoint" {
    submit -- false
    submit -- sh -c 'echo half >$SIM_CHECKPOINT; false'
    submit -- sleep 60
    in_background
    await 60 running_there 3
    sim-ctl cancel 3
    wait "$runner" || true
    [ "$(cd "$work/sim-$(sql "SELECT value FROM spool WHERE name='id'")/jobs" && find . -mindepth 1 | sort | tr '\n' ' ')" = "./2 ./2/checkpoint " ]
}

@test "a folder there that cannot be removed at once is removed later" {
    in_the_way --remove
    job=$(submit -- true)
    timeout -k 1 60 sim-run --all --quiet --on own
    in_state "$job" completed
    [ "$(field "$job" remote.certain)" = "cannot run" ]
    [ -e "$work/sim-$(sql "SELECT value FROM spool WHERE name='id'")/jobs/$job" ]
    rm no
    await 60 eval 'sim-reap -q; [ "$(field "$job" remote.certain)" = gone ]'
    [ ! -e "$work/sim-$(sql "SELECT value FROM spool WHERE name='id'")/jobs/$job" ]
}

@test "the hosts file is broken while sim-run is running: jobs wait, say so, and run when it is mended" {
    cp "$SIM_HOSTS" changing
    SIM_HOSTS=$PWD/changing sim-run --wait --quiet --on far 3>&- &
    runner=$!
    await 60 eval '[ "$(sql "SELECT count(*) FROM worker")" = 1 ]'
    printf '[far\n' >changing.new
    mv changing.new changing
    job=$(submit -- true)
    await 60 eval '[[ "$(field "$job" why)" == *"changing:1: a section is"* ]]'
    cp "$SIM_HOSTS" changing.new
    mv changing.new changing
    await 60 in_state "$job" completed
    kill "$runner"
    wait "$runner" || true
}

@test "GPUs and processors of a host are given away once" {
    printf '[gpus]\nkind = ssh\nhost = far\nssh-options = -F %s/config\nprograms = %s\nfolder = %s\npoll = 200ms\ngpus = 2\ncpus = 4\n' \
        "$FAR" "$BIN" "$work" >gpus.hosts
    alone='mkdir $0 || echo shared; echo "$SIM_SLOT_GPU/$CUDA_VISIBLE_DEVICES"; sleep 0.5; rmdir $0'
    for _ in 1 2; do submit --slot gpu -- sh -c "$alone" one; done
    CUDA_VISIBLE_DEVICES=7 on_far
    [ "$(output_of 1) $(output_of 2)" = "0/0 0/0" ]
    for _ in 3 4; do submit --slot gpu -- sh -c 'until [ -e both-1 ] && [ -e both-0 ]; do touch both-$CUDA_VISIBLE_DEVICES; sleep 0.1; done'; done
    for _ in 5 6; do submit --slot cpu=3 -- sh -c "$alone" two; done
    SIM_HOSTS=$PWD/gpus.hosts timeout -k 1 60 sim-run --all --quiet --on gpus
    [ "$(sim-progress --all --format ndjson --state completed | wc -l)" = 6 ]
    [ "$(output_of 5) $(output_of 6)" = "/ /" ]
    submit --slot gpu=2 -- true
    sim-run --wait --quiet --on far 3>&- &
    runner=$!
    await 60 eval '[[ "$(field 7 why)" == *"gpu@far: 0 of 1 held"* ]]'
    kill "$runner"
    wait "$runner" || true
}

@test "an sshd as it is installed lets few in at a time: many jobs at once share one connection" {
    SSHD_MORE="MaxStartups 10:30:100" "$ROOT/tests/tools/sshd-here" start "$BATS_TEST_TMPDIR/few"
    printf '[few]\nkind = ssh\nhost = far\nssh-options = -F %s/few/config\nprograms = %s\npoll = 200ms\n' "$PWD" "$BIN" >few.hosts
    for ((i = 0; i < 40; i++)); do echo '{"v":1,"type":"task","command":["sh","-c","echo $SIM_JOB; sleep 1"]}'; done | submit - >/dev/null
    SIM_HOSTS=$PWD/few.hosts timeout -k 1 120 sim-run --all --quiet --on few >got || true
    "$ROOT/tests/tools/sshd-here" stop "$BATS_TEST_TMPDIR/few"
    seq 40 | diff - <(sort -n got)
    [ "$(cat "$SIM_SPOOL"/jobs/*/attempts/*/events.ndjson | grep -c '"trouble"')" -lt 20 ]
}

@test "an engine that is not there fails the job with status 127" {
    mkdir -p "$FAR/home/own"
    cp "$BIN/sim-remote" "$FAR/home/own/"
    sim-submit "$DCF" --spec "$SPEC" -n 1000 --seed 5 >job
    run timeout -k 1 60 sim-run --quiet --on own <job
    id=$(jq -r .job job)
    in_state "$id" failed
    [[ $(field "$id" reason) == *sim-engine* ]]
}

@test "the clock there is an hour ahead: a deadline is the same moment all the same" {
    need faketime
    lib=$(find /usr/lib -name libfaketime.so.1 | head -n 1)
    [ -n "$lib" ] || skip "libfaketime is not there"
    mkdir -p "$FAR/home/own"
    printf '#!/bin/sh\nLD_PRELOAD=%s FAKETIME=+1h exec %s/sim-remote "$@"\n' "$lib" "$BIN" >"$FAR/home/own/sim-remote"
    chmod +x "$FAR/home/own/sim-remote"
    run -0 sim-remote --on own --check
    [ "$(jq '.clock > 3590 and .clock < 3610' <<<"$output")" = true ]
    job=$(submit --deadline 40s -- echo done)
    timeout -k 1 60 sim-run --all --quiet --on own || true
    rm -r "$FAR/home/own"
    in_state "$job" completed
}

@test "a folder that both see: nothing is copied, and an end is seen without a connection" {
    job=$(submit -- sh -c 'until [ -e go ]; do sleep 0.05; done; echo done')
    in_background shared
    await 90 in_state "$job" running
    sshd_here stop
    touch go
    await 90 in_state "$job" completed
    wait "$runner"
    [ "$(output_of "$job")" = done ]
}

@test "a working folder that is not there: one of the attempt's own, and the log says so" {
    mkdir gone
    job=$(cd gone && submit -- pwd)
    rmdir gone
    on_far
    in_state "$job" completed
    [ "$(output_of "$job")" = "$(there "$job")/work" ]
    grep -q "gone is not here" "$SIM_SPOOL/jobs/$job/attempts/1/log"
}

@test "files go along, and what the command leaves comes back as if it had run here" {
    mkdir data "with space"
    printf '#!/bin/sh\ncat data/in.csv "with space/é.txt" >out/sum.txt && echo changed >>data/grown\n' >model.sh
    chmod +x model.sh
    echo 1 >data/in.csv
    echo 2 >"with space/é.txt"
    echo old >data/grown
    echo not sent >beside
    head -c 9000000 /dev/urandom >data/large
    job=$(submit --send model.sh --send data/ --send "$PWD/with space/é.txt" --result out/sum.txt -- sh -c \
        'pwd; ls beside; mkdir -p out/deep; cp data/large out/deep/copy; ln -s /etc/passwd link; touch -d 1960-01-01 aged; ./model.sh')
    sum=$(sha256sum <data/large)
    on_far || cat "$SIM_SPOOL/jobs/$job/attempts/1/log"
    in_state "$job" completed
    [ "$(output_of "$job")" = "$(there "$job")/work" ]
    [ "$(cat out/sum.txt)" = $'1\n2' ]
    [ "$(cat data/grown)" = $'old\nchanged' ]
    [ "$(sha256sum <out/deep/copy)" = "$sum" ]
    [ "$(stat -c %Y aged)" = "$(date -d 1960-01-01 +%s)" ]
    [ ! -e link ]
    [ "$(find . -name '.*.sim-*')" = "" ]
    grep -q "cannot access 'beside'" "$SIM_SPOOL/jobs/$job/attempts/1/log"
    grep -q "no regular file: link" "$SIM_SPOOL/jobs/$job/attempts/1/log"
    [ ! -e "$(there "$job")" ]
}

@test "a file that was sent and is as it was replaces nothing; one of a failed command comes back too" {
    echo first >sent.txt
    job=$(submit --send sent.txt -- sh -c "until [ -e $PWD/go ]; do sleep 0.05; done; cat sent.txt; echo partly >out.txt; exit 3")
    in_background far
    await 90 running_there "$job"
    echo second >sent.txt
    touch go
    await 90 in_state "$job" failed
    wait "$runner" || true
    [ "$(output_of "$job")" = first ]
    [ "$(cat sent.txt)" = second ]
    [ "$(cat out.txt)" = partly ]
}

@test "work = own, and a promised file: it is looked for there, and is here before the job is completed" {
    sed 's/^poll.*/&\nwork = own/' "$SIM_HOSTS" >hosts
    export SIM_HOSTS=$PWD/hosts
    for on in far shared; do # by the connection, and by a folder that both see
        rm -f out.txt
        echo 1 >"in $on"
        a=$(submit --send "in $on" --result out.txt -- sh -c 'cat in* >out.txt; pwd')
        b=$(submit --result none.txt -- true)
        timeout -k 1 60 sim-run --all --quiet --on "$on" || true
        in_state "$a" completed
        [ "$(cat out.txt)" = 1 ]
        [[ $(output_of "$a") == */work ]]
        in_state "$b" failed
        [[ $(field "$b" reason) == *"promised file"*none.txt* ]]
    done
}

@test "what cannot be written here stays there, and the job says where" {
    mkdir out.txt
    touch out.txt/file
    touch sent
    job=$(submit --send sent -- sh -c 'echo kept >out.txt')
    on_far || true
    in_state "$job" failed
    [[ $(field "$job" reason) == *"cannot replace"*out.txt*"$(there "$job")/work"* ]]
    [ "$(cat "$(there "$job")/work/out.txt")" = kept ]
}

@test "no room here for what comes back: it waits, says so, and goes on" {
    [ "$(id -u)" = 0 ] || skip "mounting takes root"
    mkdir small
    mount -t tmpfs -o size=256k tmpfs small 2>/dev/null || skip "mount is not permitted"
    head -c 200000 /dev/zero >small/full
    job=$(cd small && submit --send full -- sh -c 'head -c 150000 /dev/urandom >out')
    in_background far
    await 90 trouble "$job" "No space left"
    rm small/full
    await 90 in_state "$job" completed
    wait "$runner"
    [ "$(stat -c %s small/out)" = 150000 ]
}

@test "a folder that has gone out of sight is no folder without files" {
    mkdir -p attempt/work
    echo 1 >attempt/work/out.txt
    [ "$(sim-remote --list "$PWD/attempt" | jq -c '.name // .files')" = $'"out.txt"\n1' ]
    mv attempt/work attempt/away
    run -66 sim-remote --list "$PWD/attempt"
}

@test "a file to send that is not there is refused; one that is gone later fails the job" {
    run -66 sim-submit --send none -- true
    [[ $output == *"--send"*none* ]]
    run -64 sim-submit --send ../x -- true
    run -64 sim-submit --send x "$DCF"
    touch later
    job=$(submit --send later -- true)
    rm later
    on_far || true
    in_state "$job" failed
    [[ $(field "$job" reason) == *later* ]]
    [ "$(field "$job" status)" = 66 ]
}

@test "sessions are cut while files come back: all of them are here once" {
    job=$(submit --send "$(touch s; echo s)" -- sh -c 'for i in 1 2 3 4 5 6 7 8; do head -c 5000000 /dev/urandom >f$i; sha256sum f$i >f$i.sum; done; touch done')
    in_background far
    for _ in 1 2 3 4 5 6; do
        sleep 0.3
        sshd_here cut
    done
    await 120 in_state "$job" completed
    wait "$runner"
    cat f*.sum | sha256sum --check --quiet
    [ "$(find . -name '.*.sim-*')" = "" ]
}

@test "a batch of calls runs there, with a sim-call that was sent, and its answers come back" {
    need python3
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    mkdir web && echo '{"ok":true}' >web/a.json
    python3 -m http.server --bind 127.0.0.1 --directory web "$port" >/dev/null 2>&1 3>&- &
    web=$!
    printf '{"id":"%s","url":"http://127.0.0.1:%s/a.json"}\n' 1 "$port" 2 "$port" >requests
    job=$(submit --send requests --result answers -- sh -c 'sim-call --results-only --retries 3 requests >answers')
    timeout -k 1 120 sim-run --all --quiet --on bare || true
    kill "$web"
    in_state "$job" completed
    [ "$(jq -s length answers)" = 2 ]
}

# A sample: all points are tests/tools/crashpoints-far without --step.
@test "killed at system calls on either side: the job runs once" {
    need python3
    export SIM_CRASH_SSH=$FAR/config
    run "$ROOT/tests/tools/crashpoints-far" --bin "$BIN" --first $((RANDOM % 31 + 1)) --step 97 --seconds 4 begin begin-apart begin-keeper tied tied-keeper tied-stage \
        ssh-run ssh-keeper ssh-stage ssh-files ssh-ssh
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "who carries out what is done to a job there is killed, on either side: it is carried out all the same" {
    need python3
    export SIM_CRASH_SSH=$FAR/config
    run timeout 300 "$ROOT/tests/tools/crashpoints-far" --bin "$BIN" --first 1 --last 1 ssh-pause-there ssh-resume-stage
    echo "$output"
    [ "$status" -eq 0 ]
    run timeout 300 "$ROOT/tests/tools/crashpoints-far" --bin "$BIN" --first $((RANDOM % 31 + 1)) --step 97 --seconds 1 ssh-cancel-stage ssh-cancel-there \
        ssh-reap-stuck-forget ssh-recover-unwanted ssh-attach-stage ssh-chunks
    echo "$output"
    [ "$status" -eq 0 ]
}
