# Which requests a served capture takes, and how it answers: docs/protocols/flow.md 1.2, 1.5, 2 and 3.

== the platform's hidden spec comes first, on the same input
$ source-hello | cut -c 1-24
> {"spec":{"connectorType":"LOCAL","config":{}}}
> {"open":{"capture":{"name":"acme/hello","connectorType":"LOCAL","config":{"count":1},"bindings":[{"resourceConfig":{"stream":"greetings"},"resourcePath":["greetings"],"collection":{"name":"acme/greetings","key":["/n"]},"stateKey":"greetings"}]},"version":"1","state":{}}}
< {"spec":{"protocol":3032
< {"opened":{}}
< {"captured":{"binding":0
< {"checkpoint":{"state":{

== several requests on one input get one answer each, in order
$ source-hello | cut -d '"' -f 2
> {"spec":{"connectorType":"LOCAL","config":{}}}
> {"spec":{"connectorType":"IMAGE","config":{}}}
> {"discover":{"connectorType":"LOCAL","config":{}}}
> {"validate":{"name":"acme/hello","connectorType":"LOCAL","config":{},"bindings":[]}}
> {"apply":{"capture":{"name":"acme/hello","connectorType":"LOCAL","config":{}},"version":"1"}}
> {"discover":{"connectorType":"LOCAL","config":{}}}
< spec
< spec
< discovered
< validated
< applied
< discovered

== no request at all is no failure
$ source-hello </dev/null

== the answer to spec does not depend on the config, which may be anything
$ source-hello | cut -c 1-26
> {"spec":{"connectorType":"LOCAL","config":{"text":5,"unknown":[]}}}
> {"spec":{}}
< {"spec":{"protocol":303202
< {"spec":{"protocol":303202

== nothing to validate
$ source-hello
> {"validate":{"name":"acme/hello","connectorType":"LOCAL","config":{}}}
> {"validate":{"name":"acme/hello","connectorType":"LOCAL","config":{},"bindings":[]}}
<= {"validated":{"bindings":[]}}
<= {"validated":{"bindings":[]}}

== unknown keys of a request are ignored
$ source-hello
> {"future":{"a":1},"validate":{"name":"acme/hello","connectorType":"LOCAL","config":{},"secrets":{"/a":"b"},"linkedCollections":[],"bindings":[{"resourceConfig":{"stream":"greetings"},"collectionIndex":0,"collection":{"name":"acme/greetings","writeSchema":{},"key":["/n"],"later":{}}}]},"$internal":"CgNhYmM="}
<= {"validated":{"bindings":[{"resourcePath":["greetings"]}]}}

== kinds that are null count as absent
$ source-hello
> {"spec":null,"discover":null,"validate":{"name":"acme/hello","connectorType":"LOCAL","config":{},"bindings":[],"lastCapture":null},"apply":null,"open":null,"acknowledge":null,"$internal":null}
<= {"validated":{"bindings":[]}}

== members that are null count as absent
$ source-hello
> {"open":{"capture":{"name":"acme/hello","connectorType":"LOCAL","config":{"count":1,"text":null},"bindings":[{"resourceConfig":{"stream":"greetings"},"resourcePath":["greetings"],"collection":{"name":"acme/greetings","key":["/n"],"writeSchema":null,"readSchema":null},"backfill":null,"stateKey":"greetings"}],"networkPorts":null},"version":null,"range":null,"state":null}}
<= {"opened":{}}
<= {"captured":{"binding":0,"doc":{"n":0,"text":"Hello"}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"greetings":{"n":1}}},"mergePatch":true}}}

== names as the .proto spells them are understood too
$ source-hello
> {"validate":{"name":"acme/hello","connector_type":"LOCAL","config_json":{},"bindings":[{"resource_config_json":{"stream":"greetings"},"collection":{"name":"acme/greetings","write_schema_json":{},"key":["/n"]}}]}}
> {"open":{"capture":{"name":"acme/hello","connector_type":"LOCAL","config_json":{"count":4},"bindings":[{"resource_config_json":{"stream":"greetings"},"resource_path":["greetings"],"collection":{"name":"acme/greetings","key":["/n"]},"state_key":"greetings"}],"interval_seconds":300},"version":"1","state_json":{"bindingStateV1":{"greetings":{"n":3}}}}}
<= {"validated":{"bindings":[{"resourcePath":["greetings"]}]}}
<= {"opened":{}}
<= {"captured":{"binding":0,"doc":{"n":3,"text":"Hello"}}}
<= {"checkpoint":{"state":{"updated":{"bindingStateV1":{"greetings":{"n":4}}},"mergePatch":true}}}

== names may be written with escapes
$ source-hello
> {"val\u0069date":{"name":"acme/hello","connectorType":"LOCAL","con\u0066ig":{},"bindings":[{"resourceConfig":{"stre\u0061m":"greetings"},"collection":{"name":"acme/greetings"}}]}}
<= {"validated":{"bindings":[{"resourcePath":["greetings"]}]}}

== a resource config may carry the platform's _meta
$ source-hello
> {"validate":{"name":"acme/hello","connectorType":"LOCAL","config":{},"bindings":[{"resourceConfig":{"_meta":{"path":["greetings"],"more":{}},"stream":"greetings"},"collection":{"name":"acme/greetings","key":["/n"]}}]}}
<= {"validated":{"bindings":[{"resourcePath":["greetings"]}]}}

== two bindings of one resource are an error that names both
$ source-hello
> {"validate":{"name":"acme/hello","connectorType":"LOCAL","config":{},"bindings":[{"resourceConfig":{"stream":"greetings"},"collection":{"name":"acme/a"}},{"resourceConfig":{"stream":"greetings"},"collection":{"name":"acme/b"}}]}}
! error validate: bindings 0 (acme/a) and 1 (acme/b) are the same resource ["greetings"] code=config
= 2

== two kinds in one request are an error
$ source-hello
> {"spec":{"config":{}},"discover":{"config":{}}}
! a second kind of message in one at byte 22 of the message
= 5

== a request without a known kind is an error
$ source-hello
> {"specc":{"config":{}}}
! no known kind of message at byte 23 of the message code=protocol
= 5

== an empty request is an error
$ source-hello
> {}
! no known kind of message at byte 2 of the message code=protocol
= 5

== a response is no request
$ source-hello
> {"opened":{}}
! no known kind of message
= 5

== a kind that is no object is an error
$ source-hello
> {"spec":[]}
! expected an object at byte 8 of the message code=protocol
= 5

== an acknowledgement before open is an error
$ source-hello
> {"acknowledge":{"checkpoints":1}}
! error acknowledge: request 'acknowledge' before open
= 5

== answers given before a failure stay given
$ source-hello | cut -c 1-8
> {"spec":{}}
> {"discover":{"config":{"count":"many"}}}
> {"spec":{}}
< {"spec":
! error discover: config:1:10: /count: expected an integer, got "many" code=config

== a binding needs a resource config and a collection
$ source-hello
> {"validate":{"name":"acme/hello","config":{},"bindings":[{"resourceConfig":{"stream":"greetings"},"collection":{"name":"a/b"}},{"collection":{"name":"a/c"}}]}}
! error validate: binding 1: a binding needs resourceConfig and collection code=protocol
= 5

== without explicit acknowledgements nothing is read after open
$ source-hello
> {"open":{"capture":{"name":"acme/hello","connectorType":"LOCAL","config":{"count":0},"bindings":[]},"version":"1"}}
> {"acknowledge":{"checkpoints":0}}
> this is not even JSON
<= {"opened":{}}
