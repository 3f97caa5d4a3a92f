# Wrong settings: every problem at once, each with its place in the config, the setting as a JSON pointer and what was found.

== a value of the wrong type
$ source-hello
> {"discover":{"config":{"count":"3"}}}
! error discover: config:1:10: /count: expected an integer, got "3" code=config who="the operator has to act: settings, credentials or catalog"
= 2

== all problems of a config at once
$ source-hello
> {"discover":{"config":{"text":5, "count":1.5, "colour":"red"}}}
! error discover: config:1:9: /text: expected a string, got 5\nconfig:1:20: /count: expected an integer, got 1.5\nconfig:1:25: /colour: unknown setting
= 2

== an unknown setting suggests the nearest
$ source-hello
> {"discover":{"config":{"texd":"Hi"}}}
! error discover: config:1:2: /texd: unknown setting, did you mean 'text'? code=config
= 2

== an integer may be written 3.0 or 3e0, but holds 64 bits
$ source-hello | cut -c 1-14
> {"discover":{"config":{"count":3.0}}}
> {"discover":{"config":{"count":3e0}}}
> {"discover":{"config":{"count":9223372036854775807}}}
> {"discover":{"config":{"count":9223372036854775808}}}
< {"discovered":
< {"discovered":
< {"discovered":
! error discover: config:1:10: /count: expected an integer of at most 64 bits, got 9223372036854775808 code=config

== columns are counted in characters, not in bytes
$ source-hello
> {"discover":{"config":{"text":"äöü","count":true}}}
! error discover: config:1:23: /count: expected an integer, got true
= 2

== a config that is no object
$ source-hello
> {"discover":{"config":["text"]}}
! error discover: config:1:1: expected an object, got an array
= 2

== a setting twice
$ source-hello
> {"discover":{"config":{"text":"a","text":"b"}}}
! error discover: 1:23: member "text" appears twice, first at 1:12
= 5

== bindings have their problems told together, too
$ source-hello
> {"validate":{"name":"acme/hello","config":{},"bindings":[{"resourceConfig":{},"collection":{"name":"acme/a"}},{"resourceConfig":{"stream":1,"_meta":{"path":["x"]}},"collection":{"name":"acme/b"}},{"resourceConfig":{"strem":"x"},"collection":{"name":"acme/c"}}]}}
! error validate: binding 0 (acme/a): resource:1:1: /stream: required, but missing\nbinding 1 (acme/b): resource:1:11: /stream: expected a string, got 1\nbinding 2 (acme/c): resource:1:1: /stream: required, but missing\nresource:1:2: /strem: unknown setting, did you mean 'stream'? code=config
= 2
