#include "cli/command.h"

#define PLACE(member) offsetof(cli_args, member)

const cli_option cli_options[] = {
    {"source", NULL, "FILE", PLACE(source), "the catalog; default flow.yaml, - is standard input"},
    {"name", "capture", "TASK", PLACE(name), "the task of the catalog; not needed if there is only one"},
    {"data", NULL, "DIR", PLACE(data), "folder of journals, state and offsets; default weir-data"},
    {"only", NULL, "TASK", PLACE(only), "run just this task"},
    {"once", NULL, NULL, PLACE(once), "end when all captures are done or idle and everything is loaded"},
    {"idle", NULL, "DURATION", PLACE(idle), "with --once: a capture that sends no document for so long is done; default 10s, but for Airbyte and Singer, whose sources end by themselves"},
    {"sessions", NULL, "LIST", PLACE(sessions), "transactions of each successive run of the connector, such as 2,1,-1; -1 is no limit"},
    {"timeout", NULL, "DURATION", PLACE(timeout), "stop when no transaction arrives for so long"},
    {"initial-state", NULL, "JSON", PLACE(initial_state), "the connector's state to begin with"},
    {"output-state", NULL, NULL, PLACE(output_state), "print checkpoints too"},
    {"emit-raw", NULL, NULL, PLACE(emit_raw), "print what the protocol says and change nothing"},
    {"json", NULL, NULL, PLACE(json), "progress and results as JSON lines"},
    {"from", NULL, "PROTOCOL", PLACE(from), "what the connector speaks: flow, airbyte or singer"},
    {"as", NULL, "PROTOCOL", PLACE(as), "what it is served as"},
    {"destination", NULL, NULL, PLACE(destination), "the connector is a destination; told from names such as target-x, too"},
    {"oauth2", NULL, "FILE", PLACE(oauth2), "OAuth2 description, JSON, instead of what the connector says"},
    {"docs-url", NULL, "URL", PLACE(docs_url), "documentation URL instead of what the connector says"},
    {"format", NULL, "FORMAT", PLACE(format), "markdown, airbyte (metadata.yaml), meltano (plugin definition) or singer (--about); default markdown"},
    {"quiet", NULL, NULL, PLACE(quiet), "no progress"},
    {0},
};

#define OPTIONS(...) (const char *const[]){__VA_ARGS__, NULL}

const cli_command cli_commands[] = {
    {"spec", "print what a connector says about itself", "[--source FILE] [--name TASK] | -- COMMAND [ARG...]",
     OPTIONS("source", "name", "emit-raw"),
     "Prints one JSON object: protocol, configSchema, resourceConfigSchema, documentationUrl, resourcePathPointers. With --emit-raw it is the response of the "
     "protocol, on one line. The connector is a task of the catalog, or any program behind --.",
     cmd_spec},
    {"discover", "find the streams of a source and write them into the catalog", "[--source FILE] [--name TASK] [--emit-raw]",
     OPTIONS("source", "name", "emit-raw"),
     "Asks the source for its streams and rewrites the catalog: new streams become bindings and collections, known ones keep their target, backfill and disable, "
     "those no longer found leave the capture (their collections stay). With --emit-raw every stream is printed as one JSON line and the catalog stays as it is.",
     cmd_discover},
    {"validate", "check a task's settings and bindings with its connector", "[--source FILE] [--name TASK]", OPTIONS("source", "name"),
     "Prints the response as JSON, one line a task: without --name, all tasks of the catalog.", cmd_validate},
    {"capture", "run a capture and print its responses", "[--source FILE] [--name TASK] [--initial-state JSON]",
     OPTIONS("source", "name", "initial-state"),
     "Prints every response of the connector as a line and acknowledges every checkpoint once it is printed.", cmd_capture},
    {"preview", "run a capture and print its documents", "[--source FILE] [--name TASK] [--sessions LIST] [--timeout DURATION] [--output-state]",
     OPTIONS("source", "name", "sessions", "timeout", "initial-state", "output-state"),
     "Prints [\"COLLECTION\",DOCUMENT] lines. A transaction is what the connector seals with one checkpoint. With --output-state also "
     "[\"connectorState\",{\"updated\":...,\"mergePatch\":...}]. The state goes on from one session to the next.",
     cmd_preview},
    {"run", "run the tasks of a catalog on this machine", "[--source FILE] [--once] [--only TASK] [--data DIR] [--json]",
     OPTIONS("source", "data", "only", "once", "idle", "json", "quiet"),
     "Captures go into collections in the data folder, materializations from there into their destinations. Everything resumes where it stopped, whatever stopped it: "
     "a document is in its collection and its table exactly once. Without --once captures restart by their interval until SIGTERM or SIGINT.",
     cmd_run},
    {"shim", "serve a connector of one protocol as one of another", "--from PROTOCOL --as PROTOCOL -- COMMAND [ARG... --] [PLATFORM-ARG...]",
     OPTIONS("from", "as", "destination", "oauth2", "docs-url"),
     "Starts COMMAND whenever the platform wants something of it, speaks its protocol with it, and the platform's on standard input and output. Arguments of "
     "COMMAND itself end with a second --; what follows is what the platform adds, such as `read --config F --catalog F` of Airbyte. So "
     "`exec weir shim --from singer --as airbyte -- tap-x -- \"$@\"` in a script is an Airbyte source. The exit status is that of the protocol it is served as.",
     cmd_shim},
    {"docs", "print a connector's documents, made from what it says about itself", "[--format FORMAT] [NAME | --source FILE --name TASK]",
     OPTIONS("source", "name", "format"),
     "The connector is one linked into weir, by its name, such as source-files, or a task of the catalog. Registries of Airbyte and Meltano's hub take the results as "
     "they are.",
     cmd_docs},
    {"help", "this text, that of a command, the man page, the completions", "[COMMAND | man | bash | zsh]", OPTIONS(NULL), "", cmd_help},
    {0},
};
