#!/usr/bin/env bats
# The GPU engine without a GPU: a driver and an NVRTC made for the test (tests/gpu/fake_cuda.c) compile the generated kernel with cc
# and run it on the CPU. What it computes must be what the CPU computes, and each thing that can go wrong must end as promised.
load helper

setup_file() {
    if command -v cc >/dev/null; then
        cc -std=gnu11 -O1 -fPIC -shared -I"${SIM_ROOT:-$PWD}" -o "$BATS_FILE_TMPDIR/fake.so" "${SIM_ROOT:-$PWD}/tests/gpu/fake_cuda.c" -lpthread -ldl
    fi
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    PATH=$BIN:$PATH
    [ -f "$BATS_FILE_TMPDIR/fake.so" ] || skip "no compiler"
    export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
    export SIM_CUDA_LIB=$BATS_FILE_TMPDIR/fake.so SIM_NVRTC_LIB=$BATS_FILE_TMPDIR/fake.so SIM_FAKE_DIR=$ROOT/tests/gpu
    unset SIM_FAKE
}

# Unaligned at both ends; enough for a device in --device auto only with --jit off and one thread.
RANGE=100..2000300
engine() {
    sim-engine "$DCF" --spec "$SPEC" --seed 7 -j 1 --jit off "$@"
}

total() {
    sim-aggregate --allow-gaps --format ndjson "$@" | summary
}

cpu() { # the CPU's result of a range, once for all tests
    [ -f "$BATS_FILE_TMPDIR/cpu.$1" ] || engine --device cpu --trials "$1" | total >"$BATS_FILE_TMPDIR/cpu.$1"
    cat "$BATS_FILE_TMPDIR/cpu.$1"
}

says() { # filter [file]: some record fits
    [[ "$(jq "$@" | sort -u)" == *true* ]]
}

gpu_trials() {
    jq 'select(.type == "finished") | [.shares[] | select(.device != "cpu").trials] | add // 0' "$@"
}

@test "the device gives the bits of the CPU" {
    for how in first sample all; do
        engine --device gpu --validate $how --trials $RANGE >out
        total <out | cmp - <(cpu $RANGE)
        [ "$(gpu_trials out)" -gt 1800000 ]
    done
}

