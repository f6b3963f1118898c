#!/usr/bin/env bats
# sim-call against a server that misbehaves as asked (tests/tools/faultserver.py), started once for the file.
load helper

setup_file() {
    bats_require_minimum_version 1.5.0
    cd "$BATS_FILE_TMPDIR" || return 1
    command -v python3 >/dev/null && command -v openssl >/dev/null || return 0
    openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
        -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' 2>/dev/null
    python3 "${SIM_ROOT:-$BATS_TEST_DIRNAME/../..}/tests/tools/faultserver.py" ready log cert.pem key.pem >server.out 2>&1 3>&- &
    echo $! >server.pid
    for _ in $(seq 200); do
        [ ! -f ready ] || break
        sleep 0.05
    done
    ${CC:-gcc} -shared -fPIC -o fakedns.so "${SIM_ROOT:-$BATS_TEST_DIRNAME/../..}/tests/tools/fakedns.c" -ldl 2>/dev/null || true
}

teardown_file() {
    [ ! -f "$BATS_FILE_TMPDIR/server.pid" ] || kill "$(cat "$BATS_FILE_TMPDIR/server.pid")"
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    PATH=$BIN:$PATH
    unset http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY
    need jq python3 openssl
    F=$BATS_FILE_TMPDIR
    [ -f "$F/ready" ] || skip "the fault server did not start"
    H=http://127.0.0.1:$(jq .http "$F/ready")
    S=https://127.0.0.1:$(jq .https "$F/ready")
    FULL=http://127.0.0.1:$(jq .full "$F/ready")
    LOG=$F/log
    K=$BATS_TEST_NUMBER.$$
    EXTRA=0 # milliseconds that a program with sanitizers gets for starting and for being slow
    if ldd "$(command -v sim-call)" | grep -q libasan; then EXTRA=1500; fi
}

# Requests whose target contains $1, as the server saw them.
seen() {
    jq -c --arg t "$1" 'select((.target // "") | contains($t))' "$LOG"
}

results() {
    jq -c 'select(.type == "result")' "$@"
}

# What jq makes of it is something, and nothing of it is false or null. (jq 1.6 -e looks at the last input alone.)
yes() {
    local made
    made=$(jq "$@") && [ -n "$made" ] && ! grep -qxE 'false|null' <<<"$made"
}

# Results whose seconds exceed a limit, as text.
later_than() {
    jq -r --argjson s "$1" --argjson x "$EXTRA" 'select(.type == "result" and .seconds > $s + $x / 3000) | "\(.id) \(.seconds)"' out
}

preload() {
    [ -f "$F/fakedns.so" ] || skip "no compiler to make the stand-in for a name server"
    # The address sanitizer wants to be first; it is content to be told that it need not.
    export ASAN_OPTIONS=verify_asan_link_order=0
    LD_PRELOAD="$F/fakedns.so" "$@"
}

# --- answers ---------------------------------------------------------------------------------------------------------------

@test "a call: the line in, the result out" {
    run --separate-stderr -0 sim-call <<<'{"id":"a","url":"'"$H"'/ok?id=7"}'
    [ -z "$stderr" ]
    yes -s '[.[].type] == ["started","result","progress","counters","finished"]' <<<"$output"
    results <<<"$output" | yes '.id == "a" and .ok and .http_status == 200 and .attempts == 1 and (.body | fromjson.id) == "7"'
}

@test "381 bytes of JSON are an answer" {
    run --separate-stderr -0 sim-call --results-only <<<'{"url":"'"$H"'/small","expect":{"json":true}}'
    yes '.ok and .bytes == 381 and .json.id == 1' <<<"$output"
}

@test "an empty body is an answer" {
    run --separate-stderr -0 sim-call --results-only <<<'{"url":"'"$H"'/size?n=0"}'
    yes '.ok and .bytes == 0 and .body == ""' <<<"$output"
}

@test "every line is a record as sim-records(5) has it" {
    { echo '{"url":"'"$H"'/binary"}'; echo '{"url":"'"$H"'/status/404"}'; echo nonsense; echo '{"url":"'"$H"'/flaky?key='"$K"'"}'; } | sim-call >out || true
    [ "$(wc -l <out)" -gt 8 ]
    run -1 sim-aggregate <out # 65 is for what is no record; this is "an engine failed"
}

@test "binary bodies are base64, text is text, JSON is JSON with its digits" {
    printf '%s\n' '{"id":"b","url":"'"$H"'/binary"}' \
        '{"id":"t","url":"'"$H"'/text?body=%C3%A4%E2%82%AC"}' \
        '{"id":"j","url":"'"$H"'/text?body=%5B1.10%2C%20%22a%20b%22%5D","expect":{"json":true}}' | sim-call --results-only >out
    jq -r 'select(.id == "b").body_base64' out | base64 -d | cmp - <(python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(256)))')
    [ "$(jq -r 'select(.id == "t").body' out)" = 'ä€' ]
    grep -F '"json":[1.10,"a b"]' out
}

@test "a compressed answer arrives unpacked" {
    for coding in gzip deflate raw members identity; do
        sim-call --results-only <<<'{"url":"'"$H"'/zipped?coding='"$coding"'","expect":{"path":".zipped"}}' | yes '.ok and .json.zipped and .bytes == 16'
    done
}

@test "a compressed answer that is cut short or damaged is none" {
    for q in cut=1 cut=9 cut=20 more=1 'coding=deflate&cut=1' 'coding=raw&cut=1' 'coding=members&cut=3' coding=br 'coding=gzip,%20gzip'; do
        run --separate-stderr -1 sim-call --results-only --retries 0 <<<'{"url":"'"$H"'/zipped?'"$q"'"}'
        yes '.class == "broken"' <<<"$output" || { echo "$q: $output"; return 1; }
    done
    run --separate-stderr -1 sim-call --retries 1 --backoff 1ms <<<'{"url":"'"$H"'/zipped?cut=1"}'
    yes -s 'map(select(.type == "retry")) | length == 1 and .[0].reason == "the compressed body is cut short"' <<<"$output"
}

@test "method, headers and body go out as given" {
    sim-call --results-only <<<'{"url":"'"$H"'/echo","method":"PUT","headers":{"X-One":"1 2","X-Empty":""},"body":{"b":[1,"ü"]},"expect":{"json":true}}' |
        yes '.json | .method == "PUT" and .headers["x-one"] == "1 2" and .headers["x-empty"] == "" and .headers["content-type"] == "application/json" and .body == "{\"b\":[1,\"ü\"]}"'
}

@test "what has no body has no type of one" {
    for m in POST PUT PATCH DELETE; do
        sim-call --results-only <<<'{"url":"'"$H"'/echo","method":"'$m'","expect":{"json":true}}' | yes '.json.headers | has("content-type") | not'
    done
}

@test "a body from a file" {
    head -c 3000000 /dev/zero | tr '\0' 'f' >body
    sim-call --results-only <<<'{"url":"'"$H"'/echo?key='"$K"'","body_file":"body","expect":{"path":".method"},"output":"answer"}' | yes '.ok and .path == "answer"'
    [ "$(jq -r .method answer)" = POST ]
    [ "$(seen "/echo?key=$K" | jq .nbody)" -eq 3000000 ]
    run --separate-stderr -1 sim-call --results-only <<<'{"url":"'"$H"'/echo","body_file":"nosuch"}'
    yes '.class == "local" and (.reason | contains("nosuch"))' <<<"$output"
}

