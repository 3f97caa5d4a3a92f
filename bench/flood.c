/* flood: writes the lines of a file to standard output again and again, from memory, as fast as a pipe takes them.
 *
 *     flood raw FILE TIMES     just that
 *     flood copy FILE TIMES    each line is copied once before: what a program at least does that makes its lines
 *     flood flow FILE TIMES    a Flow capture whose documents and checkpoints are the lines: answers what it is asked, then writes them
 *     flood asked FILE TIMES WORD...   an Airbyte source or a Singer tap: if a WORD (or --WORD) names a file FILE.WORD, what is in that; else the lines
 *
 * $FLOOD_REPORT names a file to which the seconds of CPU that this process took are added, for whoever measures the process that started it. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 64 * 1024 };

typedef struct text {
    char *ptr;
    size_t len;
} text;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static text read_file(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        die(path);
    text t = {malloc((size_t)st.st_size + 1), 0};
    ssize_t n = 1;
    while (t.ptr && n > 0 && t.len < (size_t)st.st_size) {
        n = read(fd, t.ptr + t.len, (size_t)st.st_size - t.len);
        t.len += n > 0 ? (size_t)n : 0;
    }
    if (n < 0 || !t.ptr)
        die(path);
    close(fd);
    return t;
}

static void put(const char *ptr, size_t len)
{
    while (len) {
        ssize_t n = write(STDOUT_FILENO, ptr, len);
        if (n < 0)
            die("standard output");
        ptr += n;
        len -= (size_t)n;
    }
}

static void raw(text lines, long times)
{
    for (long i = 0; i < times; i++)
        put(lines.ptr, lines.len);
}

static void copy(text lines, long times)
{
    char *block = malloc(BLOCK), *end = lines.ptr + lines.len;
    size_t held = 0;
    if (!block)
        die("memory");
    for (long i = 0; i < times; i++)
        for (char *at = lines.ptr; at < end;) {
            char *newline = memchr(at, '\n', (size_t)(end - at));
            size_t len = (size_t)((newline ? newline + 1 : end) - at);
            if (held + len > BLOCK) {
                put(block, held);
                held = 0;
            }
            if (len > BLOCK) {
                put(at, len);
            } else {
                memcpy(block + held, at, len);
                held += len;
            }
            at += len;
        }
    put(block, held);
    free(block);
}

/* The answer to a request, and whether the documents follow. */
static int answer(const char *request)
{
    static const struct {
        const char *request, *response;
    } answers[] = {
        {"{\"discover\":", "{\"discovered\":{\"bindings\":[{\"recommendedName\":\"records\",\"resourceConfig\":{\"stream\":\"records\"},"
                           "\"documentSchema\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"}},\"required\":[\"id\"]},"
                           "\"key\":[\"/id\"]}]}}\n"},
        {"{\"spec\":", "{\"spec\":{\"protocol\":3032023,\"configSchema\":{},\"resourceConfigSchema\":{},\"documentationUrl\":\"https://example.com\","
                       "\"resourcePathPointers\":[\"/stream\"]}}\n"},
        {"{\"validate\":", "{\"validated\":{\"bindings\":[{\"resourcePath\":[\"records\"]}]}}\n"},
        {"{\"apply\":", "{\"applied\":{}}\n"},
        {"{\"open\":", "{\"opened\":{}}\n"},
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        if (strncmp(request, answers[i].request, strlen(answers[i].request)) == 0) {
            put(answers[i].response, strlen(answers[i].response));
            return i == sizeof answers / sizeof *answers - 1;
        }
    fprintf(stderr, "flood: what is that: %s\n", request);
    exit(1);
}

/* Is it the open request that ended the conversation, or the end of input? */
static int converse(void)
{
    char *line = NULL;
    size_t room = 0;
    int opened = 0;
    while (!opened && getline(&line, &room, stdin) > 0)
        opened = answer(line);
    free(line);
    return opened;
}

/* Writes FILE.WORD for the first word that has one. @return whether there was one */
static bool asked(const char *file, char *const *words)
{
    for (; *words; words++) {
        char path[4096];
        const char *word = *words + strspn(*words, "-");
        snprintf(path, sizeof path, "%s.%.*s", file, (int)strcspn(word, "="), word);
        if (strchr(word, '/') || access(path, R_OK) < 0)
            continue;
        text answer = read_file(path);
        put(answer.ptr, answer.len);
        free(answer.ptr);
        return true;
    }
    return false;
}

static void report(void)
{
    const char *path = getenv("FLOOD_REPORT");
    struct rusage used;
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file || getrusage(RUSAGE_SELF, &used) < 0)
        return;
    fprintf(file, "%.6f\n", (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    fclose(file);
}

int main(int argc, char **argv)
{
    bool flow = argc > 1 && strcmp(argv[1], "flow") == 0, source = argc > 1 && strcmp(argv[1], "asked") == 0;
    if (argc < 4 || (argc > 4 && !source)) {
        fprintf(stderr, "usage: flood raw|copy|flow FILE TIMES\n       flood asked FILE TIMES [WORD...]\n");
        return 2;
    }
    if (!flow)
        (void)fcntl(STDOUT_FILENO, F_SETPIPE_SZ, 256 * 1024); /* as Weir's own connectors do */
    if (!(source && asked(argv[2], argv + 4)) && (!flow || converse())) {
        text lines = read_file(argv[2]);
        (strcmp(argv[1], "copy") == 0 ? copy : raw)(lines, atol(argv[3]));
        free(lines.ptr);
    }
    report();
    return 0;
}
