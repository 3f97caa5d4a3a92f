# A served connector as a program: arguments, logs, exit status, signals.

== --help says what it is, its settings, the environment, the exit statuses
$ source-hello --help
< source-hello 1.0.0 - Greetings, to try things with
<*
< usage: source-hello                        Estuary Flow on standard input and output: JSON lines or protobuf, whichever comes,
<*
< config:
<*
< resource of a binding:
<*
< exit status: 0 done, 2 the operator has to act, 3 try again later, 4 the other system, 5 the platform broke the protocol,
<*

== --help names every setting with its default, LOG_LEVEL, LOG_FORMAT and FLOW_RUNTIME_CODEC
$ source-hello --help | tr -s ' \n(),;' '\n\n\n\n\n\n' | grep -x -e text -e count -e stream -e LOG_LEVEL -e LOG_FORMAT -e FLOW_RUNTIME_CODEC | sort -u
< FLOW_RUNTIME_CODEC
< LOG_FORMAT
< LOG_LEVEL
< count
< stream
< text

== -h and help are --help
$ source-hello -h >a; source-hello help >b; source-hello --help >c; cmp a b && cmp b c

== --version
$ source-hello --version
< source-hello 1.0.0 (weir 0.1.0)

== an unknown argument is an error, and nothing is read
$ source-hello --spec
> {"spec":{}}
! error unknown argument '--spec': see source-hello --help
= 2

== the last line of the log carries the reason, the code and who has to act
env LOG_FORMAT=json
$ source-hello 2>log; echo $?; tail -n 1 log | python3 -c 'import json, sys; r = json.loads(sys.stdin.read()); assert r.pop("ts"); print(json.dumps(r))'
> {"discover":{"config":{"count":"x"}}}
< 2
<= {"level":"error","message":"discover: config:1:10: /count: expected an integer, got \"x\"","fields":{"code":"config","who":"the operator has to act: settings, credentials or catalog"}}

== several problems are still one line of JSON
env LOG_FORMAT=json
$ source-hello 2>log; wc -l <log; python3 -c 'import json, sys; print(json.loads(open("log").read())["message"])'
> {"discover":{"config":{"text":0,"count":"x"}}}
< 1
< discover: config:1:9: /text: expected a string, got 0
< config:1:19: /count: expected an integer, got "x"

== without LOG_FORMAT the log is JSON where nobody looks
env LOG_FORMAT
$ source-hello
> {"nope":{}}
! "level":"error","message":"standard input: no known kind of message
= 5

== LOG_FORMAT=color marks the level
env LOG_FORMAT=color
$ source-hello 2>&1 | grep -c "$(printf '\033\\[31merror')"
> {"nope":{}}
< 1

== an unknown LOG_FORMAT or LOG_LEVEL is a warning, not a failure
env LOG_FORMAT=xml
env LOG_LEVEL=loud
$ source-hello </dev/null
! "level":"warn","message":"LOG_FORMAT is \"xml\": json, text and color are known; json it is"
! "level":"warn","message":"LOG_LEVEL is \"loud\": error, warn, info, debug and trace are known; info it is"

== LOG_LEVEL=trace has nothing to say about a simple request
env LOG_LEVEL=trace
$ source-hello | cut -c 1-8
> {"spec":{}}
< {"spec":

== errors are logged at every level
env LOG_LEVEL=ERROR
$ source-hello
> {"nope":{}}
! error standard input: no known kind of message
= 5

== SIGTERM while it waits for a request ends it cleanly
$ mkfifo in out; source-hello <in >out & exec 3>in 4<out; echo '{"spec":{}}' >&3; read -r line <&4; kill -TERM $!; wait $!; echo "status $?"
< status 0

== SIGINT, too
$ mkfifo in out; python3 -c 'import os, signal; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp("source-hello", ["source-hello"])' <in >out & exec 3>in 4<out; echo '{"spec":{}}' >&3; read -r line <&4; kill -INT $!; wait $!; echo "status $?"
< status 0

== SIGTERM in the middle of a request ends it cleanly
file middle.py
| # Sends a whole request and half of one, waits until both are read, then SIGTERM.
| import fcntl, subprocess, sys, termios, time
| whole, half = [bytes.fromhex(text) for text in sys.argv[1:]]
| p = subprocess.Popen(["source-hello"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
| p.stdin.write(whole)
| p.stdin.flush()
| p.stdout.read(1)
| p.stdin.write(half)
| p.stdin.flush()
| while int.from_bytes(fcntl.ioctl(p.stdin, termios.FIONREAD, b"\0" * 4), sys.byteorder):
|     time.sleep(0.001)
| p.terminate()
| print("status", p.wait())
$ python3 middle.py 7b2273706563223a7b7d7d0a 7b2273706563223a
< status 0
$ FLOW_RUNTIME_CODEC=proto python3 middle.py 020000000a00 800000000a
< status 0

== SIGTERM while capturing: documents and checkpoints so far are whole, then it ends cleanly
$ mkfifo out; echo '{"open":{"capture":{"name":"a/b","config":{"count":1000000000},"bindings":[{"resourceConfig":{"stream":"greetings"},"resourcePath":["greetings"],"collection":{"name":"a/b"},"stateKey":"greetings"}]}}}' | source-hello >out & exec 4<out; head -n 1000 <&4 >first; kill -TERM $!; cat <&4 >rest; wait $!; echo "status $?"; tail -n 1 rest | cut -c 1-13; tail -n 2 rest | python3 -c 'import json, sys; a, b = map(json.loads, sys.stdin); print(a["captured"]["doc"]["n"] + 1 == b["checkpoint"]["state"]["updated"]["bindingStateV1"]["greetings"]["n"])'
< status 0
< {"checkpoint"
< True

== nobody reads: that is the end, without an error
$ echo '{"open":{"capture":{"name":"a/b","config":{"count":1000000000},"bindings":[{"resourceConfig":{"stream":"greetings"},"resourcePath":["greetings"],"collection":{"name":"a/b"},"stateKey":"greetings"}]}}}' | (source-hello; echo "status $?" >&2) | head -n 1
< {"opened":{}}
! status 0

== a full disk is an error of the machine
$ source-hello >/dev/full
> {"spec":{}}
! error spec: writing standard output: No space left on device code=machine who="the machine is short of memory, disk or descriptors"
= 6

== standard input may be a file
$ echo '{"spec":{}}' >request; source-hello <request | cut -c 1-8
< {"spec":

== closed standard input is its end
$ source-hello <&-

== closed standard output is an error
$ source-hello >&-
> {"spec":{}}
! error spec: writing standard output: Bad file descriptor
= 7
