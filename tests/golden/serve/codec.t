# The two codecs on standard input and output: JSON lines, and protobuf behind a length of four bytes (docs/protocols/flow.md 1.1). Answers come in the codec
# of the requests. The bytes here were made with Google's protobuf library; tests/unit/proto goes through all messages.

# Takes a stream of frames apart: one line of hex each.
file frames.py
| import sys
| data = sys.stdin.buffer.read()
| while data:
|     n = 4 + int.from_bytes(data[:4], "little")
|     print(data[:n].hex() if len(data) >= n else "half a frame: " + data.hex())
|     data = data[n:]

== protobuf, told by the environment
env FLOW_RUNTIME_CODEC=proto
$ source-hello | python3 frames.py
>> H\x00\x00\x00\x1aF\x0a\x0aacme/hello\x10\x08\x1a\x02{}"2\x0a\x16{"stream":"greetings"}\x12\x18\x0a\x0eacme/greetings\x1a\x02/nB\x02{}
>> |\x00\x00\x00*z\x0ae\x0a\x0aacme/hello\x10\x08\x1a\x0b{"count":2}"H\x0a\x16{"stream":"greetings"}\x12\x09greetings\x1a\x18\x0a\x0eacme/greetings\x1a\x02/nB\x02{}*\x09greetings\x12\x011\x1a\x0a\x1d\xff\xff\xff\xff-\xff\xff\xff\xff"\x02{}
< 0f0000001a0d0a0b0a096772656574696e6773
< 020000002a00
< 1a000000321812167b226e223a302c2274657874223a2248656c6c6f227d
< 300000003a2e0a2c0a287b2262696e64696e6753746174655631223a7b226772656574696e6773223a7b226e223a317d7d7d1001
< 1a000000321812167b226e223a312c2274657874223a2248656c6c6f227d
< 300000003a2e0a2c0a287b2262696e64696e6753746174655631223a7b226772656574696e6773223a7b226e223a327d7d7d1001

== protobuf, told by its first four bytes
$ source-hello | python3 frames.py
>> \x08\x00\x00\x00\x12\x06\x08\x08\x12\x02{}
>> \x08\x00\x00\x00\x12\x06\x08\x08\x12\x02{}
< a2000000129f010a9c010a096772656574696e677312167b2273747265616d223a226772656574696e6773227d1a687b2274797065223a226f626a656374222c2270726f70657274696573223a7b226e223a7b2274797065223a22696e7465676572227d2c2274657874223a7b2274797065223a22737472696e67227d7d2c227265717569726564223a5b226e222c2274657874225d7d22022f6e32096772656574696e6773
< a2000000129f010a9c010a096772656574696e677312167b2273747265616d223a226772656574696e6773227d1a687b2274797065223a226f626a656374222c2270726f70657274696573223a7b226e223a7b2274797065223a22696e7465676572227d2c2274657874223a7b2274797065223a22737472696e67227d7d2c227265717569726564223a5b226e222c2274657874225d7d22022f6e32096772656574696e6773

== protobuf: nothing at all is no failure
env FLOW_RUNTIME_CODEC=proto
$ source-hello </dev/null

== protobuf: an empty variable is as good as none
env FLOW_RUNTIME_CODEC=
$ source-hello | python3 frames.py | cut -c 9-10
>> \x02\x00\x00\x00\x0a\x00
< 0a

== JSON, told by the environment
env FLOW_RUNTIME_CODEC=json
$ source-hello | cut -c 1-8
> {"spec":{}}
< {"spec":

== another word is an error before anything is read
env FLOW_RUNTIME_CODEC=yaml
$ source-hello
> {"spec":{}}
! error FLOW_RUNTIME_CODEC is 'yaml': json and proto are known code=config
= 2

== JSON where protobuf was promised
env FLOW_RUNTIME_CODEC=proto
$ source-hello
> {"spec":{}}
! error standard input: a message of 1886593659 bytes: more than 64 MiB, or not the protobuf codec code=protocol
= 5

== protobuf where JSON was promised
env FLOW_RUNTIME_CODEC=json
$ source-hello
>> \x02\x00\x00\x00\x0a\x00
! error standard input: expected an object at byte 0 of the message code=protocol
= 5

== a frame that stops in the middle
env FLOW_RUNTIME_CODEC=proto
$ source-hello
>> \x08\x00\x00\x00\x12\x06\x08
! error standard input ends inside a message: 3 of 8 bytes
= 5

== a length that stops in the middle
env FLOW_RUNTIME_CODEC=proto
$ source-hello
>> \x08\x00
! error standard input ends inside a message: 2 of 4 bytes
= 5

== a frame without a message
env FLOW_RUNTIME_CODEC=proto
$ source-hello
>> \x00\x00\x00\x00
! error standard input: no known kind of message
= 5

== a frame longer than 64 MiB is refused when its length is read
env FLOW_RUNTIME_CODEC=proto
$ source-hello
>> \x01\x00\x00\x04
! error standard input: a message of 67108865 bytes: more than 64 MiB, or not the protobuf codec
= 5

== protobuf that is none
env FLOW_RUNTIME_CODEC=proto
$ source-hello
>> \x03\x00\x00\x00\x0a\x05\x0a
! error standard input: protobuf Request.: field longer than the message
= 5

== a config within protobuf that is no JSON
env FLOW_RUNTIME_CODEC=proto
$ source-hello
>> \x06\x00\x00\x00\x12\x04\x12\x02{]
! error standard input: protobuf Request.Discover.config is not JSON: 
= 5

== settings have their place in protobuf too
env FLOW_RUNTIME_CODEC=proto
$ source-hello
>> \x1d\x00\x00\x00\x12\x1b\x12\x19{"text": "a", "count":[]}
! error discover: config:1:23: /count: expected an integer, got an array
= 2
