# Derivations that break the protocol: whoever drives them says what they did, and no transaction is committed that went wrong. bad.py is peer.py with one thing changed.
file bad.sh
| sed "$1" $ROOT/tests/golden/flow-derive/peer.py >bad.py
| cmp -s bad.py $ROOT/tests/golden/flow-derive/peer.py && echo "nothing was changed"
| timeout 30 weir shim --from flow --as flow --derivation -- python3 bad.py -- <${2:-requests} | grep -c startedCommit
| exit ${PIPESTATUS[0]}
file requests
| {"open":{"collection":{"name":"t/d","key":["/id"],"writeSchema":{},"derivation":{"config":{},"transforms":[{"name":"one","collection":{"name":"t/s","key":["/id"],"writeSchema":{}},"lambdaConfig":{"times":2}}]}},"version":"1"}}
| {"read":{"doc":{"id":"a","n":1}}}
| {"flush":{}}
| {"startCommit":{}}
file question
| {"validate":{"connectorType":"LOCAL","config":{},"collection":{"name":"t/d","key":["/id"],"writeSchema":{}},"transforms":[{"name":"one","collection":{"name":"t/s","key":["/id"],"writeSchema":{}},"lambdaConfig":{"times":2}}]}}

== as it should be
$ bash bad.sh 's/self.flushed, self.waiting, self.changed/self.flushed , self.waiting, self.changed/'
< 1

== it publishes after flushed
$ bash bad.sh 's/        send("flushed", {})/        send("flushed", {}); self.publish({"id": 1})/'
< 0
! startCommit: the connector sent 'published' after 'flushed'
= 5

== it publishes something that is no document, or nothing
$ bash bad.sh 's/            self.publish(doc)/            self.publish([doc])/'
< 0
! expected a document, which is an object
= 5
$ bash bad.sh 's/        send("published", {"doc": doc})/        send("published", {})/'
< 0
! a document is missing
= 5

== flushed twice
$ bash bad.sh 's/        send("flushed", {})/        send("flushed", {}); send("flushed", {})/'
< 0
! startCommit: the connector sent 'flushed' after 'flushed'
= 5

== another answer
$ bash bad.sh 's/        send("flushed", {})/        send("startedCommit", {})/'
< 0
! flush: the connector sent 'startedCommit' while reading
= 5
$ bash bad.sh 's/        send("startedCommit", answer)/        send("flushed", {})/'
< 0
! startCommit: the connector sent 'flushed' after 'flushed'
= 5

== messages of others
$ bash bad.sh 's/            self.publish(doc)/            send("captured", {"binding": 0, "doc": doc})/'
< 0
! unknown kind of message
= 5
$ bash bad.sh 's/        send("published", {"doc": doc})/        send("published", {"binding": 0, "doc": doc})/'
< 0
! unknown key
= 5

== it dies in a transaction: before the flush, in it, after it
$ bash bad.sh 's/        t = self.d/        fail("the disk is full"); t = self.d/'
< 0
! the disk is full
! the connector exited with status 1: the disk is full
= 4
$ bash bad.sh 's/        send("flushed", {})/        sys.exit(0)/'
< 0
! flush: the connector has ended its output
= 5
$ bash bad.sh 's/        check(self.flushed, "startCommit before flush")/        os.kill(os.getpid(), 9)/'
< 0
! startCommit: 
= 4

== half a message
$ bash bad.sh 's/        send("flushed", {})/        sys.stdout.write("{\\"flushed\\":"); sys.stdout.flush(); sys.exit(0)/'
< 0
! the connector's output
= 5

== a state that is none, a wish that is not known
$ bash bad.sh 's/        send("startedCommit", answer)/        send("startedCommit", {"state": {"updated": [1]}})/'
< 0
! startCommit: the connector's state is no object
= 5
$ bash bad.sh 's/        send("flushed", {})/        send("flushed", {"more": True})/'
< 0
! flush: the connector wants to be flushed again ('more'), which is not supported
= 5

== validation: fewer transforms, a file that is no text
$ bash bad.sh 's/        "transforms": \[.*/        "transforms": [],/' question
< 0
! the connector validated 0 transforms of 1
= 5
$ bash bad.sh 's/        "generatedFiles": .*/        "generatedFiles": {"file:\/\/\/a": 1},/' question
< 0
! the connector generated a file 'file:///a' that is no text
= 5

== a spec of another protocol
$ bash bad.sh 's/    "protocol": 3032023,/    "protocol": 1,/'
< 0
! spec: protocol is 1, 3032023 is expected
= 5