@test "models with lookups, errors, functions, every kind of draw" {
    for f in "$ROOT"/examples/*.xlsx; do
        spec=()
        [ -f "${f%.xlsx}.json" ] && spec=(--spec "${f%.xlsx}.json")
        case $f in
        *options*) spec=(-t Summary!B1 -t Summary!B2) ;;
        *inventory*) spec=(-t Summary!B6 -t Summary!B17) ;;
        esac
        sim-engine "$f" "${spec[@]}" --seed 3 -n 140000 --device cpu >cpu.out
        sim-engine "$f" "${spec[@]}" --seed 3 -n 140000 --device gpu >gpu.out
        cmp <(total <cpu.out) <(total <gpu.out)
        [ "$(gpu_trials gpu.out)" -ge 4096 ] || says 'select(.type == "warning") | .message | contains("the CPU does the work")' gpu.out
    done
}

# The driver is still a stand-in, which says so when it is given real code: what is seen here is that NVRTC takes the whole kernel, in bounded time.
@test "NVRTC itself compiles the kernel of every example, for sm_80, sm_90 and sm_100" {
    unset SIM_NVRTC_LIB
    export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
    run sim-engine "$DCF" --spec "$SPEC" --seed 3 -n 140000 --device gpu
    [[ "$output" != *"no NVRTC"* ]] || skip "no NVRTC library here"
    for arch in 80 90 100; do
        for f in "$ROOT"/examples/*.xlsx; do
            spec=()
            [ -f "${f%.xlsx}.json" ] && spec=(--spec "${f%.xlsx}.json")
            case $f in
            *options*) spec=(-t Summary!B1 -t Summary!B2) ;;
            *inventory*) spec=(-t Summary!B6 -t Summary!B17) ;;
            esac
            run -69 env SIM_FAKE=arch=$arch sim-engine "$f" "${spec[@]}" --seed 3 -n 140000 --device gpu
            [[ "$output" == *"cannot load the compiled model: no kernel image"* ]]
        done
    done
    [ "$(find "$XDG_CACHE_HOME" -name '*.cubin' | wc -l)" -eq 18 ]
}

@test "devices are listed" {
    sim-engine --devices | says 'select(.device == "gpu:0") | .usable and .name == "Fake 0" and .architecture == "sm_90"'
    SIM_FAKE=olddriver sim-engine --devices | says 'select(.device == "gpu") | (.usable | not) and (.why | contains("CUDA 11.4"))'
    SIM_CUDA_LIB=/nonexistent.so sim-engine --devices | says 'select(.device == "gpu") | .why | contains("no NVIDIA driver")'
}

@test "no device, an old driver, no NVRTC, a failed compile, no memory: --device gpu fails and says why" {
    while IFS='|' read -r fault text; do
        SIM_FAKE=$fault XDG_CACHE_HOME=$PWD/none run --separate-stderr engine --device gpu --trials $RANGE
        [ "$status" = 69 ]
        says --arg t "$text" 'select(.type == "error") | .message | contains($t)' <<<"$output"
        says 'select(.type == "finished") | .outcome == "failed"' <<<"$output"
    done <<'T'
nodevice|finds no GPU
olddriver|12.0 or later is needed
nocompile|NVRTC does not compile the model
oom|out of memory
T
    SIM_NVRTC_LIB=/nonexistent.so run --separate-stderr engine --device gpu --trials $RANGE
    [ "$status" = 69 ]
    says 'select(.type == "error") | .message | contains("no NVRTC")' <<<"$output"
    run --separate-stderr engine --device gpu:3 --trials $RANGE
    [ "$status" = 69 ]
}

# For --device auto: whatever the speed of this machine, the run is long enough, and the CPU begins when the devices have opened.
export SIM_TEST_GPU_AUTO=1
BIG=100..8000300
@test "the same with --device auto: a warning, and the CPU's numbers" {
    for fault in nocompile oom; do
        SIM_FAKE=$fault XDG_CACHE_HOME=$PWD/none engine --device auto --trials $BIG >out
        says 'select(.type == "warning") | .message | contains("the CPU does the work")' out
        total <out | cmp - <(cpu $BIG)
    done
    for fault in nodevice olddriver; do # nothing to say: nobody asked for a device
        SIM_FAKE=$fault engine --device auto --trials $BIG >out
        total <out | cmp - <(cpu $BIG)
    done
}

@test "auto shares the work between CPU and devices, whoever is ready" {
    SIM_FAKE=gpus=2 engine --device auto --trials $BIG >out
    total <out | cmp - <(cpu $BIG)
    [ "$(gpu_trials out)" -gt 100000 ]
}

@test "a launch that fails in the middle: what was right is kept, the rest goes to the CPU" {
    for fault in launch=3 gone=3; do
        SIM_FAKE=$fault engine --device auto --trials $BIG >out
        says 'select(.type == "error") | .continues and (.message | contains("unspecified launch failure"))' out
        says 'select(.type == "finished") | .outcome == "completed"' out
        total <out | cmp - <(cpu $BIG)
        SIM_FAKE=$fault run --separate-stderr engine --device gpu --trials $RANGE
        [ "$status" = 69 ]
        says 'select(.type == "finished") | .outcome == "failed"' <<<"$output"
    done
}

@test "a wrong number is found, named and withdrawn" {
    for fault in wrong=1 wrong=2; do
        SIM_FAKE=$fault engine --device auto --trials $BIG >out
        says 'select(.type == "error") | .continues and .trial >= 0 and (.cell | length > 0) and (.message | contains(" instead of "))' out
        says 'select(.type == "warning") | .message | contains("all of it again")' out
        [ "$(gpu_trials out)" = 0 ]
        total <out | cmp - <(cpu $BIG)
    done
    SIM_FAKE=wrong=1 run --separate-stderr engine --device gpu --trials $RANGE
    [ "$status" = 70 ]
}

@test "wrong sums of right trials are found in the first launch, and in any with --validate all" {
    SIM_FAKE=sums=1 run --separate-stderr engine --device gpu --trials $RANGE
    [ "$status" = 70 ]
    says 'select(.type == "error") | .message | contains("sums of trials")' <<<"$output"
    SIM_FAKE=sums=5 run --separate-stderr engine --device gpu --validate all --trials $RANGE
    [ "$status" = 70 ]
}

@test "a hang ends at the deadline, and nothing of it counts" {
    export ASAN_OPTIONS=detect_leaks=0 # what a device that hangs may still write to is left to the end of the process
    SECONDS=0
    SIM_FAKE=hang=3 run --separate-stderr engine --device gpu --timeout 3s -n 1e9
    [ "$status" = 124 ]
    [ "$SECONDS" -lt 10 ]
    says 'select(.type == "finished") | .outcome == "deadline" and .trials < 1000000000' <<<"$output"
    says 'select(.type == "error") | .message | contains("did not end its work in time")' <<<"$output"
    SIM_FAKE=hang=1 run --separate-stderr engine --device auto --timeout 4s -n 1e12
    [ "$status" = 124 ]
    [ "$(gpu_trials <<<"$output")" = 0 ]
}

@test "a signal ends a run on the device within seconds" {
    sim-engine "$DCF" --spec "$SPEC" --seed 7 -n 1e12 --device gpu >out &
    pid=$!
    for _ in $(seq 100); do grep -q '"progress"' out && break; read -rt 0.1 <> <(:) || true; done
    SECONDS=0
    kill -TERM $pid
    wait $pid || true
    [ "$SECONDS" -le 3 ]
    says 'select(.type == "finished") | .outcome == "stopped" and .trials > 0' out
    total <out | says '.trials > 0'
}

@test "a model with formulas that run lane by lane stays on the CPU, and says so" {
    run --separate-stderr sim-engine "$DCF" --spec "$SPEC" --set 'Inputs!D50==LEN("x"&INT(B4))' -t 'Inputs!D50' -n 1000 --seed 1 --device gpu
    [ "$status" = 0 ]
    says 'select(.type == "warning") | .message | contains("lane by lane")' <<<"$output"
}
