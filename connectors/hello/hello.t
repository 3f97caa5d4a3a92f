# source-hello as a Flow capture: the life of a task, one step after the other. tests/golden/README.md says how to read this file.

== spec says what can be set
$ source-hello | python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)["spec"], indent=1))'
> {"spec":{"connectorType":"LOCAL","config":{}}}
< {
<  "protocol": 3032023,
<  "configSchema": {
<   "title": "Greetings, to try things with",
<   "type": "object",
<   "properties": {
<    "text": {
<     "title": "Text",
<     "description": "What to say.",
<     "type": "string",
<     "default": "Hello",
<     "order": 0
<    },
<    "count": {
<     "title": "Count",
<     "description": "How many greetings to send.",
<     "type": "integer",
<     "default": 3,
<     "order": 1
<    }
<   }
<  },
<  "resourceConfigSchema": {
<   "title": "Greetings, to try things with Resource",
<   "type": "object",
<   "required": [
<    "stream"
<   ],
<   "properties": {
<    "stream": {
<     "title": "Stream",
<     "description": "The stream to read: greetings.",
<     "type": "string",
<     "order": 0
<    }
<   }
<  },
<  "documentationUrl": "https://weir.invalid/source-hello",
<  "resourcePathPointers": [
<   "/stream"
<  ]
< }

== discover finds one stream
$ source-hello
> {"discover":{"connectorType":"LOCAL","config":{}}}
<= {"discovered":{"bindings":[{"recommendedName":"greetings","resourceConfig":{"stream":"greetings"},"resourcePath":["greetings"],"key":["/n"],"documentSchema":{"type":"object","properties":{"n":{"type":"integer"},"text":{"type":"string"}},"required":["n","text"]}}]}}

== validate gives the path of the resource
$ source-hello
> {"validate":{"name":"acme/hello","connectorType":"LOCAL","config":{},"bindings":[{"resourceConfig":{"stream":"greetings"},"collection":{"name":"acme/greetings","writeSchema":{"type":"object"},"key":["/n"]}}]}}
<= {"validated":{"bindings":[{"resourcePath":["greetings"]}]}}

== apply has nothing to do
$ source-hello
> {"apply":{"capture":{"name":"acme/hello","connectorType":"LOCAL","config":{},"bindings":[{"resourceConfig":{"stream":"greetings"},"resourcePath":["greetings"],"collection":{"name":"acme/greetings","writeSchema":{"type":"object"},"key":["/n"]},"stateKey":"greetings"}]},"version":"1"}}
<= {"applied":{}}

== open sends three greetings, each with its checkpoint
$ source-hello
> {"open":{"capture":{"name":"acme/hello","connectorType":"LOCAL","config":{},"bindings":[{"resourceConfig":{"stream":"greetings"},"resourcePath":["greetings"],"collection":{"name":"acme/greetings","writeSchema":{"type":"object"},"key":["/n"]},"stateKey":"greetings"}]},"version":"1","range":{"keyEnd":4294967295,"rClockEnd":4294967295},"state":{}}}
<= {"opened":{}}
<= {"captured":{"binding":0,"doc":{"n":0,"text":"Hello"}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"greetings":{"n":1}}},"mergePatch":true}}}
<= {"captured":{"binding":0,"doc":{"n":1,"text":"Hello"}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"greetings":{"n":2}}},"mergePatch":true}}}
<= {"captured":{"binding":0,"doc":{"n":2,"text":"Hello"}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"greetings":{"n":3}}},"mergePatch":true}}}

== it goes on where its state says
$ source-hello
> {"open":{"capture":{"name":"acme/hello","connectorType":"LOCAL","config":{"text":"Good \"morning\", \u00c5sa","count":4},"bindings":[{"resourceConfig":{"stream":"greetings"},"resourcePath":["greetings"],"collection":{"name":"acme/greetings","writeSchema":{"type":"object"},"key":["/n"]},"stateKey":"greetings"}]},"version":"1","state":{"bindingStateV1":{"greetings":{"n":3}}}}}
<= {"opened":{}}
< {"captured":{"binding":0,"doc":{"n":3,"text":"Good \"morning\", Åsa"}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"greetings":{"n":4}}},"mergePatch":true}}}

== with all greetings sent there is nothing left to do
$ source-hello
> {"open":{"capture":{"name":"acme/hello","connectorType":"LOCAL","config":{},"bindings":[{"resourceConfig":{"stream":"greetings"},"resourcePath":["greetings"],"collection":{"name":"acme/greetings","writeSchema":{"type":"object"},"key":["/n"]},"stateKey":"greetings"}]},"version":"1","state":{"bindingStateV1":{"greetings":{"n":3}}}}}
<= {"opened":{}}

== after a backfill it starts over: the state of the former key does not count
$ source-hello
> {"open":{"capture":{"name":"acme/hello","connectorType":"LOCAL","config":{"count":1},"bindings":[{"resourceConfig":{"stream":"greetings"},"resourcePath":["greetings"],"collection":{"name":"acme/greetings","writeSchema":{"type":"object"},"key":["/n"]},"backfill":1,"stateKey":"greetings.v1"}]},"version":"2","state":{"bindingStateV1":{"greetings":{"n":3}}}}}
<= {"opened":{}}
<= {"captured":{"binding":0,"doc":{"n":0,"text":"Hello"}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"greetings.v1":{"n":1}}},"mergePatch":true}}}

== a task without bindings ends at once
$ source-hello
> {"open":{"capture":{"name":"acme/hello","connectorType":"LOCAL","config":{}},"version":"1"}}
<= {"opened":{}}
