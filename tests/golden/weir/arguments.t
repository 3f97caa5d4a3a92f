# The command line of weir: commands, options, help, exit statuses.

== without a command: the help, and status 2
$ weir
< weir 0.1.0 - runs and drives data connectors
<
< usage: weir COMMAND [OPTION...]
<*
! error a command is missing code=config who="the operator has to act: settings, credentials or catalog"
= 2

== --help names every command and every exit status
$ weir --help >a; weir -h >b; weir help >c; cmp a b; cmp b c; grep -o '^  [a-z-]* \|^  [0-9] ' a | tr -d ' ' | tr '\n' ' '
< spec discover validate generate capture preview run replay test shim docs test-source test-destination help 0 1 2 3 4 5 6 7     (no newline at the end)

== --version
$ weir --version
< weir 0.1.0

== every command explains itself, in three ways
$ for c in spec discover validate capture preview run help; do weir $c --help >a; weir $c -h >b; weir help $c >c; cmp a b; cmp b c; head -n 1 a | cut -d ' ' -f 1,2; done
< weir spec
< weir discover
< weir validate
< weir capture
< weir preview
< weir run
< weir help

== help of a command wins over its other options
$ weir run --data --help | head -n 1
< weir run - run the tasks of a catalog on this machine

== what follows -- belongs to the connector
$ weir spec -- source-hello --help
! error the connector's output: expected an object at byte 0 of the message "source-hello 1.0.0
= 5

== an unknown command suggests the nearest
$ weir discovr
! error unknown command 'discovr', did you mean 'discover'; see weir --help code=config
= 2
$ weir xyzzy
! error unknown command 'xyzzy'; see weir --help code=config
= 2
$ weir help captur
! error unknown command 'captur', did you mean 'capture'; see weir --help code=config
= 2

== an unknown option suggests the nearest of those the command takes
$ weir preview --session 1
! error weir preview: unknown option '--session', did you mean '--sessions'; see weir preview --help code=config
= 2
$ weir preview --initial-stat={}
! error weir preview: unknown option '--initial-stat', did you mean '--initial-state'; see weir preview --help code=config
= 2
$ weir spec --once
! error weir spec: unknown option '--once'; see weir spec --help code=config
= 2
$ weir run -x
! error weir run: unexpected argument '-x' code=config
= 2

== an option that needs a value, and one that takes none
$ weir spec --name
! error weir spec: --name needs a value: TASK code=config
= 2
$ weir run --once=yes
! error weir run: --once takes no value code=config
= 2

== an argument too many
$ weir run flow.yaml
! error weir run: unexpected argument 'flow.yaml' code=config
= 2

== nothing behind --
$ weir spec --
! error weir spec: nothing follows '--' code=config
= 2

== durations
$ weir run --idle soon
! error --idle is no duration: 'soon'; such as 10s, 5m, 1h30m code=config
= 2
$ weir preview --timeout -1s
! error --timeout is no duration: '-1s'; such as 10s, 5m, 1h30m code=config
= 2

== the completions are shell, and complete commands and options
$ weir help bash >c; bash -n c && bash -c '. ./c; COMP_WORDS=(weir pr) COMP_CWORD=1; _weir; echo "${COMPREPLY[@]}"; COMP_WORDS=(weir run --o) COMP_CWORD=2; _weir; echo "${COMPREPLY[@]}"'
< preview
< --only --once
$ weir help zsh | head -n 1
< #compdef weir

== the man page holds every command and option
$ weir help man >weir.1; for w in spec discover validate capture preview run; do grep -c "^.SS \"weir $w" weir.1; weir $w --help | grep -o '^  --[a-z-]*' | sed 's/^  //; s/-/\\-/g' | while read -r o; do grep -q -F "$o" weir.1 || echo "missing: $o"; done; done
< 1
< 1
< 1
< 1
< 1
< 1

== nobody reads: that is the end, without an error
$ (weir help man; echo "status $?" >&2) | true
!*
! status 0

== a full disk is an error
$ weir --version >/dev/full
! error writing standard output: No space left on device code=machine
= 6

== closed standard descriptors are no trouble
$ weir --version <&- 2>&-
< weir 0.1.0
