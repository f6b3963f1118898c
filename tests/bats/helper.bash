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