@test "meta comes back with the result" {
    sim-call --results-only <<<'{"url":"'"$H"'/ok","meta":{"row":[7]}}' | yes '.meta.row[0] == 7'
}

@test "a request without an id is named by its line" {
    printf '%s\n' '' '{"url":"'"$H"'/ok"}' | sim-call --results-only | yes '.id == "2"'
}

# --- what success is ----------------------------------------------------------------------------------------------------------

@test "success as the caller states it" {
    n=0
    while read -r want path expect; do
        n=$((n + 1))
        if [[ "$path" == /text?body=* ]]; then path=/text?body=$(jq -rn --arg b "${path#*=}" '$b | @uri'); fi
        got=$(sim-call --results-only --retries 0 <<<'{"url":"'"$H$path"'","expect":'"$expect"'}' 2>/dev/null | jq .ok) || true
        [ "$got" = "$want" ] || { echo "$path $expect: $got"; return 1; }
    done <<'END'
true /status/404 {"status":404}
true /status/404 {"status":[200,"4xx"]}
false /status/200 {"status":[201,204]}
false /status/404 {}
true /ok {"content_type":"application/json"}
true /ok {"content_type":["text/*","application/*"]}
false /text {"content_type":"application/json"}
true /text?type=text/plain%3Bcharset=utf-8 {"content_type":"TEXT/plain"}
false /text {"json":true}
true /text?body=7 {"json":true}
true /text?body=[123456789012345678901234567890] {"json":true}
true /text?body={"a":1,"a":2} {"json":true}
false /text?body={"a":1}x {"json":true}
false /size?n=0 {"json":true}
true /text?body={"a":[{"b":0}]} {"path":".a[0].b"}
true /text?body={"a":[{"b":0}]} {"path":".a[-1][\"b\"]"}
true /text?body={"a":[{},{"b":false}]} {"path":".a[].b"}
false /text?body={"a":[{},{"b":null}]} {"path":".a[].b"}
false /text?body={"a":[{"b":0}]} {"path":[".a",".a[1]"]}
false /text?body={"a":[{"b":0}]} {"path":".a.b"}
true /text?body={"a":{"x":{},"y":{"b":1}}} {"path":".a[].b"}
false /text?body={"a":{"x":{},"y":{"b":null}}} {"path":".a[].b"}
true /text?body={"a":1,"b":[{"c":"x"}]} {"schema":{"type":"object","required":["a","b"],"properties":{"b":{"type":"array","items":{"required":["c"],"properties":{"c":{"type":"string"}}}}}}}
false /text?body={"a":1,"b":[{"d":"x"}]} {"schema":{"required":["a","b"],"properties":{"b":{"items":{"required":["c"]}}}}}
false /text?body={"a":1} {"schema":{"required":["a","b"]}}
false /text?body=[1,2.5] {"schema":{"items":{"type":"integer"}}}
true /text?body=[1,2.0] {"schema":{"items":{"type":"integer"}}}
true /text?body=[1,2.5,null] {"schema":{"items":{"type":["number","null"]}}}
false /text?body="c" {"schema":{"enum":["a","b"]}}
END
    [ "$n" -eq 29 ]
}

@test "what is expected and not understood is refused before anything is sent" {
    for expect in '{"statuss":200}' '{"status":[]}' '{"status":"ok"}' '{"status":99}' '{"path":"a"}' '{"path":".a[x]"}' '{"path":".a b"}' '{"path":"."}x' \
        '{"schema":{"minLength":3}}' '{"schema":{"type":"text"}}' '{"json":"yes"}' '[]'; do
        run --separate-stderr -1 sim-call --results-only <<<'{"url":"'"$H"'/ok?key='"$K"'","expect":'"$expect"'}'
        yes '.class == "request"' <<<"$output"
    done
    [ -z "$(seen "$K")" ]
}

@test "an invalid answer is a failed attempt with its reason and the head of its body" {
    sim-call --backoff 1ms <<<'{"url":"'"$H"'/invalid-once?key='"$K"'","expect":{"path":".a.b[0].c"}}' >out
    yes 'select(.type == "retry") | .class == "invalid" and (.reason | contains("no JSON")) and .head == "<html>busy</html>"' out
    results out | yes '.ok and .attempts == 2'
}

# --- one deadline ----------------------------------------------------------------------------------------------------------------

faults() {
    for f in /hang /hang-headers /hang-body /drip /drip-headers /reset /reset-body /close /truncated /bad-length /two-lengths /chunk-size \
        /chunk-cut /chunk-no-end /garbage /headers-without-end /gzip-bomb /big '/redirect?loop=1' '/status/503' \
        '/flaky?n=999&status=429&key=d1&after=3600' '/flaky?n=999&key=d2&after=date%2B3600' '/flaky?n=999&key=d3&after=soon' \
        '/flaky?n=999&key=d4&after=99999999999999999999' '/flaky?n=999&key=d5&after=-5' '/flaky?n=999&key=d6&after=Fri,%2001%20Jan%202049%2000:00:00%20GMT'; do
        jq -nc --arg id "$f" --arg url "$H$f" '{$id, $url, redirects: (if ($id | startswith("/redirect")) then 5 else 0 end)}'
    done
    echo '{"id":"full","url":"'"$FULL"'/"}'
    echo '{"id":"refused","url":"http://127.0.0.1:9/"}'
}

faults_in_time() {
    local start wall
    start=$(date +%s%N)
    sim-call --deadline 1500ms --max-body 20M --inline 1M --retry-budget unlimited <in >out 2>err
    wall=$(($(date +%s%N) - start))
    [ -z "$(later_than 1.6)" ] && [ "$wall" -lt $(((1700 + EXTRA) * 1000000)) ] # starting the program included
}

@test "every fault ends within its deadline and 100 ms, as a failure" {
    faults >in
    punctual faults_in_time
    [ "$(results out | wc -l)" -eq "$(wc -l <in)" ]
    results out | yes -s 'map(select(.ok)) == []'
}

fault_in_time() {
    local start wall
    start=$(date +%s%N)
    sim-call --deadline 600ms --backoff 300ms,300ms --max-body 20M --inline 1M --retries 1000 --retry-budget unlimited --results-only <one >out 2>err
    wall=$(($(date +%s%N) - start))
    [ -z "$(later_than 0.7)" ] && [ "$wall" -lt $(((800 + EXTRA) * 1000000)) ] && yes '.ok == false' out
}

@test "every fault alone, with retries that fill the time" {
    faults >in
    while read -r line; do
        echo "$line" >one
        punctual fault_in_time || { cat out; return 1; }
    done <in
}

dead_in_time() {
    local start wall
    start=$(date +%s%N)
    rm -f asked
    FAKEDNS_LOG=$PWD/asked preload sim-call -d 1s <in >out 2>err
    wall=$(($(date +%s%N) - start))
    [ -z "$(later_than 1.1)" ] && [ "$wall" -lt $(((1300 + EXTRA) * 1000000)) ]
}

@test "a name server that never answers does not hold a call" {
    for i in 1 2 3 4 5 6 7 8; do echo '{"url":"http://a.dead.test/'$i'"}'; done >in
    punctual dead_in_time
    [ "$(results out | jq -s 'length')" -eq 8 ]
    results out | yes -s 'all(.class == "deadline" and (.reason | contains("looking up the name")))'
    [ "$(wc -c <asked)" -le 2 ] # one of the eight asks for all of them
}

