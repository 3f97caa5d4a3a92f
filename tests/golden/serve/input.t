# Input that is no request: what is wrong, where, and status 5. docs/protocols/flow.md 1.1.

== a line that is no JSON
$ source-hello
> hello
! error standard input: expected an object at byte 0 of the message code=protocol
= 5

== an empty line
$ source-hello
>
! error standard input: expected an object at byte 0 of the message code=protocol
= 5

== something behind the request
$ source-hello
> {"spec":{}} {"spec":{}}
! error standard input: text after the end of the value at byte 12 of the message
= 5

== a request that stops in the middle of a line
$ source-hello
>> {"spec":{"config":{}}
! error standard input ends inside a line: the last 21 bytes have no newline code=protocol
= 5

== a whole request, but its line does not end
$ source-hello
>> {"spec":{}}\n{"spec":{}}
<= {"spec":{"protocol":3032023,"configSchema":{"title":"Greetings, to try things with","type":"object","properties":{"text":{"title":"Text","description":"What to say.","type":"string","default":"Hello","order":0},"count":{"title":"Count","description":"How many greetings to send.","type":"integer","default":3,"order":1}}},"resourceConfigSchema":{"title":"Greetings, to try things with Resource","type":"object","required":["stream"],"properties":{"stream":{"title":"Stream","description":"The stream to read: greetings.","type":"string","order":0}}},"documentationUrl":"https://weir.invalid/source-hello","resourcePathPointers":["/stream"]}}
! error standard input ends inside a line: the last 11 bytes have no newline code=protocol
= 5

== fewer bytes than tell the codec
$ source-hello
>> {}
! error standard input ends inside a line: the last 2 bytes have no newline
= 5

== bytes that are not UTF-8
$ source-hello
>> {"discover":{"config":{"text":"a\xffb"}}}\n
! error standard input: bytes that are not UTF-8 at byte 32 of the message code=protocol
= 5

== overlong UTF-8
$ source-hello
>> {"discover":{"config":{"text":"\xc0\xaf"}}}\n
! error standard input: bytes that are not UTF-8 at byte 31
= 5

== a surrogate as UTF-8
$ source-hello
>> {"discover":{"config":{"text":"\xed\xa0\x80"}}}\n
! error standard input: bytes that are not UTF-8 at byte 31
= 5

== a control character in a string
$ source-hello
>> {"discover":{"config":{"text":"a\tb"}}}\n
! error standard input: control character in a string at byte 32
= 5

== a NUL byte between tokens
$ source-hello
>> {"spec":\0{}}\n
! error standard input: no JSON value begins here at byte 8 of the message code=protocol
= 5

== a carriage return before the line end is whitespace
$ source-hello | cut -c 1-8
>> {"spec":{}}\r\n
< {"spec":

== whitespace anywhere is fine
$ source-hello | cut -c 1-8
>   { "spec" :	{ "config" : { } } }  
< {"spec":

== a byte order mark is no JSON
$ source-hello
>> \xef\xbb\xbf{"spec":{}}\n
! error standard input: expected an object at byte 0
= 5

== nesting has a limit
$ python3 -c "print('{\"discover\":{\"config\":{\"text\":' + '[' * 100000 + ']' * 100000 + '}}}')" | source-hello
! error standard input: nested too deeply at byte 105
= 5

== nothing of a request is shown: it may hold credentials
$ source-hello
> {"discover":{"config":{"password":"hunter2","count":nope}}}
! error standard input: no JSON value begins here at byte 52 of the message code=protocol
!! hunter2
= 5

== a message of 64 MiB is taken
$ python3 -c "print('{\"spec\":{\"config\":{\"text\":\"' + 'x' * (64 * 1024 * 1024 - 30) + '\"}}}')" | source-hello | cut -c 1-8
< {"spec":

== a longer one is not
$ python3 -c "print('{\"spec\":{\"config\":{\"text\":\"' + 'x' * (64 * 1024 * 1024 + 100) + '\"}}}')" | source-hello
! error standard input: a line at byte 0 is longer than the
= 5

== a line that never ends is not gathered without limit
file endless.py
| import os, subprocess
| p = subprocess.Popen(["source-hello"], stdin=subprocess.PIPE)
| try:
|     while True:
|         os.write(p.stdin.fileno(), b" " * 1000000)
| except BrokenPipeError:
|     _, status, usage = os.wait4(p.pid, 0)
|     print(os.waitstatus_to_exitcode(status), usage.ru_maxrss < 500000 or usage.ru_maxrss)
$ python3 endless.py
< 5 True
! error standard input: a message at byte 0 is longer than the 67108868 bytes allowed code=protocol

== names twice are an error where they would be ambiguous
$ source-hello
> {"discover":{"config":{},"config":{"text":"a"}}}
! error discover: 1:14: member "config" appears twice, first at 1:2
= 5
