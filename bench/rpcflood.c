/* rpcflood: a source of Fivetran's protocol that says the same again and again.
 *
 *     rpcflood FOLDER TIMES --port N
 *
 * FOLDER holds answers as they go over the wire: `form`, `schema`, `test`, `update` (sent so many times) and `checkpoint` (the last). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "net/rpc.h"

typedef struct {
    buf form, schema, test, update, checkpoint;
    long times;
} answers;

static void load(const char *folder, const char *name, buf *out)
{
    char path[1024], part[65536];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *in = fopen(path, "rb");
    if (!in) {
        perror(path);
        exit(1);
    }
    for (size_t n; (n = fread(part, 1, sizeof part, in)) > 0;)
        buf_add(out, part, n);
    fclose(in);
}

static weir_rc say(rpc_call *c, const buf *what, bool more, err *e)
{
    buf copy = {0};
    buf_addv(&copy, buf_view(what));
    weir_rc rc = rpc_send(c, &copy, more, e);
    buf_free(&copy);
    return rc;
}

static weir_rc unary(rpc_call *c, const buf *what, err *e)
{
    weir_view request;
    weir_rc rc = rpc_receive(c, &request, e);
    return rc ? rc : say(c, what, false, e);
}

static weir_rc form(rpc_call *c, void *of, err *e) { return unary(c, &((answers *)of)->form, e); }
static weir_rc schema(rpc_call *c, void *of, err *e) { return unary(c, &((answers *)of)->schema, e); }
static weir_rc test(rpc_call *c, void *of, err *e) { return unary(c, &((answers *)of)->test, e); }

static weir_rc update(rpc_call *c, void *of, err *e)
{
    const answers *a = of;
    weir_view request;
    weir_rc rc = rpc_receive(c, &request, e);
    for (long i = 0; i < a->times && !rc; i++)
        rc = say(c, &a->update, true, e);
    return rc ? rc : say(c, &a->checkpoint, false, e);
}

/* CPU so far, for whoever measures a program that has started this one. */
static void report(void)
{
    struct rusage used;
    const char *path = getenv("FLOOD_REPORT");
    FILE *out = path ? fopen(path, "a") : NULL;
    if (!out || getrusage(RUSAGE_SELF, &used))
        return;
    fprintf(out, "%.6f\n", (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    fclose(out);
}

int main(int argc, char **argv)
{
    if (argc != 5 || strcmp(argv[3], "--port"))
        return 2;
    answers a = {.times = atol(argv[2])};
    load(argv[1], "form", &a.form);
    load(argv[1], "schema", &a.schema);
    load(argv[1], "test", &a.test);
    load(argv[1], "update", &a.update);
    load(argv[1], "checkpoint", &a.checkpoint);
    char listen[64];
    snprintf(listen, sizeof listen, "127.0.0.1:%s", argv[4]);
#define METHOD(name, handler) {"/fivetran_sdk.v2.SourceConnector/" name, handler, &a}
    const rpc_method methods[] = {METHOD("ConfigurationForm", form), METHOD("Schema", schema), METHOD("Test", test), METHOD("Update", update), {0}};
    const char *const services[] = {"fivetran_sdk.v2.SourceConnector", NULL};
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    int fd = signalfd(-1, &stop, 0);
    rpc_server *s = NULL;
    err e = {0};
    weir_rc rc = rpc_server_start(&s, &(rpc_server_options){.listen = listen, .methods = methods, .services = services}, &e);
    if (!rc)
        rc = rpc_server_run(s, fd, RPC_DRAIN_MS, &e);
    if (rc)
        fprintf(stderr, "rpcflood: %s\n", err_text(&e));
    rpc_server_free(s);
    report();
    return rc ? 1 : 0;
}