resolver_in_time() {
    local start wall
    start=$(date +%s%N)
    unshare -rnm sh inside
    [ $? -ne 77 ] || { touch cannot; return 0; }
    wall=$(($(date +%s%N) - start))
    [ -z "$(later_than 1.6)" ] && [ "$wall" -lt $(((2400 + EXTRA) * 1000000)) ]
}

@test "a dead name server, the system's own resolver" {
    command -v unshare >/dev/null && unshare -rnm true 2>/dev/null || skip "no network namespaces here"
    cat >inside <<'END'
ip link set lo up 2>/dev/null || ifconfig lo up 2>/dev/null
echo 'nameserver 127.0.0.1' >resolv
mount --bind resolv /etc/resolv.conf || exit 77
python3 -c '
import socket, sys, subprocess
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 53))
sys.exit(subprocess.call(["sim-call", "-d", "1500ms"], stdin=open("in"), stdout=open("out", "w")))'
END
    echo '{"url":"http://nobody.example/"}' >in
    punctual resolver_in_time
    [ ! -f cannot ] || skip "resolv.conf cannot be replaced here"
    results out | yes '.class == "deadline"'
}

@test "names are asked once, and all calls go on when the answer comes" {
    for i in $(seq 40); do echo '{"url":"http://h.private.test:'"${H##*:}"'/ok?id='$i'"}'; done >in
    FAKEDNS_LOG=$PWD/asked preload sim-call --results-only <in >out
    [ "$(jq -s 'map(select(.ok)) | length' out)" -eq 40 ]
    [ "$(wc -c <asked)" -le 4 ] # libcurl's cache holds it from then on
}

@test "a name that does not exist fails all that wait for it" {
    for i in 1 2 3; do echo '{"url":"http://gone.test/'$i'"}'; done >in
    preload sim-call --retries 1 --backoff 1ms <in >out 2>err || true
    results out | yes -s 'length == 3 and all(.class == "resolve" and .attempts == 2)'
}

@test "the deadline holds through Retry-After, and a last attempt fits" {
    sim-call -d 1s --results-only <<<'{"url":"'"$H"'/flaky?n=1&key='"$K"'&after=3600"}' >out
    yes '.ok and .attempts == 2 and .seconds < 1.5 and .seconds > 0.5' out
}

@test "Retry-After: seconds, dates, nonsense" {
    while read -r after least most; do
        sim-call -d 4s --backoff 10ms,10ms <<<'{"url":"'"$H"'/flaky?n=1&key='"$K.$after"'&after='"$after"'"}' >out
        yes --argjson least "$least" --argjson most "$most" 'select(.type == "retry") | .wait >= $least and .wait <= $most' out || { cat out; return 1; }
        results out | yes .ok
    done <<'END'
1 1 1.1
0 0 0.01
date%2B2 0.9 2.1
date%2B-100 0 0.01
soon 0 0.01
-5 0 0.01
1.5 0 0.01
%20 0 0.01
Sunday,%2006-Nov-94%2008:49:37%20GMT 0 0.01
99999999999999999999 1 3.9
END
}

# --- retries ---------------------------------------------------------------------------------------------------------------------

@test "each retry is an event with reason and wait" {
    sim-call --backoff 20ms <<<'{"id":"r","url":"'"$H"'/flaky?n=2&key='"$K"'"}' >out
    yes -s 'map(select(.type == "retry")) | length == 2 and .[0].try == 1 and .[1].try == 2 and all(.id == "r" and .reason == "status 503" and .wait <= 0.04 and .http_status == 503)' out
    yes -s 'map(select(.type == "counters"))[-1] | .retries == 2 and .ok == 1 and .failed == 0 and .in_flight == 0' out
}

@test "statuses that are not worth it are not retried" {
    for s in 400 401 404 501; do
        run --separate-stderr -1 sim-call --results-only --backoff 1ms <<<'{"url":"'"$H"'/status/'$s'"}'
        yes '.attempts == 1 and .class == "status"' <<<"$output"
    done
    run --separate-stderr -1 sim-call --results-only --backoff 1ms --retry-status 404 --retries 2 <<<'{"url":"'"$H"'/status/404"}'
    yes '.attempts == 3' <<<"$output"
}

@test "a request that may not be repeated is sent once" {
    for f in /status/503 /reset /close /truncated /hang /chunk-cut '/flaky?n=1&after=0'; do
        run --separate-stderr -1 sim-call --results-only -d 500ms --attempt-timeout 200ms --backoff 1ms <<<'{"url":"'"$H$f"'","method":"POST","headers":{"X-Test":"'"$K"'"}, "body":"pay"}'
        yes '.attempts == 1' <<<"$output"
    done
    [ "$(grep -c "\"x-test\": \"$K\"" "$LOG")" -eq 7 ]
    run --separate-stderr -1 sim-call --results-only --backoff 1ms <<<'{"url":"'"$H"'/status/503","method":"PATCH"}'
    yes '.attempts == 1 and (.reason | contains("idempotency key"))' <<<"$output"
}

@test "with an idempotency key it is repeated, and the key is sent each time" {
    sim-call --results-only --backoff 1ms <<<'{"url":"'"$H"'/flaky?n=2&key='"$K"'","method":"POST","body":"pay","idempotency_key":"key-'"$K"'"}' | yes '.ok and .attempts == 3'
    [ "$(seen "$K" | jq -s --arg k "key-$K" 'map(select(.headers["idempotency-key"] == $k)) | length')" -eq 3 ]
}

@test "a request that cannot have left may be tried again" {
    run --separate-stderr -1 sim-call --results-only --backoff 1ms --retries 2 <<<'{"url":"http://127.0.0.1:9/","method":"POST","body":"x"}'
    yes '.attempts == 3 and .class == "connect"' <<<"$output"
}

@test "libcurl's own repetition on a closed connection is stopped" {
    printf '%s\n' '{"id":"1","url":"'"$H"'/stale?key='"$K"'"}' '{"id":"2","url":"'"$H"'/stale?key='"$K"'","method":"POST","body":"pay"}' |
        sim-call -j 1 --results-only >out || true
    yes 'select(.id == "1").ok' out
    yes 'select(.id == "2") | .ok == false and .class == "closed" and .attempts == 1' out
    [ "$(seen "$K" | jq -s 'map(select(.method == "POST")) | length')" -eq 1 ]
}

@test "a read on a closed connection is retried at once, and the retry is seen" {
    printf '%s\n' '{"id":"1","url":"'"$H"'/stale?key='"$K"'"}' '{"id":"2","url":"'"$H"'/stale?key='"$K"'"}' | sim-call -j 1 >out
    results out | yes -s 'all(.ok)'
    yes 'select(.type == "retry") | .id == "2" and .class == "closed" and .wait == 0' out
}

@test "the batch's budget keeps a broken service from being hammered" {
    for i in $(seq 100); do echo '{"url":"'"$H"'/status/503?key='"$K"'"}'; done >in
    run --separate-stderr -1 sim-call --backoff 1ms,1ms <in
    sent=$(seen "$K" | wc -l)
    [ "$sent" -ge 110 ]
    [ "$sent" -le 130 ]
    grep -q 'budget for retries is spent' <<<"$output"
}

