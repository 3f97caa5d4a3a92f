/* rpcdrain: a client of Fivetran's sources that decodes nothing.
 *
 *     rpcdrain REPORT [KEY=VALUE...] -- SERVER [ARGUMENT...]
 *
 * Starts the server with --port, lets it update everything with these settings, and ends it. The file REPORT gets one line: 0, seconds of the server's CPU in the
 * program and in the kernel, seconds on the clock from the request to the last message, the server's most KiB of memory; milliseconds from its start to its
 * first answer, messages, bytes. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net/rpc.h"

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A port that nobody has. */
static int free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&at, len) || getsockname(fd, (struct sockaddr *)&at, &len))
        exit(1);
    close(fd);
    return ntohs(at.sin_port);
}

/* Waits until somebody accepts; gRPC's own client would begin to wait longer and longer. */
static void await(int port, pid_t child)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (;;) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        bool there = !connect(fd, (struct sockaddr *)&at, sizeof at);
        close(fd);
        if (there)
            return;
        if (waitpid(child, NULL, WNOHANG))
            exit(1);
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
}

static void field(buf *out, char tag, weir_view bytes)
{
    size_t len = bytes.len;
    buf_addc(out, tag);
    for (; len > 127; len >>= 7)
        buf_addc(out, (char)((len & 127) | 128));
    buf_addc(out, (char)len);
    buf_addv(out, bytes);
}

/* An UpdateRequest: 1 configuration, a map. */
static void request_of(char **settings, int count, buf *out)
{
    for (int i = 0; i < count; i++) {
        buf entry = {0};
        size_t key = strcspn(settings[i], "=");
        const char *value = settings[i] + key + (settings[i][key] == '=');
        field(&entry, 0x0a, (weir_view){settings[i], key});
        field(&entry, 0x12, (weir_view){value, strlen(value)});
        field(out, 0x0a, buf_view(&entry));
        buf_free(&entry);
    }
}

static weir_rc drain(int port, buf *request, size_t *messages, size_t *bytes, double *clock, err *e)
{
    char target[32];
    rpc_client *c = NULL;
    rpc_call *call = NULL;
    weir_view message;
    snprintf(target, sizeof target, "127.0.0.1:%d", port);
    weir_rc rc = rpc_client_open(&c, target, NULL, e);
    if (!rc)
        rc = rpc_client_wait(c, 20000, -1, e);
    double begun = now();
    if (!rc)
        rc = rpc_start(c, "/fivetran_sdk.v2.SourceConnector/Update", 0, -1, &call, e);
    if (!rc)
        rc = rpc_send(call, request, false, e);
    if (!rc)
        rc = rpc_send_end(call, e);
    while (!rc && !(rc = rpc_receive(call, &message, e))) {
        ++*messages;
        *bytes += message.len;
    }
    if (rc == WEIR_STOPPED)
        rc = WEIR_OK;
    if (call) {
        weir_rc ended = rpc_finish(call, e);
        rc = rc ? rc : ended;
    }
    *clock = now() - begun;
    rpc_client_free(c);
    return rc;
}

static pid_t start(char **argv, int port)
{
    char text[8];
    char **more = calloc(64, sizeof *more);
    size_t n = 0;
    for (; argv[n] && n < 61; n++)
        more[n] = argv[n];
    snprintf(text, sizeof text, "%d", port);
    more[n++] = (char *)(uintptr_t)"--port";
    more[n] = text;
    pid_t child = fork(); /* before gRPC is loaded */
    if (child == 0) {
        execvp(more[0], more);
        perror(more[0]);
        _exit(127);
    }
    free(more);
    return child;
}

int main(int argc, char **argv)
{
    int split = 2;
    while (split < argc && strcmp(argv[split], "--"))
        split++;
    if (split + 1 >= argc)
        return 2;
    size_t messages = 0, bytes = 0;
    double clock = 0;
    err e = {0};
    buf request = {0};
    struct rusage used;
    int status, port = free_port();
    double begun = now();
    pid_t child = start(argv + split + 1, port);
    await(port, child);
    double accepted = now() - begun;
    request_of(argv + 2, split - 2, &request);
    weir_rc rc = drain(port, &request, &messages, &bytes, &clock, &e);
    if (rc)
        fprintf(stderr, "rpcdrain: %s\n", err_text(&e));
    kill(child, SIGTERM);
    if (wait4(child, &status, 0, &used) < 0)
        return 1;
    FILE *report = fopen(argv[1], "w");
    if (!report)
        return 1;
    fprintf(report, "%d %.6f %.6f %.6f %ld %.3f %zu %zu\n", rc ? 1 : 0, seconds(used.ru_utime), seconds(used.ru_stime), clock, used.ru_maxrss, accepted * 1000,
            messages, bytes);
    return fclose(report) || rc ? 1 : 0;
}
