_redraft() {
    local -a offered
    offered=("${(@f)$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "${offered[1]}" ]]; then
        compadd -a offered
    else
        _redraft_words "$@"
    fi
}