@test "last_error is cleared by the next success" {
    { echo '{"url":"'"$H"'/status/404"}'; echo '{"url":"'"$H"'/ok"}'; } >in
    sim-call -j 1 --min-ok 1 <in >out
    yes -s 'map(select(.type == "counters"))[-1] | .failed == 1 and .ok == 1 and .last_error == null' out
    { echo '{"url":"'"$H"'/ok"}'; echo '{"url":"'"$H"'/status/404"}'; } >in
    sim-call -j 1 --min-ok 1 <in >out
    yes -s 'map(select(.type == "counters"))[-1].last_error | contains("status 404")' out
}

# --- order and limits -----------------------------------------------------------------------------------------------------------------

@test "results in completion order, or in that of the input" {
    for s in 0.5 0.1 0.3; do echo '{"id":"'$s'","url":"'"$H"'/slow?s='$s'"}'; done >in
    [ "$(sim-call --results-only <in | jq -r .id | paste -sd ' ')" = '0.1 0.3 0.5' ]
    [ "$(sim-call --results-only --order input <in | jq -r .id | paste -sd ' ')" = '0.5 0.1 0.3' ]
}

@test "a thousand calls in input order" {
    for i in $(seq 1000); do echo '{"id":"'$i'","url":"'"$H"'/ok?id='$i'"}'; done >in
    sim-call --results-only --order input -j 50 <in >out
    jq -r .id out | cmp - <(seq 1000)
    jq -r '.body | fromjson.id' out | cmp - <(seq 1000)
}

@test "no more at once than -j, and than --per-host" {
    for i in $(seq 30); do echo '{"url":"'"$H"'/slow?s=0.05&key='"$K"'","expect":{"json":true}}'; done >in
    [ "$(sim-call --results-only -j 7 <in | jq -s 'map(.json.together) | max')" -eq 7 ]
    [ "$(sim-call --results-only -j 20 --per-host 3 <in | jq -s 'map(.json.together) | max')" -eq 3 ]
}

@test "one host's limit does not hold another host" {
    { for i in $(seq 6); do echo '{"id":"s'$i'","url":"'"$H"'/slow?s=0.3"}'; done; echo '{"id":"other","url":"http://localhost:'"${H##*:}"'/ok"}'; } >in
    [ "$(sim-call --results-only --per-host 1 <in | jq -r .id | head -1)" = other ]
}

@test "attempts begun a second" {
    for i in $(seq 21); do echo '{"url":"'"$H"'/ok"}'; done >in
    start=$(date +%s%N)
    sim-call --rate 40/s <in >out
    [ $(($(date +%s%N) - start)) -ge 480000000 ]
    start=$(date +%s%N)
    sim-call --host-rate 2400/min <in >out
    [ $(($(date +%s%N) - start)) -ge 480000000 ]
}

@test "requests from a pipe are made as they come" {
    mkfifo pipe
    sim-call --results-only <pipe >out &
    exec 8>pipe
    echo '{"id":"first","url":"'"$H"'/ok"}' >&8
    for _ in $(seq 100); do
        [ ! -s out ] || break
        sleep 0.05
    done
    grep -q '"id":"first"' out # while more may come
    echo '{"id":"second","url":"'"$H"'/ok"}' >&8
    exec 8>&-
    wait $!
    [ "$(wc -l <out)" -eq 2 ]
}

@test "waiting for an answer takes no processor time, when the input has ended too" {
    cat >wait.py <<'END'
import resource, subprocess, sys
done = subprocess.run(["sim-call", "--results-only"], input=sys.argv[1].encode(), stdout=subprocess.PIPE, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime)
END
    used=$(python3 wait.py '{"url":"'"$H"'/slow?s=3"}')
    awk -v used="$used" -v extra="$EXTRA" 'BEGIN { print used; exit !(used < 0.15 + extra / 1000) }'
}

@test "progress counts finished calls" {
    for i in $(seq 20); do echo '{"url":"'"$H"'/slow?s=0.1"}'; done >in
    sim-call -j 4 --interval 50ms <in >out
    yes -s 'map(select(.type == "progress")) | (length > 3) and (map(.done) | . == sort) and all(.total == 20) and .[-1].done == 20' out
}

# --- bodies -------------------------------------------------------------------------------------------------------------------------------

