#include "cli/command.h"

#define PLACE(member) offsetof(cli_args, member)

const cli_option cli_options[] = {
    {"source", NULL, "FILE", PLACE(source), "the catalog; default flow.yaml, - is standard input"},
    {"name", "capture", "TASK", PLACE(name), "the task of the catalog; not needed if there is only one"},
    {"data", NULL, "DIR", PLACE(data), "folder of journals, state and offsets, default weir-data; of a test of its files, default the current one"},
    {"only", NULL, "TASK", PLACE(only), "run just this task"},
    {"once", NULL, NULL, PLACE(once), "end when all captures are done or idle and everything is loaded"},
    {"idle", NULL, "DURATION", PLACE(idle), "with --once: a capture that sends no document for so long is done; default 10s, but for Airbyte, Fivetran and Singer, whose sources end by themselves"},
    {"shards", NULL, "N", PLACE(shards), "cut each derivation and materialization into N shards by key, which work at once; default as many as it has, one at first"},
    {"sessions", NULL, "LIST", PLACE(sessions), "transactions of each successive run of the connector, such as 2,1,-1; -1 is no limit"},
    {"timeout", NULL, "DURATION", PLACE(timeout), "stop when no transaction arrives for so long"},
    {"initial-state", NULL, "JSON", PLACE(initial_state), "the connector's state to begin with"},
    {"fixture", NULL, "FILE", PLACE(fixture), "documents for a derivation, in transactions, instead of those in the data folder; - is standard input"},
    {"output-state", NULL, NULL, PLACE(output_state), "print checkpoints too"},
    {"emit-raw", NULL, NULL, PLACE(emit_raw), "print what the protocol says and change nothing"},
    {"json", NULL, NULL, PLACE(json), "progress and results as JSON lines"},
    {"from", NULL, "PROTOCOL", PLACE(from), "what the connector speaks: flow, airbyte, singer or fivetran"},
    {"as", NULL, "PROTOCOL", PLACE(as), "what it is served as"},
    {"derivation", NULL, NULL, PLACE(derivation), "the connector is a derivation, which Flow knows; told from names such as derive-x, too"},
    {"destination", NULL, NULL, PLACE(destination), "the connector is a destination; told from names such as target-x, too"},
    {"oauth2", NULL, "FILE", PLACE(oauth2), "OAuth2 description, JSON, instead of what the connector says"},
    {"docs-url", NULL, "URL", PLACE(docs_url), "documentation URL instead of what the connector says"},
    {"format", NULL, "FORMAT", PLACE(format), "markdown, airbyte (metadata.yaml), meltano (plugin definition) or singer (--about); default markdown"},
    {"quiet", NULL, NULL, PLACE(quiet), "no progress"},
    {"port", NULL, "N", PLACE(port), "the connector listens there; default 50051 for a source, 50052 for a destination. Its host is GRPC_HOSTNAME, or this one"},
    {"address", NULL, "HOST:PORT", PLACE(address), "the connector listens there"},
    {"destination-schema", NULL, "NAME", PLACE(destination_schema), "schema of the tables in the warehouse; default default_schema"},
    {"configuration", NULL, "FILE", PLACE(configuration), "the connector's configuration, a JSON object of texts; default configuration.json in the data folder"},
    {"state", NULL, "FILE", PLACE(state), "the connector's state; default state.json in the data folder"},
    {"reset", NULL, NULL, PLACE(reset), "forget the state and the warehouse first"},
    {"warehouse", NULL, "CONNECTOR", PLACE(warehouse), "what the warehouse is made with: duckdb or sqlite; default duckdb"},
    {"exclude", NULL, "LIST", PLACE(exclude), "tables and columns that are not selected: TABLE, SCHEMA.TABLE, TABLE.COLUMN ..., with commas"},
    {"input-file", NULL, "NAME", PLACE(input_file), "only this file of the data folder; default all that end in .json, in the order of their names"},
    {"schema-name", NULL, "NAME", PLACE(schema_name), "schema of the tables; default tester"},
    {"plain-text", NULL, NULL, PLACE(plain_text), "batch files are neither encrypted nor compressed, and stay in the folder"},
    {"disable-operation-delay", NULL, NULL, PLACE(no_delay), "all operations of an input file happen in one millisecond"},
    {"batch-file-type", NULL, "TYPE", PLACE(batch_file_type), "CSV or PARQUET; default CSV"},
    {"junit", NULL, "FILE", PLACE(junit), "write what became of the tests as XML of JUnit, for build servers"},
    {0},
};

