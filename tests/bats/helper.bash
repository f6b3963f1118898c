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

spool_teardown() {
    local id p
    id=$(sqlite3 "$SIM_SPOOL/spool.db" "SELECT value FROM spool WHERE name='id'" 2>/dev/null) || return 0
    pkill -KILL -f "^sim-run.*$SIM_SPOOL" 2>/dev/null
    { grep -lsz "^SIM_COOKIE=$id-" /proc/[0-9]*/environ || true; } 2>/dev/null |
        while IFS=/ read -r _ _ p _; do kill -KILL "$p" 2>/dev/null || true; done
    return 0
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

submit() { # prints the id
    sim-submit --quiet "$@"
}

sql() {
    sqlite3 -cmd '.timeout 20000' "$SIM_SPOOL/spool.db" "$@"
}