@test "large bodies go to files, small ones into the line" {
    mkdir bodies
    printf '%s\n' '{"id":"big/../one","url":"'"$H"'/size?n=500000"}' '{"id":"small","url":"'"$H"'/size?n=100"}' | sim-call --results-only --inline 1K --body-dir bodies >out
    path=$(jq -r 'select(.id == "big/../one").path' out)
    [ "$(wc -c <"$path")" -eq 500000 ]
    [[ "$path" == bodies/* && "$path" != *..* ]]
    yes 'select(.id == "small") | .path == null and (.body | length) == 100' out
    [ "$(ls bodies | wc -l)" -eq 1 ]
}

@test "no folder for bodies: a large one fails and says so" {
    run --separate-stderr -1 sim-call --results-only --inline 1K <<<'{"url":"'"$H"'/size?n=5000"}'
    yes '.class == "too_large" and (.reason | contains("folder")) and .attempts == 1' <<<"$output"
}

@test "a failed transfer leaves no file" {
    mkdir bodies
    run --separate-stderr -1 sim-call --results-only --inline 10 --body-dir bodies --retries 0 <<<'{"url":"'"$H"'/reset-body"}'
    [ -z "$(ls -A bodies)" ]
}

@test "JSON is checked in a file too" {
    mkdir bodies
    sim-call --results-only --inline 10 --body-dir bodies <<<'{"url":"'"$H"'/small","expect":{"path":".text"}}' | yes '.ok and .path'
    run --separate-stderr -1 sim-call --results-only --inline 10 --body-dir bodies --retries 0 <<<'{"url":"'"$H"'/small","expect":{"path":".nothing"}}'
    [ "$(ls bodies | wc -l)" -eq 1 ]
}

@test "the largest body allowed: announced, chunked, unpacked" {
    for f in '/big?length=1' /big /gzip-bomb; do
        start=$(date +%s%N)
        run --separate-stderr -1 sim-call --results-only --no-body --max-body 50M <<<'{"url":"'"$H$f"'"}'
        yes '.class == "too_large" and .attempts == 1' <<<"$output"
        [ $(($(date +%s%N) - start)) -lt 20000000000 ]
    done
}

@test "a body of 4 GiB, counted" {
    sim-call --results-only --no-body --max-body 5G <<<'{"url":"'"$H"'/big?length=1"}' | yes '.ok and .bytes == 4294967296 and .body == null'
}

@test "memory does not grow with the body" {
    command -v prlimit >/dev/null || skip "no prlimit"
    if ldd "$(command -v sim-call)" | grep -q libasan; then skip "sanitizers need the address space"; fi
    prlimit --as=400000000 sim-call --results-only --no-body --max-body 2G <<<'{"url":"'"$H"'/big?n=1000000000"}' | yes '.ok and .bytes == 1000000000'
}

@test "a body whose end nobody announced is marked" {
    sim-call --results-only <<<'{"url":"'"$H"'/truncated-close?whole=1"}' | yes '.ok and .framed == false'
    run --separate-stderr -1 sim-call --results-only --retries 0 <<<'{"url":"'"$H"'/truncated-close?http=1.1","expect":{"json":true}}'
    yes '.class == "invalid"' <<<"$output"
    sim-call --results-only <<<'{"url":"'"$H"'/ok"}' | yes '.framed == null'
}

@test "a full disk fails the call, not the batch" {
    [ -w /dev/full ] || skip "no /dev/full"
    mkdir bodies
    command -v prlimit >/dev/null || skip "no prlimit"
    printf '%s\n' '{"id":"big","url":"'"$H"'/size?n=5000000"}' '{"id":"small","url":"'"$H"'/ok"}' |
        prlimit --fsize=1000000 sim-call --results-only --inline 10K --body-dir bodies --min-ok 1 >out
    yes 'select(.id == "big") | .class == "local" and (.reason | contains("cannot write"))' out
    yes 'select(.id == "small").ok' out
    [ -z "$(ls -A bodies)" ]
}

# --- redirects, TLS, HTTP/2 --------------------------------------------------------------------------------------------------------------------

@test "redirects are off unless asked, and counted" {
    run --separate-stderr -1 sim-call --results-only <<<'{"url":"'"$H"'/redirect?n=2"}'
    yes '.http_status == 302 and .class == "status"' <<<"$output"
    sim-call --results-only <<<'{"url":"'"$H"'/redirect?n=2","redirects":2}' | yes '.ok and .http_status == 200'
    run --separate-stderr -1 sim-call --results-only <<<'{"url":"'"$H"'/redirect?n=3","redirects":2}'
    yes '.class == "redirect" and .attempts == 1' <<<"$output"
    run --separate-stderr -1 sim-call --results-only --redirects 9 <<<'{"url":"'"$H"'/redirect?loop=1"}'
    yes '.class == "redirect"' <<<"$output"
}

@test "no redirect to another scheme, none from https to http" {
    echo secret >file
    for to in "file://$PWD/file" ftp://127.0.0.1/x gopher://127.0.0.1/ "//user:pw@127.0.0.1/"; do
        run --separate-stderr -1 sim-call --results-only --redirects 3 <<<'{"url":"'"$H"'/redirect?to='"$to"'"}'
        yes '.class == "redirect" and .body == null' <<<"$output"
    done
    run --separate-stderr -1 sim-call --results-only --redirects 3 --cacert "$F/cert.pem" <<<'{"url":"'"$S"'/redirect?to='"$H"'/ok"}'
    yes '.class == "redirect"' <<<"$output"
    sim-call --results-only --redirects 3 --cacert "$F/cert.pem" <<<'{"url":"'"$H"'/redirect?to='"$S"'/ok"}' | yes .ok
}

@test "a POST becomes a GET where browsers make it one, and keeps its body with 307" {
    sim-call --results-only --redirects 1 <<<'{"url":"'"$H"'/redirect?status=302","body":"x","expect":{"json":true}}' | yes '.json | .method == "GET" and .body == "" and .headers["content-type"] == null'
    sim-call --results-only --redirects 1 <<<'{"url":"'"$H"'/redirect?status=307","body":"x","expect":{"json":true}}' | yes '.json | .method == "POST" and .body == "x"'
}

@test "certificates are checked" {
    run --separate-stderr -1 sim-call --results-only <<<'{"url":"'"$S"'/ok"}'
    yes '.class == "verify" and .attempts == 1' <<<"$output"
    sim-call --results-only --cacert "$F/cert.pem" <<<'{"url":"'"$S"'/ok"}' | yes .ok
}

http2() {
    ldconfig -p | grep -q nghttp2 || skip "libcurl without HTTP/2"
}

@test "HTTP/2 by ALPN, many streams on one connection" {
    http2
    for i in $(seq 40); do echo '{"url":"https://127.0.0.1:'"$(jq .h2s "$F/ready")"'/x","expect":{"path":".h2"}}'; done >in
    sim-call --cacert "$F/cert.pem" --results-only --backoff 10ms <in >out
    yes -s 'length == 40 and all(.ok and .http == 2)' out
    yes -s 'map(.json.h2) | max > 20' out # numbers of streams on a connection
}

@test "HTTP/2 GOAWAY in the middle: what was refused is tried again" {
    http2
    for i in $(seq 20); do echo '{"id":"'$i'","url":"https://127.0.0.1:'"$(jq .h2rude "$F/ready")"'/x","expect":{"path":".h2"}}'; done >in
    sim-call --cacert "$F/cert.pem" -j 10 -d 10s --backoff 20ms --retry-budget unlimited <in >out
    results out | yes -s 'length == 20 and all(.ok and .http == 2 and .seconds < 10.1)'
    grep -q '"rude": true' "$LOG"
}

@test "HTTP/2 GOAWAY: a request that may not be repeated is not" {
    http2
    for i in $(seq 6); do echo '{"id":"'$i'","url":"https://127.0.0.1:'"$(jq .h2rude "$F/ready")"'/x","method":"POST","body":"x"}'; done >in
    sim-call --cacert "$F/cert.pem" -j 6 -d 5s --backoff 20ms --min-ok 0 <in >out
    results out | yes -s 'length == 6 and all(.attempts == 1)'
}

@test "HTTP/2 without TLS" {
    http2
    for i in $(seq 20); do echo '{"url":"http://127.0.0.1:'"$(jq .h2 "$F/ready")"'/x"}'; done | sim-call --http 2 --results-only >out
    yes -s 'length == 20 and all(.ok and .http == 2 and .attempts == 1)' out
}

@test "connections are reused" {
    for i in $(seq 30); do echo '{"url":"'"$H"'/ok?reuse='"$K"'"}'; done | sim-call -j 2 >out
    [ "$(seen "reuse=$K" | jq .peer | sort -u | wc -l)" -le 2 ]
}

# --- safety -------------------------------------------------------------------------------------------------------------------------------------

@test "only http and https, no user in the URL, no blanks" {
    for url in file:///etc/passwd ftp://127.0.0.1/ gopher://127.0.0.1/ dict://127.0.0.1/ http://u:p@127.0.0.1/ 'http://127.0.0.1/a b' 'http://127.0.0.1/a\r\nX: y' http:// notaurl:x ''; do
        run --separate-stderr -1 sim-call --results-only <<<'{"url":"'"$url"'"}'
        yes '.class == "request"' <<<"$output"
    done
}

@test "header injection is refused wherever it comes from" {
    export EVIL=$'a\r\nX-Evil: 1'
    printf 'a\nX-Evil: 1' >evil
    for part in '"headers":{"X-A":"a\r\nX-Evil: 1"}' '"headers":{"X-A":"a\u0000b"}' '"headers":{"X-A\r\nX-Evil":"1"}' '"headers":{"X A":"1"}' '"headers":{"":"1"}' \
        '"method":"GET / HTTP/1.1\r\nX-Evil: 1"' '"method":"CONNECT"' '"idempotency_key":"a\r\nX-Evil: 1","method":"POST"' \
        '"headers":{"X-A":{"env":"EVIL"}}' '"headers":{"X-A":{"file":"evil"}}' \
        '"headers":{"X-A":{"env":"PATH","prefix":"a\r\nX-Evil: 1"}}' '"headers":{"Content-Length":"3"}' '"headers":{"Transfer-Encoding":"chunked"}'; do
        run --separate-stderr -1 sim-call --results-only <<<'{"url":"'"$H"'/echo?key='"$K"'",'"$part"'}'
        yes '.class == "request"' <<<"$output" || { echo "$part"; return 1; }
    done
    [ -z "$(seen "$K")" ]
}

@test "secrets come by reference and show nowhere" {
    export TOKEN=s3cr3t-value-123
    printf 'file-secret-456\n' >secret
    sim-call --state state --body-dir . <<<'{"url":"'"$H"'/echo?key='"$K"'","header":{"Authorization":{"env":"TOKEN","prefix":"Bearer "},"X-Key":{"file":"secret"}},"expect":{"path":".headers"}}' >out 2>err
    seen "$K" | yes '.headers.authorization == "Bearer s3cr3t-value-123" and .headers["x-key"] == "file-secret-456"'
    results out | yes '.ok and .redacted and .json.headers["x-key"] == "[secret]"'
    run ! grep -E 's3cr3t-value-123|file-secret-456' out err state
    # nor where the answer is not as expected, and its head is shown
    run --separate-stderr -1 sim-call --backoff 1ms <<<'{"url":"'"$H"'/echo?fill='"$(printf 'x%.0s' $(seq 20))"'","headers":{"Authorization":{"env":"TOKEN"}},"expect":{"path":".nothing"}}'
    [[ "$output" == *'[secret]'* || "$output" == *'"head"'* ]]
    [[ "$output" != *s3cr3t* ]]
}

@test "a secret is found whole, and as JSON or a URL writes it" {
    export TOKEN='a/b "c\d"+ü-456'
    printf 'three word secret\n' >secret
    for h in '{"env":"TOKEN","prefix":"Bearer "}' '{"env":"TOKEN"}' '{"file":"secret","prefix":"Token token="}'; do
        for e in '{"json":true}' '{}'; do
            run --separate-stderr -0 sim-call --results-only <<<'{"url":"'"$H"'/echo","headers":{"X":'"$h"'},"expect":'"$e"'}'
            yes '.redacted and ((.json // (.body | fromjson)).headers.x == "[secret]")' <<<"$output" || { echo "$output"; return 1; }
        done
    done
    for as in 'a%5C/b%20%5C%22c%5C%5Cd%5C%22%2B%5Cu00fc-456' 'a%5Cu002Fb%20%5Cu0022c%5Cu005Cd%5C%22%2B%C3%BC-456' 'a%252Fb%2520%2522c%255cd%2522%252B%25C3%25BC-456'; do
        run --separate-stderr -1 sim-call --retries 0 <<<'{"url":"'"$H"'/text?body=x'"$as"'y","headers":{"X":{"env":"TOKEN","prefix":"Bearer "}},"expect":{"status":404}}'
        yes 'select(.type == "error") | .head == "x[secret]y"' <<<"$output" || { echo "$output"; return 1; }
    done
    run --separate-stderr -1 sim-call --retries 0 <<<'{"url":"'"$H"'/text?body=three%20word%20secret","headers":{"X":{"file":"secret","prefix":"Token token="}},"expect":{"status":404}}'
    yes 'select(.type == "error") | .head == "[secret]"' <<<"$output"
}

@test "a secret is not cut in two at the end of a head" {
    export TOKEN=s3cr3t-value-123
    for n in $(seq 0 12); do
        pad=$(printf 'x%.0s' $(seq $((n + 110))))
        run --separate-stderr -1 sim-call --retries 0 <<<'{"url":"'"$H"'/text?body='"$pad$pad"'","headers":{"X":{"env":"TOKEN"}},"expect":{"json":true}}'
        run --separate-stderr -1 sim-call --retries 0 <<<'{"url":"'"$H"'/text?body='"$(printf 'x%.0s' $(seq $((n + 185))))$TOKEN"'","headers":{"X":{"env":"TOKEN"}},"expect":{"json":true}}'
        [[ "$output" != *s3cr* ]]
    done
}

@test "a secret that a server puts into a failure's reason is not shown" {
    export TOKEN=s3cr3t-value-123
    run --separate-stderr -1 sim-call --retries 1 --backoff 1ms <<<'{"url":"'"$H"'/text?type=text/s3cr3t-value-123","headers":{"X":{"env":"TOKEN"}},"expect":{"content_type":"text/csv"}}'
    [[ "$output" == *'the content type is text/[secret]'* ]]
    [[ "$output$stderr" != *s3cr3t* ]]
}

@test "literal secrets are refused, missing ones named" {
    printf '\n' >empty
    for h in '"X":{"file":"empty","prefix":"Bearer "}' '"Authorization":"Bearer x"' '"Cookie":"a=b"' '"x-api-key":"k"' '"X":{"env":"NO_SUCH_VARIABLE"}' '"X":{"file":"nosuch"}' '"X":{"env":"PATH","file":"x"}' '"X":{"vault":"x"}'; do
        run --separate-stderr -1 sim-call --results-only <<<'{"url":"'"$H"'/echo","headers":{'"$h"'}}'
        yes '.class == "request"' <<<"$output"
    done
}

@test "secrets do not follow a redirect to another origin" {
    export TOKEN=s3cr3t-value-123
    sim-call --results-only --redirects 2 <<<'{"url":"'"$H"'/redirect?to=http://localhost:'"${H##*:}"'/echo?key='"$K"'","headers":{"X-Secret":{"env":"TOKEN"},"X-Open":"1","Host":"a.example"}}' | yes .ok
    seen "/echo?key=$K" | yes 'select(.target | startswith("/echo")) | .headers["x-secret"] == null and .headers["x-open"] == "1" and (.headers.host | startswith("localhost:"))'
    sim-call --results-only --redirects 2 <<<'{"url":"'"$H"'/redirect?to=/echo?key='"$K"'same","headers":{"X-Secret":{"env":"TOKEN"}}}' | yes .ok
    seen "/echo?key=${K}same" | yes 'select(.target | startswith("/echo")) | .headers["x-secret"] == "s3cr3t-value-123"'
}

@test "the query of a URL is in no line" {
    sim-call --state state <<<'{"url":"'"$H"'/size?n=3&api_key=hush-hush"}' >out 2>err
    run ! grep hush out err state
}

@test "--public-only refuses private and loopback addresses, however they are written" {
    for url in "$H/ok" "http://localhost:${H##*:}/ok" "http://2130706433:${H##*:}/ok" "http://0x7f.1:${H##*:}/ok" http://0.0.0.0/ 'http://[::1]/' 'http://[::ffff:127.0.0.1]/' http://10.0.0.1/ http://169.254.169.254/latest; do
        run --separate-stderr -1 sim-call --results-only --public-only -d 2s <<<'{"url":"'"$url"'"}'
        yes '.class == "private" and .attempts == 1' <<<"$output" || { echo "$url $output"; return 1; }
    done
}

@test "--public-only looks at the address a name has when connecting, and at redirects" {
    preload sim-call --results-only --public-only <<<'{"url":"http://www.private.test:'"${H##*:}"'/ok?key='"$K"'"}' >out || true
    yes '.class == "private"' out
    [ -z "$(seen "$K")" ]
}

@test "what a proxy answers is not the server's answer" {
    export https_proxy=$H
    run --separate-stderr -1 sim-call --retries 0 --results-only <<<'{"url":"https://example.invalid/"}'
    yes '.class == "broken" and .http_status == null and .content_type == null' <<<"$output"
}

@test "--public-only goes through no proxy" {
    http_proxy=$H run --separate-stderr -1 sim-call --results-only --public-only -d 1s --retries 0 <<<'{"url":"http://127.0.0.1:9/?key='"$K"'"}'
    [ -z "$(seen "$K")" ]
}

# --- restart ----------------------------------------------------------------------------------------------------------------------------------------

@test "with --state a call that has a result is not made again" {
    for i in 1 2 3; do echo '{"id":"'$i'","url":"'"$H"'/ok?key='"$K"'"}'; done >in
    sim-call --state state <in >first
    sim-call --state state <in >second
    [ "$(seen "$K" | wc -l)" -eq 3 ]
    results second | yes -s 'length == 3 and all(.ok and .restored)'
    cmp <(results first | jq -c 'del(.time)' | sort) <(results second | jq -c 'del(.time, .restored)' | sort)
    yes 'select(.type == "progress") | .done == 3' second
}

@test "a failure is a result; --retry-failed makes it again where it may be repeated" {
    printf '%s\n' '{"id":"get","url":"'"$H"'/flaky?n=1&key='"$K"'a"}' '{"id":"post","url":"'"$H"'/flaky?n=1&key='"$K"'b","method":"POST"}' >in
    run --separate-stderr -1 sim-call --state state --retries 0 <in
    run --separate-stderr -1 sim-call --state state --retries 0 --results-only <in
    yes -s 'all(.ok == false and .restored)' <<<"$output"
    run --separate-stderr -1 sim-call --state state --retries 0 --results-only --retry-failed <in
    yes -s 'map({(.id): .ok}) | add == {"get": true, "post": false}' <<<"$output"
    [ "$(seen "$K" | wc -l)" -eq 3 ]
    run --separate-stderr -1 sim-call --state state --results-only <in # and the new result counts from now on
    yes -s 'map({(.id): .ok}) | add == {"get": true, "post": false}' <<<"$output"
}

@test "killed at any moment: what has a result is not repeated, what may not be repeated is sent once" {
    for i in $(seq 60); do
        echo '{"id":"p'$i'","url":"'"$H"'/slow?s=0.05&key='"$K"'&p='$i'x","method":"POST","body":"x"}'
        echo '{"id":"g'$i'","url":"'"$H"'/slow?s=0.05&key='"$K"'&g='$i'x"}'
    done >in
    for round in 1 2 3 4 5 6; do
        sim-call --state state -j 8 <in >out.$round 2>/dev/null &
        sleep 0.1$round
        kill -KILL $! 2>/dev/null || true
        wait $! || true
    done
    sim-call --state state -j 8 --min-ok 0 <in >out
    results out | yes -s 'length == 120'
    for i in $(seq 60); do
        [ "$(seen "p=${i}x" | grep -c "key=$K")" -le 1 ]
    done
    results out | yes -s 'map(select(.id | startswith("g"))) | length == 60 and all(.ok)'
    # what is not known is said, and only of what was on its way when the process died
    results out | yes -s 'map(select(.ok | not)) | all(.class == "unknown" and (.id | startswith("p"))) and length <= 48'
}

@test "a torn last line is cut off, and another's file refused" {
    echo '{"id":"1","url":"'"$H"'/ok"}' >in
    sim-call --state state <in >out
    printf '{"v":1,"type":"result","id":"2","ok":tr' >>state
    sim-call --state state <in >out
    results out | yes '.restored'
    [ "$(wc -l <state)" -eq 1 ]
    echo '{"x":1}' >other
    run --separate-stderr -65 sim-call --state other <in
    [ "$(cat other)" = '{"x":1}' ]
    printf 'no newline at its end' >other
    run --separate-stderr -65 sim-call --state other <in
    [ "$(cat other)" = 'no newline at its end' ]
    mkfifo pipe
    run --separate-stderr -73 timeout 10 sim-call --state pipe <in
    [[ "$stderr" == *'pipe is no regular file'* ]]
}

@test "two processes cannot share a state file" {
    mkfifo pipe
    sim-call --state state <pipe >out &
    exec 8>pipe
    echo '{"id":"1","url":"'"$H"'/ok"}' >&8
    for _ in $(seq 100); do
        ! grep -q '"type":"result"' out || break
        sleep 0.05
    done
    run --separate-stderr -75 sim-call --state state <<<'{"url":"'"$H"'/ok"}'
    exec 8>&-
    wait
}

@test "another request under an id that has a result is refused" {
    sim-call --state state <<<'{"id":"1","url":"'"$H"'/ok?n=1"}' >out
    run --separate-stderr -1 sim-call --state state --results-only <<<'{"id":"1","url":"'"$H"'/ok?n=2"}'
    yes '.class == "request" and (.reason | contains("another"))' <<<"$output"
}

@test "an id that was there before is refused" {
    run --separate-stderr -1 sim-call --results-only < <(echo '{"id":"1","url":"'"$H"'/ok"}'; echo '{"id":"1","url":"'"$H"'/ok"}')
    yes -s 'length == 2 and (map(select(.ok)) | length) == 1' <<<"$output"
}

@test "the batch's deadline: 124, and a restart goes on" {
    for i in $(seq 20); do echo '{"id":"'$i'","url":"'"$H"'/slow?s=0.2"}'; done >in
    start=$(date +%s%N)
    run --separate-stderr -124 sim-call --state state -j 2 --batch-deadline 700ms <in
    [ $(($(date +%s%N) - start)) -lt 2500000000 ]
    yes 'select(.type == "finished") | .outcome == "deadline" and .seconds < 1.2 and .status == 124' <<<"$output"
    done=$(jq -s 'map(select(.type == "result" and .ok)) | length' <<<"$output")
    [ "$done" -ge 4 ]
    sim-call --state state -j 20 <in >out
    results out | yes -s --argjson n "$done" 'length == 20 and all(.ok) and (map(select(.restored)) | length) == $n'
}

@test "TERM: what runs has a second, the signal ends the program, a restart goes on" {
    for i in $(seq 40); do echo '{"id":"'$i'","url":"'"$H"'/slow?s=0.3"}'; done >in
    sim-call --state state -j 4 <in >out 2>err &
    for _ in $(seq 100); do
        ! grep -q '"type":"result"' out || break
        sleep 0.02
    done
    kill -TERM $!
    rc=0
    wait $! || rc=$?
    [ "$rc" -eq 143 ]
    yes 'select(.type == "finished") | .outcome == "stopped"' out
    yes -s 'map(select(.type == "result")) | all(.ok)' out
    sim-call --state state -j 40 <in >out
    results out | yes -s 'length == 40 and all(.ok)'
}

# --- a batch as a job --------------------------------------------------------------------------------------------------------------------------------

@test "how many must succeed" {
    { for i in 1 2 3; do echo '{"url":"'"$H"'/ok"}'; done; echo '{"url":"'"$H"'/status/404"}'; } >in
    run --separate-stderr -1 sim-call <in
    run --separate-stderr -1 sim-call --min-ok 80% <in
    run --separate-stderr -1 sim-call --min-ok 4 <in
    run --separate-stderr -0 sim-call --min-ok 75% <in
    yes 'select(.type == "finished") | .outcome == "completed" and .degraded and .ok == 3 and .failed == 1' <<<"$output"
    run --separate-stderr -0 sim-call --min-ok 3 <in
    run --separate-stderr -64 sim-call --min-ok lots <in
}

@test "as a job of the spool: phases and progress are seen, a killed one goes on with what has no result yet, --min-ok applies" {
    export SIM_SPOOL=$PWD/spool
    { for i in $(seq 12); do echo '{"id":"g'$i'","phase":"generation","url":"'"$H/slow?s=0.2&key=$K&id=g$i"'"}'; done
      for i in $(seq 7); do echo '{"id":"e'$i'","phase":"evaluation","url":"'"$H/slow?s=0.1&key=$K&id=e$i"'"}'; done
      echo '{"id":"bad","phase":"evaluation","url":"'"$H/status/404?key=$K"'"}'; } >in
    # shellcheck disable=SC2016
    sim-submit -q --retries 3 --backoff 100ms --retry-on signal -- sh -c 'exec sim-call -q -j 2 --deadline 60s --interval 100ms --min-ok 80% \
        --state "$SIM_CHECKPOINT" <"$0"' "$PWD/in"
    sim-run -a >out 2>&1 3>&- &
    for _ in $(seq 200); do
        [ "$(sim-progress 1 --format ndjson | jq '.done // 0')" -lt 4 ] || break
        sleep 0.05
    done
    [ "$(sim-progress 1 --format ndjson | jq -r .phase)" = generation ]
    pkill -KILL -f "[s]tate $SIM_SPOOL/jobs/1/"
    wait
    sim-progress 1 --format ndjson >end
    yes '.state == "completed" and .percent == 100 and .done == 20 and .total == 20 and .phase == "evaluation" and .attempt == 2' end
    [ "$(jq -r 'select(.type == "result") | .id' out | sort -u | wc -l)" -eq 20 ]
    # made once each, but for the two that were under way
    n=$(seen "key=$K" | wc -l)
    [ "$n" -ge 20 ]
    [ "$n" -le 22 ]
}

@test "phases are barriers, with counters of their own" {
    { for i in 1 2 3; do echo '{"id":"g'$i'","phase":"generation","url":"'"$H"'/slow?s=0.'$i'"}'; done
      for i in 1 2; do echo '{"id":"e'$i'","phase":"evaluation","url":"'"$H"'/ok"}'; done; } >in
    sim-call <in >out
    [ "$(jq -r 'select(.type == "phase").phase' out | paste -sd ' ')" = 'generation evaluation' ]
    [ "$(results out | jq -r .id | head -3 | sort | paste -sd ' ')" = 'g1 g2 g3' ]
    yes -s 'map(select(.type == "counters" and .phase == "generation"))[-1].ok == 3 and map(select(.type == "counters" and .phase == "evaluation"))[-1].ok == 2' out
    yes -s 'map(select(.type == "progress"))[-1] | .done == 5 and .total == 5' out
}

@test "a phase that failed its percentage ends the batch" {
    { for i in 1 2; do echo '{"phase":"generation","url":"'"$H"'/status/404"}'; done; echo '{"phase":"evaluation","url":"'"$H"'/ok?key='"$K"'"}'; } >in
    run --separate-stderr -1 sim-call --min-ok 50% <in
    yes 'select(.type == "finished").reason | contains("generation")' <<<"$output"
    [ -z "$(seen "$K")" ]
}

@test "a task line on standard input: a file of requests, or the lines that follow" {
    for i in 1 2; do echo '{"id":"'$i'","url":"'"$H"'/ok"}'; done >requests
    echo '{"v":1,"type":"task","job":"j7","attempt":3,"requests":"requests","state":"state"}' | sim-call >out
    yes -s 'all(.job == "j7" and .attempt == 3) and (map(select(.type == "result")) | length) == 2' out
    [ -s state ]
    # the next attempt hands on what is there, as its own
    { echo '{"v":1,"type":"task","job":"j7","attempt":4,"state":"state","min_ok":"100%"}'; cat requests; } | sim-call >out
    yes -s 'all(.job == "j7" and .attempt == 4) and (map(select(.restored)) | length) == 2' out
}

@test "as a stage of the spool: what the task line has in its data" {
    export SIM_SPOOL=$PWD/spool
    for i in 1 2; do echo '{"id":"'$i'","url":"'"$H"'/ok"}'; done >requests
    echo '{"v":1,"type":"task","command":["sim-call"],"data":{"requests":"requests","state":"state","min_ok":"2"}}' | sim-submit -q - >job
    sim-run --all >out </dev/null
    yes -s '(map(select(.type == "result" and .ok and .job == "1")) | length) == 2' out
    [ "$(sim-progress 1 --format ndjson | jq -c '[.done, .total]')" = '[2,2]' ]
    for data in '"requests"' '{"request":"requests"}' '{"requests":7}' '{"min_ok":"x"}'; do
        run -65 sim-call <<<'{"v":1,"type":"task","data":'"$data"'}'
    done
}

@test "a line that is no request fails alone, by its number" {
    { echo '{"id":"a","url":"'"$H"'/ok"}'; echo 'nonsense'; echo '{"id":"b"}'; } >in
    run --separate-stderr -1 sim-call --results-only <in
    yes -s 'length == 3 and (map(select(.ok)) | length) == 1 and (map(select(.id == "2"))[0].reason | startswith("line 2")) and (map(select(.id == "b"))[0].class == "request")' <<<"$output"
}

@test "no requests: nothing to do, and that is done" {
    run --separate-stderr -0 sim-call </dev/null
    yes -s 'map(.type) == ["started","finished"]' <<<"$output"
    run --separate-stderr -66 sim-call nosuchfile
}

@test "a reader that leaves ends the program" {
    for i in $(seq 300); do echo '{"url":"'"$H"'/slow?s=0.01"}'; done >in
    sim-call -j 2 <in 2>err | head -1 >out
    [ "${PIPESTATUS[0]}" -eq 141 ]
}

unread_in_time() {
    sim-call --results-only <in 2>err | { sleep 2.5; cat; } >out
    [ -z "$(later_than 1.7)" ] && yes 'select(.id == "hang") | .class == "deadline" and .seconds < 1.1' out
}

@test "a reader that does not read holds up no call" {
    for i in $(seq 40); do echo '{"url":"'"$H"'/size?n=20000"}'; done >in # 800 kB of results: more than a pipe holds
    echo '{"id":"hang","url":"'"$H"'/hang","deadline":"1s"}' >>in
    echo '{"id":"late","url":"'"$H"'/slow?s=1.5"}' >>in
    punctual unread_in_time
    [ "$(jq -s 'map(select(.ok)) | length' out)" -eq 41 ]
}

@test "what would fail every call is told before the first" {
    echo '{"url":"'"$H"'/ok?key='"$K"'"}' >in
    : >file
    for o in '73 --body-dir nosuch' '73 --body-dir file' '66 --cacert nosuch'; do
        # shellcheck disable=SC2086
        run --separate-stderr "-${o%% *}" sim-call ${o#* } in
        [ "$(wc -l <<<"$stderr")" -eq 1 ]
    done
    run --separate-stderr -64 sim-call --user-agent $'a\r\nX-Evil: 1' in
    [ -z "$(seen "$K")" ]
}

@test "options: one line, status 64" {
    for o in '-j 0' '--rate -1' '--rate 5/fortnight' '--order random' '--deadline 0' '--inline 1T' '--retry-budget much' '--backoff soon' '--http 3' '--retry-status 42' 'a b'; do
        # shellcheck disable=SC2086
        run --separate-stderr -64 sim-call $o
        [ "$(wc -l <<<"$stderr")" -eq 1 ]
    done
}