#define OPTIONS(...) (const char *const[]){__VA_ARGS__, NULL}

const cli_command cli_commands[] = {
    {"spec", "print what a connector says about itself", "[--source FILE] [--name TASK] | -- COMMAND [ARG...]",
     OPTIONS("source", "name", "emit-raw"),
     "Prints one JSON object: protocol, configSchema, resourceConfigSchema, documentationUrl, resourcePathPointers. With --emit-raw it is the response of the "
     "protocol, on one line. The connector is a task of the catalog, or any program behind --.",
     cmd_spec, true},
    {"discover", "find the streams of a source and write them into the catalog", "[--source FILE] [--name TASK] [--emit-raw]",
     OPTIONS("source", "name", "emit-raw"),
     "Asks the source for its streams and rewrites the catalog: new streams become bindings and collections, known ones keep their target, backfill and disable, "
     "those no longer found leave the capture (their collections stay). With --emit-raw every stream is printed as one JSON line and the catalog stays as it is.",
     cmd_discover, false},
    {"validate", "check a task's settings and bindings with its connector", "[--source FILE] [--name TASK] [--data DIR]", OPTIONS("source", "name", "data"),
     "Prints the response as JSON, one line a task: without --name, all tasks of the catalog. What collections have learned of their schemas (x-infer-schema) is "
     "known from the data folder, if there is one.", cmd_validate, false},
    {"generate", "write the files that a catalog names and that are missing", "[--source FILE] [--data DIR]", OPTIONS("source", "data"),
     "Settings (config, resource) get what their connector's schema requires, to be filled in; migrations and lambdas of SQL get the fields there are, and how to "
     "begin; what else a derivation's connector generates is written, too. Files that are there stay as they are, unless the connector says what its own should hold. "
     "Nothing is written outside of the project: the folder of the catalog, or that of the outermost flow.yaml above it. Prints the name of every file that it writes. "
     "Fields that a collection has learned from its documents (x-infer-schema) are known from the data folder, if there is one.",
     cmd_generate, false},
    {"capture", "run a capture and print its responses", "[--source FILE] [--name TASK] [--initial-state JSON]",
     OPTIONS("source", "name", "initial-state"),
     "Prints every response of the connector as a line and acknowledges every checkpoint once it is printed.", cmd_capture, false},
    {"preview", "run a capture or a derivation and print its documents",
     "[--source FILE] [--name TASK] [--sessions LIST] [--timeout DURATION] [--output-state] [--fixture FILE | --data DIR]",
     OPTIONS("source", "name", "sessions", "timeout", "initial-state", "output-state", "fixture", "data"),
     "Prints of a capture [\"COLLECTION\",DOCUMENT] lines, of a derivation documents. A transaction is what the connector seals with one checkpoint. With --output-state also "
     "[\"connectorState\",{\"updated\":...,\"mergePatch\":...}]. The state goes on from one session to the next, and is forgotten at the end. A derivation reads the "
     "collections in the data folder, which stays as it is, from their beginning to their end, or a fixture: lines of [\"COLLECTION\",DOCUMENT], and {\"commit\":true} behind "
     "each transaction; or a JSON array of transactions, each an array of such pairs.",
     cmd_preview, false},
    {"run", "run the tasks of a catalog on this machine", "[--source FILE] [--once] [--only TASK] [--shards N] [--data DIR] [--json]",
     OPTIONS("source", "data", "only", "once", "idle", "shards", "json", "quiet"),
     "Captures go into collections in the data folder, derivations make collections of others, materializations go from there into their destinations. Everything resumes where it stopped, whatever stopped it: "
     "a document is in its collection and its table exactly once. Without --once captures restart by their interval until SIGTERM or SIGINT. With --shards each "
     "derivation and each materialization works in N shards at once, each of which has a range of the keys; a later run goes on with as many, or with a multiple of that.",
     cmd_run, false},
    {"replay", "put documents through again that were refused", "[--source FILE] [--only TASK] [--data DIR] [--json]", OPTIONS("source", "data", "only", "json", "quiet"),
     "Where a binding says onInvalid: divert, documents that its collection's schema refuses are put aside, each with the reason, in a journal of their own. Once the "
     "schema is mended, this gives them to the task that refused them: those that are valid now go where they would have gone, the others are put aside again. Nothing "
     "else runs meanwhile: a capture does not ask its source, and nothing new is read.",
     cmd_replay, false},
    {"test", "run the tests of a catalog", "[--source FILE] [--json] [--junit FILE] [NAME...]", OPTIONS("source", "json", "junit"),
     "Each test ingests documents into collections, derivations run in memory, and its verify steps say which documents a collection then holds, reduced by key, in the "
     "order of the keys: those that are expected are parts of those that are there, and no other is. Time that derivations wait (readDelay) passes by itself. Every test "
     "begins as if nothing had been before; the data folder is not touched. With --json there is a line for each test, and one at the end. The exit status is 1 if a test "
     "failed.",
     cmd_test, true},
    {"shim", "serve a connector of one protocol as one of another", "--from PROTOCOL --as PROTOCOL -- COMMAND [ARG... --] [PLATFORM-ARG...]",
     OPTIONS("from", "as", "derivation", "destination", "oauth2", "docs-url"),
     "Starts COMMAND whenever the platform wants something of it, speaks its protocol with it, and the platform's on standard input and output. Arguments of "
     "COMMAND itself end with a second --; what follows is what the platform adds, such as `read --config F --catalog F` of Airbyte. So "
     "`exec weir shim --from singer --as airbyte -- tap-x -- \"$@\"` in a script is an Airbyte source. The exit status is that of the protocol it is served as.",
     cmd_shim, true},
    {"docs", "print a connector's documents, made from what it says about itself", "[--format FORMAT] [NAME | --source FILE --name TASK]",
     OPTIONS("source", "name", "format"),
     "The connector is one linked into weir, by its name, such as source-files, or a task of the catalog. Registries of Airbyte and Meltano's hub take the results as "
     "they are.",
     cmd_docs, true},
    {"test-source", "test a source of Fivetran's protocol into a database",
     "[--port N | --address HOST:PORT] [--data DIR] [--destination-schema NAME] [--reset] [--json] [-- COMMAND [ARG...]]",
     OPTIONS("port", "address", "data", "destination-schema", "configuration", "state", "reset", "warehouse", "exclude", "json"),
     "Plays the platform for a source: takes its form, its configuration from the data folder or from questions on the terminal, runs its tests, asks for its schema, and "
     "lets it update everything, from where the state in state.json says, into the tables of warehouse.db. State and tables go on in the next run. COMMAND is started with "
     "--port N behind its arguments. What breaks a rule of the protocol is told with the name of the rule, and the test fails; the exit status says so.",
     cmd_test_source, true},
    {"test-destination", "test a destination of Fivetran's protocol with files of operations",
     "[--port N | --address HOST:PORT] [--data DIR] [--input-file NAME] [--schema-name NAME] [--plain-text] [--json] [-- COMMAND [ARG...]]",
     OPTIONS("port", "address", "data", "configuration", "input-file", "schema-name", "plain-text", "disable-operation-delay", "batch-file-type", "json"),
     "Plays the platform for a destination: takes its form and configuration, runs its tests, and then what the input files of the data folder say: create_table, alter_table, "
     "ops (upsert, update, delete, soft_delete, truncate_before, soft_truncate_before), schema_migration, describe_table. Batch files are written into the same folder; "
     "where the destination sees it elsewhere, WORKING_DIR is its name there. Rows cannot be read back through the protocol: look at the destination itself.",
     cmd_test_destination, true},
    {"help", "this text, that of a command, the man page, the completions", "[COMMAND | man | bash | zsh]", OPTIONS(NULL), "", cmd_help, true},
    {0},
};
