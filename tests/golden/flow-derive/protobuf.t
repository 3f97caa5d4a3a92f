# The same in protobuf, written and read by a small encoder of its own: tags of flow.md 4.1, 4.2, 4.4 and 6.1, frames of 1.1. Served by derive-balances as it is, and by
# weir shim, which drives it in JSON.
file wire.py
| import json, struct, sys
| def varint(n):
|     out = b""
|     while n > 127:
|         out, n = out + bytes([n & 127 | 128]), n >> 7
|     return out + bytes([n])
| def f(tag, value):
|     if isinstance(value, int):
|         return varint(tag << 3) + varint(value)
|     value = value if isinstance(value, bytes) else value.encode()
|     return varint(tag << 3 | 2) + varint(len(value)) + value
| def frame(message):
|     return struct.pack("<I", len(message)) + message
| def fields(data):
|     at, found = 0, []
|     def number():
|         nonlocal at
|         n = shift = 0
|         while True:
|             c = data[at]; at += 1
|             n |= (c & 127) << shift; shift += 7
|             if c < 128: return n
|     while at < len(data):
|         key = number()
|         if key & 7 == 0: found.append((key >> 3, number()))
|         else:
|             n = number(); found.append((key >> 3, data[at:at + n])); at += n
|     return found
| # A runtime checkpoint: sources with a producer, whose numbers have 64 bits, and intents.
| def checkpoint(n):
|     return f(1, f(1, f(1, "j;s") + f(2, f(1, n) + f(2, f(1, b"\1\2\3\4\5\6") + f(2, varint(1 << 3 | 1) + struct.pack("<Q", 77) + f(2, 2**64 - 1))))) + f(2, f(1, "ack") + f(2, b"\0\1")))
file requests.py
| import sys
| from wire import *
| fixed = lambda tag, n: varint(tag << 3 | 1) + struct.pack("<Q", n)
| inference = lambda kind, exists: f(1, kind) + f(8, exists)
| collection = lambda name, key: f(1, name) + f(3, key) + f(6, f(1, key) + f(2, key[1:]) + f(5, 1) + f(6, inference("string", 1))) + f(8, '{"type":"object"}')
| transforms = [("in", '{"kind":"deposit"}'), ("out", '{"kind":"withdrawal"}')]
| derivation = f(1, 4) + f(2, '{"limit":-100}') + b"".join(f(3, f(1, n) + f(2, collection("t/" + n, "/id")) + f(6, "/user") + f(8, l) + f(14, n)) for n, l in transforms) + f(4, b"\3")
| target = collection("t/balances", "/user")
| spec = f(1, f(1, 4) + f(2, "{}"))
| read = lambda t, doc: f(4, (f(1, t) if t else b"") + f(2, fixed(1, 5) + fixed(2, 2**64 - 1)) + f(3, f(1, '["ann"]') + f(2, b"\2ann\0") + f(3, 2**32 - 1)) + f(4, doc))
| open_ = lambda state: f(3, f(1, target + f(12, derivation)) + f(2, "v1") + f(3, varint(3 << 3 | 5) + b"\xff" * 4) + f(5, state))
| requests = {
|     "validate": [spec, f(2, f(1, 4) + f(2, "{}") + f(3, target) + b"".join(f(4, f(1, n) + f(2, collection("t/" + n, "/id")) + f(4, l)) for n, l in transforms)
|                          + f(5, b"\3") + f(6, "file:///p") + f(7, f(1, "/transforms/0/lambda") + f(2, "file:///l.json")))],
|     "session": [spec, open_("{}"), read(0, '{"user":"ann",\n"cents":500}'), read(1, '{"user":"ann","cents":550}'), read(1, '{"user":"ann","cents":51}'), f(5, b""), f(6, checkpoint(300)),
|                 f(7, b""), read(0, '{"user":"' + "a" * 20000 + '","cents":1}'), f(5, b""), f(6, b"")],
|     "again": [open_('{"users":{"ann":{"balance":-50,"refused":1}}}'), read(1, '{"user":"ann","cents":50}'), f(5, b"")],
| }
| for message in requests[sys.argv[1]]:
|     sys.stdout.buffer.write(frame(message))
file responses.py
| import sys
| from wire import *
| names = {1: "spec", 2: "validated", 3: "opened", 4: "published", 5: "flushed", 6: "startedCommit"}
| data = sys.stdin.buffer.read()
| while data:
|     n = struct.unpack("<I", data[:4])[0]
|     (tag, body), data = fields(data[4:4 + n])[0], data[4 + n:]
|     if tag == 1:
|         body = {t: v for t, v in fields(body) if t in (1, 4)}
|     elif tag == 6:
|         body = {t: dict(fields(v)) for t, v in fields(body)}
|     else:
|         body = fields(body)
|     text = str(body)
|     print(names[tag], text if len(text) < 20000 else f'{text[:20]} {text.count("a")} {text[-30:]}')

== spec, validate
$ python3 requests.py validate | derive-balances | python3 responses.py
< spec {1: 3032023, 4: b'https://weir.invalid/derive-balances'}
< validated [(1, b''), (1, b'')]

== transactions, documents of many sizes, a reset
$ python3 requests.py session | derive-balances | python3 responses.py
< spec {1: 3032023, 4: b'https://weir.invalid/derive-balances'}
< opened []
< published [(1, b'{"user":"ann","balance":-50,"refused":1}')]
< flushed []
< startedCommit {1: {1: b'{"users":{"ann":{"balance":-50,"refused":1}}}', 2: 1}}
< published [(1, b'{"user":"aaaa 20002 a","balance":1,"refused":0}')]
< flushed []
< startedCommit {1: {1: b'{"users":{ 20002 {"balance":1,"refused":0}}}'}}

== a state comes back
$ python3 requests.py again | derive-balances | python3 responses.py
< opened []
< published [(1, b'{"user":"ann","balance":-100,"refused":1}')]
< flushed []

== the same through a shim, and through two: one codec on either side
$ for r in validate session again; do python3 requests.py $r | derive-balances >$r.one; python3 requests.py $r | weir shim --from flow --as flow -- derive-balances >$r.two; cmp $r.one $r.two && echo same; done
< same
< same
< same
$ python3 requests.py session | weir shim --from flow --as flow --derivation -- weir shim --from flow --as flow --derivation derive-balances -- | cmp - session.one && echo same
< same
