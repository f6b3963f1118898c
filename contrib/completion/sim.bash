# Completion in bash for sim and every sim-*. Options, and the words an option may be followed by, are read from the
# program's own --help when Tab is pressed, so they are those of the program that is installed.
# shellcheck shell=bash

# Read the --help of program $1: _sim_options has every option; where $2 is one of them, _sim_arg is what follows it (FILE, N,
# NAME …; empty if nothing does) and _sim_text what the help says about it.
_sim_read_help() {
    local line form="^ +((-[A-Za-z]), )?(-[A-Za-z]|--[a-z][a-z-]*)( ([A-Z][][A-Z.=]*|'[^']*'))? +([^ ].*)\$"
    _sim_options='' _sim_arg='' _sim_text=''
    while IFS= read -r line; do
        [[ $line =~ $form ]] || continue
        _sim_options+=" ${BASH_REMATCH[2]} ${BASH_REMATCH[3]}"
        if [ -n "$2" ] && { [ "${BASH_REMATCH[2]}" = "$2" ] || [ "${BASH_REMATCH[3]}" = "$2" ]; }; then
            _sim_arg=${BASH_REMATCH[5]} _sim_text=${BASH_REMATCH[6]}
        fi
    done < <(command "$1" --help 2>/dev/null)
}

# "instruction set: auto, avx512, avx2, base (or $SIM_ISA)" -> the words of the list; a text that is no list of single words: none
_sim_listed() {
    local text=${1%% (*} items item words=
    [[ ${text%%:*} == *,* ]] || text=${text#*: }
    text=${text//, or /,} text=${text// or /,}
    IFS=, read -ra items <<<"$text"
    [ ${#items[@]} -gt 1 ] || return
    for item in "${items[@]}"; do
        item=${item# } item=${item%%:*}
        [[ $item =~ ^@?[a-z0-9]+$ ]] || return
        words+="$item "
    done
    echo "$words"
}

_sim_files() { # program, prefix: workbooks and folders; for sim-aggregate and after FILE any file
    local f
    while IFS= read -r f; do
        [[ ${f##*/} != .* || ${2##*/} == .* ]] || continue
        if [[ $1 != sim && $1 != sim-engine && $1 != sim-model || -d $f || $f == *.xls[xm] ]]; then
            COMPREPLY+=("$f")
        fi
    done < <(compgen -f -- "$2")
}

_sim() {
    local program=${COMP_WORDS[0]##*/} cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local _sim_options _sim_arg _sim_text
    COMPREPLY=()
    if [ "$cur" = = ]; then # --format=csv comes in three words
        cur=
    elif [ "$prev" = = ] && [ "$COMP_CWORD" -ge 2 ]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    if [ "$program" = sim ] && [ "$COMP_CWORD" -gt 1 ] && type -P "sim-${COMP_WORDS[1]}" >/dev/null; then
        program=sim-${COMP_WORDS[1]} # sim VERB …
    fi
    compopt -o filenames 2>/dev/null
    [[ $prev == -* ]] || prev=
    _sim_read_help "$program" "$prev"
    if [ -n "$_sim_arg" ]; then
        case $_sim_arg in
        FILE | DIR) _sim_files any "$cur" ;;
        *) mapfile -t COMPREPLY < <(compgen -W "$(_sim_listed "$_sim_text")" -- "$cur") ;;
        esac
    elif [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$_sim_options" -- "$cur")
    else
        _sim_files "$program" "$cur"
        if [ "$program" = sim ] && [ "$COMP_CWORD" -eq 1 ]; then
            mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "help $(compgen -c -- sim- | sed 's/^sim-//' | sort -u)" -- "$cur")
        fi
    fi
}

# shellcheck disable=SC2046
complete -F _sim sim $(compgen -c -- sim- | sort -u)
