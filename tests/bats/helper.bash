# Shared by the bats files: where the programs are, a folder of its own for each test, a workbook to work on.
bats_require_minimum_version 1.5.0
BIN=${SIM_BIN:-$PWD/bin}
ROOT=${SIM_ROOT:-$PWD}
DCF=$ROOT/examples/dcf.xlsx
SPEC=$ROOT/examples/dcf.json

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    PATH=$BIN:$PATH
}

need() {
    for tool in "$@"; do
        command -v "$tool" >/dev/null 2>&1 || skip "$tool is not installed"
        [ "$tool" != strace ] || export ASAN_OPTIONS=detect_leaks=0 # the leak sanitizer is itself a tracer
    done
}

# The summary without what differs from run to run.
summary() {
    jq -c 'del(.time)'
}

# --- the spool ---------------------------------------------------------------------------------------------------

# A spool of the test's own; what is left running when it ends is killed by its cookie.
spool_setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    PATH=$BIN:$PATH
    export SIM_SPOOL=$BATS_TEST_TMPDIR/spool
}

# Everything that was started with this test's spool, sim-run and its keepers among it, and what carries the cookie of one of its jobs.
spool_teardown() {
    local id p
    id=$(sqlite3 "$SIM_SPOOL/spool.db" "SELECT value FROM spool WHERE name='id'" 2>/dev/null) || id=none
    for _ in 1 2 3; do # what was being forked meanwhile
        { env -u SIM_SPOOL grep -lszE "^(SIM_COOKIE=$id-|SIM_SPOOL=$SIM_SPOOL(/|$))" /proc/[0-9]*/environ || true; } 2>/dev/null |
            while IFS=/ read -r _ _ p _; do [ "$p" = $$ ] || [ "$p" = "$BASHPID" ] || kill -KILL "$p" 2>/dev/null || true; done
    done
    return 0
}

# The processes that carry the cookie of a job.
members() { # JOB
    local id
    id=$(sqlite3 "$SIM_SPOOL/spool.db" "SELECT value FROM spool WHERE name='id'")
    { grep -lszE "^SIM_COOKIE=$id-$1-" /proc/[0-9]*/environ || true; } | cut -d/ -f3
}

# Commands that measure time, tried up to five times: a machine that is busy with other work may delay any of them, but a
# limit that does not hold is missed each time.
punctual() {
    local i
    for i in 1 2 3 4 5; do
        ! "$@" || return 0
        echo "try $i was late" >&2
    done
    return 1
}

# A job's process that no other test on this machine has: sleep SECONDS.THIS_TEST
nap() { # SECONDS
    echo "$1.$$"
}

naps() { # SECONDS: does it live?
    pgrep -f "^sleep $1[.]$$\$" >/dev/null
}

# Waits for a condition, with a limit: await SECONDS COMMAND...
await() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        if [ "$SECONDS" -ge "$end" ]; then
            echo "not so in time: $*" >&2
            sim-progress --all --tree --format table >&2 || true
            return 1
        fi
        sleep 0.02
    done
}

state() { # JOB
    sim-progress "$1" --format ndjson | jq -r .state
}

in_state() { # JOB STATE
    [ "$(state "$1")" = "$2" ]
}

field() { # JOB FIELD
    sim-progress "$1" --format ndjson | jq -r ".$2"
}

lock_pid() { # JOB keeper|stage [ATTEMPT]
    awk -v w="$2" '$1 == w {p = $2} END {print p}' "$SIM_SPOOL/jobs/$1/attempts/${3:-$(field "$1" attempt)}/lock"
}

has_begun() { # JOB: the stage of its first attempt
    grep -q '^stage' "$SIM_SPOOL/jobs/$1/attempts/1/lock"
}

start_runner() { # options; its pid in $runner
    sim-run "$@" >>run.out 2>&1 3>&- &
    runner=$!
}

submit() { # prints the id
    sim-submit --quiet "$@"
}

sql() {
    sqlite3 -cmd '.timeout 20000' "$SIM_SPOOL/spool.db" "$@"
}
