_redraft() {
    local word words=() last offered=()
    # bash splits `NAME:vN` at the colon.
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
        last=$((${#words[@]} - 1))
        if [[ $last -ge 0 && ( $word == :* || ${words[last]} == *: ) ]]; then
            words[last]+=$word
        else
            words+=("$word")
        fi
    done
    word=${words[${#words[@]} - 1]}
    while IFS= read -r last; do
        # The part up to the colon is already on the command line.
        [[ $word == *:* ]] && last=${last#"${word%:*}":}
        offered+=("$(printf '%q' "$last")")
    done < <("$1" complete -- "${words[@]}" 2>/dev/null)
    if [[ ${#offered[@]} -gt 0 ]]; then
        COMPREPLY=("${offered[@]}")
    else
        _redraft_words "$@"
    fi
}
