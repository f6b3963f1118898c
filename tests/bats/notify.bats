#!/usr/bin/env bats
# Jobs and HTTP: a workbook fetched from a URL, a webhook when a job is over.
load helper
setup() { spool_setup; need sqlite3 python3; }
teardown() {
    [ -z "${server:-}" ] || kill "$server" 2>/dev/null || true
    spool_teardown
}

# A server of the test's own: files of this folder, and POST /hook, which writes what came into hooks; 503 while "broken" is there.
serve() {
    cat >server.py <<'P'
import http.server, os, sys
class H(http.server.SimpleHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        open('tries', 'a').write('x\n')
        if os.path.exists('broken'):
            self.send_response(503); self.send_header('Content-Length', '0'); self.end_headers(); return
        open('keys', 'a').write((self.headers.get('Idempotency-Key') or 'none') + '\n')
        with open('hooks', 'ab') as f:
            f.write(body.strip() + b'\n')
        self.send_response(204); self.end_headers()
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), H)
open('port.tmp', 'w').write(str(s.server_address[1])); os.rename('port.tmp', 'port')
s.serve_forever()
P
    python3 server.py 3>&- &
    server=$!
    await 30 test -s port
    url=http://127.0.0.1:$(cat port)
}

@test "a workbook from a URL gives the digits of the file" {
    serve
    cp "$DCF" plan.xlsx
    sim-submit "$url/plan.xlsx" --spec "$SPEC" -n 4000 --seed 2
    sim-run -a | sim-aggregate --format json | jq -S .targets >a
    sim "$DCF" --spec "$SPEC" -n 4000 --seed 2 --format json | jq -S .targets | diff - a
}

@test "a URL that gives nothing, or no workbook: one message, nothing accepted" {
    serve
    echo no >bad.xlsx
    run --separate-stderr -69 sim-submit "$url/none.xlsx" -t A1
    [ "$(wc -l <<<"$stderr")" -eq 1 ]
    run --separate-stderr -65 sim-submit "$url/bad.xlsx" -t A1
    [[ "$stderr" == "sim-submit: $url/bad.xlsx: not a workbook"* ]]
    [ "$(sql 'SELECT count(*) FROM job')" -eq 0 ]
    [ -z "$(ls -A "$SIM_SPOOL/jobs")" ]
    for u in ftp://x http:// https:///x http://:80/ http://me:pw@h/ "http://h/a b" $'http://h/\nX: y'; do
        run -64 sim-submit --notify "$u" -- true
    done
}

@test "--notify tells how a job ended, once" {
    serve
    submit --notify "$url/hook" --name one -- true
    submit --notify "$url/hook" --name two -- false
    sim-run -a >/dev/null || true
    await 20 sh -c '[ "$(wc -l <hooks)" -eq 2 ]'
    [ "$(jq -r 'select(.name=="one") | .state' hooks)" = completed ]
    [ "$(jq -r 'select(.name=="two") | .state' hooks)" = failed ]
    [ "$(sort -u keys | wc -l)" -eq 2 ]
    await 30 sh -c '[ "$(sim-progress 1 | jq -r .notify)" = delivered ]'
    sim-reap >/dev/null
    [ "$(wc -l <hooks)" -eq 2 ]
}

@test "a webhook that fails is tried again, is seen, and does not touch the job" {
    serve
    : >broken
    submit --notify "$url/hook" -- true
    sim-run -a >/dev/null
    await 60 sh -c 'sim-progress 1 | jq -e ".notify | test(\"failed 1 times\")" >/dev/null'
    [ "$(state 1)" = completed ]
    rm broken
    sql 'UPDATE notify SET next_at=1'
    sim-reap >/dev/null
    [ "$(field 1 notify)" = delivered ]
    [ "$(wc -l <hooks)" -eq 1 ]
}

taken() { # since DUE: a reaper makes the calls
    [ "$(sql "SELECT min(next_at)>$1 FROM notify")" -eq 1 ]
}

@test "webhooks that hang hold up no limit, and not each other" {
    python3 -c 'import socket, time, os
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(50); open("port.tmp", "w").write(str(s.getsockname()[1])); os.rename("port.tmp", "port")
time.sleep(600)' 3>&- &
    server=$!
    await 30 test -s port
    for _ in 1 2 3 4; do submit --notify "http://127.0.0.1:$(cat port)/" -- true; done
    sim-ctl cancel 1 2 3 4 >/dev/null
    due=$(sql 'SELECT max(next_at) FROM notify')
    sim-reap --wait >reaped 2>&1 3>&- &
    reaper=$!
    await 20 taken "$due"
    submit --queue-ttl 500ms -- true
    await 15 in_state 5 failed # the calls take 20 s each
    field 5 reason | grep -q queue-ttl
    await 45 sh -c '[ "$(sim-progress --format ndjson 1 2 3 4 | jq -r .notify | grep -c "^failed 1 times")" -eq 4 ]'
    kill "$reaper"
    wait "$reaper" || true
}
