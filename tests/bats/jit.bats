#!/usr/bin/env bats
# The compiled tier: the same records, a cache that may be spoiled or deleted, one warning where it cannot be had.
load helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    PATH=$BIN:$PATH
    export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
}

engine() {
    sim-engine "$DCF" --spec "$SPEC" --seed 7 -n 20000 "$@"
}

partials() {
    jq -c 'select(.type == "partial") | del(.time, .run)'
}

says() { # filter [file]: some record fits
    [[ "$(jq "$@" | sort -u)" == *true* ]]
}

need_cc() {
    command -v cc >/dev/null || skip "no compiler"
}

@test "compiled code gives the partial results of the vector machine" {
    need_cc
    engine --jit off | partials >off
    engine --jit on >on.ndjson
    partials <on.ndjson | cmp - off
    [ "$(jq -r 'select(.type == "finished").compiled' on.ndjson)" = 20000 ]
    test -s off
}

@test "the second run takes it from the cache, without a compiler's work" {
    need_cc
    engine --jit on >/dev/null
    ls "$XDG_CACHE_HOME"/simspool/*.so
    [ "$(find "$XDG_CACHE_HOME/simspool" -type f -perm 600 | wc -l)" = 1 ]
    [ "$(find "$XDG_CACHE_HOME/simspool" -type f | wc -l)" = 1 ]
    engine --jit on | says 'select(.type == "finished") | .compiled == 20000'
}

@test "a spoiled file in the cache is thrown away and made again" {
    need_cc
    engine --jit on >/dev/null
    f=$(ls "$XDG_CACHE_HOME"/simspool/*.so)
    for at in 100 2000; do
        printf 'XXXXXXXX' | dd of="$f" bs=1 seek=$at conv=notrunc 2>/dev/null
        run --separate-stderr engine --jit on
        [ "$status" = 0 ]
        says 'select(.type == "finished") | .compiled == 20000' <<<"$output"
    done
    head -c 1000 "$f" >short && cat short >"$f"
    engine --jit on | says 'select(.type == "finished") | .compiled == 20000'
}

@test "no compiler: one warning, the same numbers" {
    engine --jit off | partials >off
    SIM_CC=/nonexistent/cc run --separate-stderr engine --jit on
    [ "$status" = 0 ]
    [ "$(jq -r 'select(.type == "warning").message' <<<"$output" | grep -c 'vector machine does the work')" = 1 ]
    partials <<<"$output" | cmp - off
}

@test "a compiler that fails: its reason is in the warning" {
    printf '#!/bin/sh\necho "x.c:1: error: no such luck" >&2\nexit 1\n' >badcc && chmod +x badcc
    SIM_CC=$PWD/badcc run --separate-stderr engine --jit on
    [ "$status" = 0 ]
    says 'select(.type == "warning") | .message | contains("no such luck")' <<<"$output"
    [ -z "$(ls -A "$XDG_CACHE_HOME/simspool")" ]
}

@test "a compiler that errs in its arithmetic is found out" {
    need_cc
    cat >wrongcc <<'SH'
#!/bin/bash
for a; do case $a in *.c) sed -i 's/ \* v\([0-9]*\);/ * v\1 * k_set(1.0000000000000002);/' "$a" ;; esac; done
exec cc "$@"
SH
    chmod +x wrongcc
    engine --jit off | partials >off
    SIM_CC=$PWD/wrongcc run --separate-stderr engine --jit on
    [ "$status" = 0 ]
    says 'select(.type == "warning") | .message | contains("other numbers")' <<<"$output"
    says 'select(.type == "finished") | .compiled == 0' <<<"$output"
    partials <<<"$output" | cmp - off
}

@test "a cache folder that others may write to is not used" {
    mkdir -p "$XDG_CACHE_HOME/simspool" && chmod 777 "$XDG_CACHE_HOME/simspool"
    run --separate-stderr engine --jit on
    [ "$status" = 0 ]
    says 'select(.type == "warning") | .message | contains("not ours alone")' <<<"$output"
}

@test "a file system that loads no code: the vector machine goes on" {
    need_cc
    mkdir -p "$XDG_CACHE_HOME"
    mount -t tmpfs -o noexec,mode=700 none "$XDG_CACHE_HOME" 2>/dev/null || skip "cannot mount a noexec file system"
    run --separate-stderr engine --jit on
    umount "$XDG_CACHE_HOME"
    [ "$status" = 0 ]
    says 'select(.type == "warning") | .message | contains("cannot be loaded")' <<<"$output"
}

@test "a long run goes over to compiled code between two chunks and gives the same" {
    need_cc
    sim-engine "$DCF" --spec "$SPEC" --seed 7 -n 1 --jit on >/dev/null # its cache, so that the compiler's time does not count
    sim-engine "$DCF" --spec "$SPEC" --seed 7 -n 3e7 -j 1 --jit auto >auto
    says 'select(.type == "finished") | .compiled >= 0 and .compiled <= 30000000' auto # none, where the machine is busy and it seems slower
    sim-engine "$DCF" --spec "$SPEC" --seed 7 -n 3e7 --jit off | sim-aggregate --format ndjson | summary >off
    sim-aggregate --format ndjson <auto | summary | cmp - off
}

@test "ending a run ends its compiler" {
    printf '#!/bin/sh\nsleep 60 & echo $! > "%s/cc.pid"; wait\n' "$PWD" >slowcc && chmod +x slowcc
    SIM_CC=$PWD/slowcc sim-engine "$DCF" --spec "$SPEC" --seed 7 -n 1e12 -j 1 --timeout 3s >out || [ $? = 124 ]
    says 'select(.type == "finished") | .outcome == "deadline"' out
    pid=$(cat cc.pid)
    for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || return 0; read -rt 0.1 <> <(:) || true; done
    return 1
}
