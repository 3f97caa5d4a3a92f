# The same transcript in protobuf, written and read by a small encoder of its own: tags of flow.md 5.1, 5.2, 5.4, 5.7 and 6.1, frames of 1.1.
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
| inference = lambda kind, exists: f(1, kind) + f(8, exists)
| projections = [f(1, "") + f(2, "flow_document") + f(6, inference("object", 1)),
|                f(1, "/id") + f(2, "id") + f(5, 1) + f(6, inference("integer", 1)),
|                f(1, "/v") + f(2, "v") + f(6, inference("string", 2))]
| collection = f(1, "t/a") + f(3, "/id") + b"".join(f(6, p) for p in projections) + f(8, '{"type":"object"}')
| binding = f(1, '{"table":"a"}') + f(2, "a") + f(3, collection) + f(4, f(1, "id") + f(2, "v")) + f(13, "a")
| task = f(1, "t/m") + f(2, 9) + f(3, '{"path":"a.db"}') + f(4, binding)
| spec = f(1, f(1, 9) + f(2, "{}"))
| requests = {
|     "validate": [spec, f(2, f(1, "t/m") + f(2, 9) + f(3, '{"path":"a.db"}') + f(4, f(1, '{"table":"a"}') + f(2, collection)))],
|     "apply": [spec, f(3, f(1, task) + f(2, "v1"))],
|     "first": [spec, f(4, f(1, task) + f(2, "v1") + f(4, "{}")), f(9, b""), f(5, f(3, b"\x15\1")), f(6, b""),
|               f(7, f(3, b"\x15\1") + f(5, b"\2x\0")), f(7, f(3, b"\x15\2") + f(5, b"\2x\0")), f(8, checkpoint(10)), f(9, b"")],
|     "second": [spec, f(4, f(1, task) + f(2, "v1")), f(9, b""), f(5, f(3, b"\x15\1")), f(5, f(3, b"\x15\3")), f(6, b""),
|                f(7, f(3, b"\x15\1") + f(5, b"\2y\0") + f(7, 1)), f(7, f(3, b"\x15\2") + f(5, b"\2x\0") + f(7, 1) + f(8, 1)), f(8, checkpoint(300)), f(9, b"")],
|     "third": [f(4, f(1, task) + f(2, "v1"))],
| }
| for message in requests[sys.argv[1]]:
|     sys.stdout.buffer.write(frame(message))
file responses.py
| import sys
| from wire import *
| names = {1: "spec", 2: "validated", 3: "applied", 4: "opened", 5: "loaded", 6: "flushed", 7: "startedCommit", 8: "acknowledged"}
| data = sys.stdin.buffer.read()
| while data:
|     n = struct.unpack("<I", data[:4])[0]
|     (tag, body), data = fields(data[4:4 + n])[0], data[4 + n:]
|     if tag == 2:
|         for _, b in fields(body):
|             for key, value in fields(b):
|                 if key == 1:
|                     entry = dict(fields(value))
|                     print("constraint", entry[1].decode(), dict(fields(entry[2]))[2])
|                 else:
|                     print("path", value.decode())
|     else:
|         at = [n for n in (10, 300) if body == checkpoint(n)]
|         print(names[tag], at or dict(fields(body)) if tag in (4, 5) else "")

== a constraint for every projection: 2 is LOCATION_REQUIRED, 3 LOCATION_RECOMMENDED, 4 FIELD_OPTIONAL
$ python3 requests.py validate | materialize-sqlite | python3 responses.py
< spec 
< constraint id 2
< constraint flow_document 4
< constraint v 3
< path a

== two transactions: inserted, loaded, updated, deleted
$ python3 requests.py apply | materialize-sqlite | python3 responses.py
< spec 
< applied 
! info  t/m: made table "a"
# It keeps the checkpoint and has none: the sentinel of flow.md 5.6.
$ python3 requests.py first | materialize-sqlite | python3 responses.py
< spec 
< opened {1: b'\xf8\xff\xff\xff\x0f\x01'}
< acknowledged 
< flushed 
< startedCommit 
< acknowledged 
# The checkpoint comes back as it was.
$ python3 requests.py second | materialize-sqlite | python3 responses.py
< spec 
< opened [10]
< acknowledged 
< loaded {2: b'{"id":1,"v":"x"}'}
< flushed 
< startedCommit 
< acknowledged 
$ python3 requests.py third | materialize-sqlite | python3 responses.py
< opened [300]
$ sqlite3 a.db "SELECT id, v FROM a"
< 1|y
