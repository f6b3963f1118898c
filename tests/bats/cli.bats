#!/usr/bin/env bats
# What every program does alike: help, version, usage errors; installing.
load helper

@test "help goes to standard output with status 0" {
    for p in sim sim-engine sim-model sim-aggregate sim-call; do
        run --separate-stderr -0 $p --help
        [[ "$output" == usage:* ]]
        [ -z "$stderr" ]
    done
}

@test "version is one parseable line" {
    for p in sim sim-engine sim-model sim-aggregate sim-call; do
        run -0 $p -V
        [[ "$output" =~ ^$p\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    done
}

@test "an unknown option: one line, status 64" {
    for p in sim sim-engine sim-model sim-aggregate sim-call; do
        run --separate-stderr -64 $p --no-such-option
        [ -z "$output" ]
        [ "$(wc -l <<<"$stderr")" -eq 1 ]
    done
}

@test "sim runs a verb" {
    run -0 sim model -V
    [[ "$output" == sim-model* ]]
}

@test "sim with neither a verb nor a file" {
    run -64 sim nosuchverb
}

@test "numbers do not follow the locale" {
    LC_ALL=de_DE.UTF-8 sim-engine "$DCF" --spec "$SPEC" --seed 1 -n 500 | sim-aggregate --format csv >a
    LC_ALL=C sim-engine "$DCF" --spec "$SPEC" --seed 1 -n 500 | sim-aggregate --format csv | cmp - a
}

@test "the table has a histogram and drivers, and no colour in a pipe" {
    run -0 sim "$DCF" --spec "$SPEC" --seed 1 -n 20000 --format table
    [[ "$output" == *'█'* && "$output" == *'What drives it'* && "$output" == *'P95'* ]]
    [[ "$output" != *$'\033['* ]]
}

@test "an output file appears whole" {
    sim "$DCF" --spec "$SPEC" --seed 1 -n 2000 --format json -o out.json
    jq -e '.targets[0].n == 2000' out.json
    [ "$(ls | wc -l)" -eq 1 ]
}

@test "an output that is a pipe or a link stays one" {
    mkfifo pipe
    cat pipe >got &
    sim "$DCF" --spec "$SPEC" --seed 1 -n 2000 --format json -o pipe
    wait $!
    [ -p pipe ]
    jq -e '.targets[0].n == 2000' got
    echo old >file
    ln -s file link
    sim "$DCF" --spec "$SPEC" --seed 1 -n 2000 --format json -o link
    [ -L link ]
    jq -e '.targets[0].n == 2000' file
}

@test "above, value at risk and percentiles" {
    sim "$DCF" --spec "$SPEC" --seed 1 -n 50000 --format ndjson --above 3000 --var 95 -p 5,50,95 >out
    jq -e '.targets[0] | (.above[0].prob > 0.4 and .above[0].prob < 0.65) and (.percentiles | length == 3) and .var.cvar < .var.var' out
}

@test "sim-model lists, explains, evaluates, shows the program" {
    sim-model "$DCF" --format table | grep -q 'Possible targets'
    sim-model "$DCF" --explain 'Summary!B13' --format table | grep -q 'ROUND'
    [ "$(sim-model "$DCF" --eval '1+2' --format table)" = 3 ]
    [ "$(sim-model "$DCF" --set 'Inputs!B4=2000' --eval 'Inputs!B4*2' --format table)" = 4000 ]
    sim-model "$DCF" --spec "$SPEC" --ir 'Summary!B12' | grep -q '= uniform stream'
}

@test "options win over a spec, before it and after it" {
    figures() {
        sim "$DCF" -n 1000 --seed 1 --format json "$@" | jq -c '[[.targets[] | .name], [.inputs[] | .name], .targets[0].mean]'
    }
    figures --spec "$SPEC" -t 'Summary!B12' >a
    [ "$(jq -c '.[0]' a)" = '["Summary!B12"]' ]
    figures -t 'Summary!B12' --spec "$SPEC" | diff - a
    figures --spec "$SPEC" -i 'Revenue0 ~ normal(5,1)' >b
    [ "$(jq '.[2] < 0' b)" = true ]
    figures -i 'Revenue0 ~ normal(5,1)' --spec "$SPEC" | diff - b
    figures --spec "$SPEC" --set Wacc=0.5 >c
    [ "$(jq '.[1] | index("Discount rate")' c)" = null ]
    [ "$(jq '.[1] | length' c)" = 11 ]
    figures --set Wacc=0.5 --spec "$SPEC" | diff - c
    # and in a job of the spool
    export SIM_SPOOL=$PWD/spool
    sim-submit "$DCF" --spec "$SPEC" -n 1000 --seed 1 --set Wacc=0.5 | sim-run --quiet | sim-aggregate --format json |
        jq -c '[[.targets[] | .name], [.inputs[] | .name], .targets[0].mean]' | diff - c
    run -65 sim "$DCF" -i 'Wacc ~ normal(0,1)' --set Wacc=1 -t 'Summary!B12'
    [[ $output == *"is an input and has a content set"* ]]
    run -65 sim "$DCF" --set Inputs!B15=1 --spec <(echo '{"inputs":{"Inputs!B14:B15":"normal(0,1)"},"targets":["Summary!B12"]}')
    [[ $output == *"one of the cells of the input"* ]]
}

@test "--verify notices a wrong cached value" {
    need python3
    python3 -c "
import zipfile
src = zipfile.ZipFile('$DCF'); out = zipfile.ZipFile('x.xlsx', 'w')
for n in src.namelist():
    d = src.read(n)
    if n == 'xl/worksheets/sheet3.xml':
        import re
        d = re.sub(rb'(</f><v>)[0-9.]+', rb'\g<1>12345', d, count=1)
    out.writestr(n, d)
out.close()"
    run -1 sim-model --verify --format table x.xlsx
    [[ "$output" == *'differs'*'12345'* ]]
}

@test "devices are listed" {
    sim-engine --devices | jq -e -s '.[0].device == "cpu" and .[0].usable'
}

@test "install and uninstall" {
    need make
    make -C "$ROOT" --no-print-directory install DESTDIR="$PWD/root" PREFIX=/usr >/dev/null
    for p in "$ROOT"/bin/sim "$ROOT"/bin/sim-*; do
        [ -x "root/usr/bin/${p##*/}" ]
        [ ! -f "$ROOT/man/${p##*/}.1" ] || [ -f "root/usr/share/man/man1/${p##*/}.1" ] # lint asks for a page
        [ -e "root/usr/share/bash-completion/completions/${p##*/}" ]
    done
    [ -f root/usr/share/man/man7/sim-functions.7 ] && [ -f root/usr/share/zsh/site-functions/_sim ]
    [ "$(root/usr/bin/sim-model "$DCF" --eval '1+2' --format table)" = 3 ]
    PATH=$PWD/root/usr/bin:/usr/bin:/bin root/usr/bin/sim model -V
    make -C "$ROOT" --no-print-directory uninstall DESTDIR="$PWD/root" PREFIX=/usr >/dev/null
    [ -z "$(find root ! -type d)" ]
}

@test "dist: everything that is committed, and it knows how to build itself" {
    need make git tar
    git -C "$ROOT" rev-parse HEAD >/dev/null 2>&1 || skip "not a git checkout"
    git clone -q "$ROOT" clone
    make -C clone --no-print-directory dist >/dev/null
    tar xzf clone/simspool-*.tar.gz
    git -C clone ls-files | sort >want
    (cd simspool-* && find . -type f -o -type l) | sed 's|^\./||' | sort | cmp - want
    make -C simspool-* -n all >plan
    grep -q sim-engine plan
}

# What bash offers for the words so far; the last is the one being typed.
offers() {
    bash -c '. "$0/contrib/completion/sim.bash"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sim; printf "%s\n" "${COMPREPLY[@]}"' "$ROOT" "$@"
}

@test "sim help VERB: its manual, or its help where there is none; 64 for what is no verb" {
    MANPATH=$BATS_TEST_TMPDIR run -0 sim help submit
    [[ "$output" == 'usage: sim-submit'* ]]
    for v in bogus ../sim x.y; do
        run --separate-stderr -64 sim help "$v"
        [ "$(wc -l <<<"$stderr")" -eq 1 ]
    done
}

@test "completion: every option that --help names" {
    for p in "$BIN"/sim "$BIN"/sim-*; do
        p=${p##*/}
        # shellcheck disable=SC2046
        diff <($p --help | grep -oE '^ +(-[A-Za-z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u) <(offers $p -- | grep -E '^--' | sort -u)
    done
    [ "$(offers sim model --verif)" = --verify ]
}

@test "completion: words of a list, verbs, workbooks" {
    [ "$(offers sim x.xlsx --format j)" = json ]
    [ "$(offers sim x.xlsx --format = c)" = csv ]
    [ "$(offers sim --isa '' | tr '\n' ' ')" = "auto avx512 avx2 base " ]
    [ "$(offers sim --dialect xl)" = xlrisk ]
    [ "$(offers sim agg)" = aggregate ]
    touch a.xlsx b.xlsm c.txt s.json
    mkdir d
    [ "$(offers sim-engine '' | sort | tr '\n' ' ')" = "a.xlsx b.xlsm d " ]
    [ "$(offers sim-engine --spec s)" = s.json ]
    [ -z "$(offers sim-engine -n '')" ]
}

@test "the dependency script does nothing when all is there" {
    command -v dpkg-query >/dev/null || skip "no dpkg here"
    run -0 "$ROOT/tools/deps" build
    [ -z "$output" ]
    run -64 "$ROOT/tools/deps" nonsense
}
