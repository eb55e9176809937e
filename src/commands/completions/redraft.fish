complete -c redraft -f -n 'test -n "$(redraft complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)"' -a '(redraft complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
