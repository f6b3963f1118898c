#!/usr/bin/env bats
# Every example: proved against its cached values, vectorised throughout, the same bits in slices.
load helper

EXAMPLES="dcf insurance inventory options project-risk retirement"

# The options of a run: a spec where there is one, else targets (none: the workbook marks its own).
example() {
    opts=("$ROOT/examples/$1.xlsx")
    case $1 in
    dcf | retirement) opts+=(--spec "$ROOT/examples/$1.json") ;;
    inventory) opts+=(-t Summary!B5 -t Summary!B6 -t Summary!B7 -t Summary!B10 -t Summary!B17 -t Summary!B18) ;;
    options) opts+=(-t Summary!B1 -t Summary!B2) ;;
    esac
}

@test "every workbook of the folder is in the list" {
    [ "$(cd "$ROOT/examples" && echo *.xlsx)" = "$(printf '%s.xlsx ' $EXAMPLES | sed 's/ $//')" ]
}

@test "recalculated, random cells held, every formula agrees with the cached value" {
    for x in $EXAMPLES; do
        sim-model "$ROOT/examples/$x.xlsx" --verify --pin --format table >out
        grep -E '^[1-9][0-9]* formula cells agree, 0 differ, 0 unsupported, .* 0 without a cached value$' out ||
            { echo "$x: $(tail -1 out)"; false; }
    done
}

@test "no part runs lane by lane" {
    for x in $EXAMPLES; do
        example $x
        sim-engine "${opts[@]}" --seed 1 -n 300 >out
        run ! grep '"type":"warning"' out
    done
}

@test "slices give the bits of one run" {
    for x in $EXAMPLES; do
        example $x
        sim-engine "${opts[@]}" --seed 5 -n 20000 | sim-aggregate --format ndjson | summary >one
        for r in 7777..20000 0..300 300..7777; do
            sim-engine "${opts[@]}" --seed 5 --trials $r
        done | sim-aggregate --format ndjson | summary | cmp - one
    done
}

@test "instruction sets and threads give the same bits" {
    for x in $EXAMPLES; do
        example $x
        sim-engine "${opts[@]}" --seed 5 -n 20000 -j 2 | sim-aggregate --format ndjson | summary >one
        sim-engine "${opts[@]}" --seed 5 -n 20000 -j 1 --isa base | sim-aggregate --format ndjson | summary | cmp - one
    done
}

@test "a replayed trial shows the numbers of the run" {
    for x in $EXAMPLES; do
        example $x
        sim-engine "${opts[@]}" --seed 5 -n 20 --samples s.csv >/dev/null
        sim-engine "${opts[@]}" --seed 5 --trial 17 >cells
        cell=$(sim-engine "${opts[@]}" --seed 5 -n 1 | sim-aggregate --format ndjson | jq -r '.targets[0].cell')
        want=$(awk -F, '$1 == 17 { print $2 }' s.csv)
        got=$(jq -r --arg c "$cell" 'select(.cell == $c).value' cells)
        [ "$(jq -n "$want == $got")" = true ] || { echo "$x $cell: $want, replayed $got"; false; }
    done
}
