# examples/orders: its tests pass, and each of them fails when what it is about is broken.

file break.sh
| # break.sh FILE WHAT WITH: the tests that fail then
| rm -rf orders; cp -r $ROOT/examples/orders .
| grep -q -F -- "$2" orders/$1 || echo "not there: $2"
| python3 -c 'import sys; p, a, b = sys.argv[1:]; s = open(p).read(); open(p, "w").write(s.replace(a, b, 1))' orders/$1 "$2" "$3"
| weir test --source orders/flow.yaml | grep FAIL | sed 's/.*tests\///' | xargs

== as it is
$ weir test --source $ROOT/examples/orders/flow.yaml | tail -n 1
< 7 tests: 7 passed, 0 failed

== a payment is forgotten
$ sh break.sh pay.sql '-$cents' '0'
< balances debtors

== an order changes nothing where there is a balance already
$ sh break.sh owe.sql 'update set cents = cents + excluded.cents' 'nothing'
< balances

== an order is counted twice
$ sh break.sh flow.yaml '1 as orders' '2 as orders'
< revenue

== a sum becomes the last value
$ sh break.sh flow.yaml 'cents: {type: integer, reduce: {strategy: sum}}' 'cents: {type: integer}'
< revenue

== a key without one of its parts: lines of an order take each other's place
$ sh break.sh flow.yaml 'key: [/order, /sku]' 'key: [/order]'
< lines

== nobody waits for payments: they come too late
$ sh break.sh flow.yaml 'readDelay: 48h' 'readDelay: 0s'
< unpaid

== what is deleted stays
$ sh break.sh flow.yaml 'strategy: merge, delete: true' 'strategy: merge'
< debtors

== other partitions
$ sh break.sh flow.yaml 'exclude: {country: [de, null]}' 'exclude: {country: [null]}'
< abroad

== a schema that refuses what is published
$ sh break.sh flow.yaml 'pieces: {type: integer}}, required: [order, sku]' 'pieces: {type: integer, maximum: 1}}, required: [order, sku]'
< lines
