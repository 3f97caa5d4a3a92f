#include "net/listen.h"

#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static weir_rc cannot(err *e, const char *address, const char *why)
{
    return err_fail(e, WEIR_E_CONFIG, "listen on '%s': %s", address, why);
}

/* @return the path of `unix:PATH` and `unix:///PATH`, NULL for other addresses */
static const char *path_of(const char *address)
{
    if (strncmp(address, "unix:", 5) != 0)
        return NULL;
    const char *path = address + 5;
    return strncmp(path, "//", 2) == 0 ? path + 2 : path;
}

bool rpc_listen_has_port(const char *address)
{
    static const char abstract[] = "unix-abstract:";
    return !path_of(address) && strncmp(address, abstract, sizeof abstract - 1) != 0;
}

/* ------------------------------------------------------------------------------------------------------------------ paths -- */

static bool make_address(struct sockaddr_un *ret, const char *path)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (!len || len >= sizeof ret->sun_path)
        return false;
    memcpy(ret->sun_path, path, len);
    return true;
}

/* @return 0, or errno */
static int try_path(const struct sockaddr_un *a, int (*call)(int, const struct sockaddr *, socklen_t))
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed = fd < 0 || call(fd, (const struct sockaddr *)a, sizeof *a) ? errno : 0;
    if (fd >= 0)
        close(fd);
    return failed;
}

static int connect_to(int fd, const struct sockaddr *a, socklen_t len)
{
    return connect(fd, a, len);
}

static int bind_to(int fd, const struct sockaddr *a, socklen_t len)
{
    return bind(fd, a, len);
}

weir_rc rpc_listen_check(const char *address, err *e)
{
    struct sockaddr_un a;
    const char *path = path_of(address);
    if (!path)
        return strrchr(address, ':') ? WEIR_OK : cannot(e, address, "an address is HOST:PORT, [HOST]:PORT or unix:PATH");
    if (!make_address(&a, path))
        return cannot(e, address, "a path of 1 to 107 bytes is needed");
    return try_path(&a, connect_to) ? WEIR_OK : cannot(e, address, strerror(EADDRINUSE));
}

static int path_reason(const char *path)
{
    struct sockaddr_un a;
    make_address(&a, path);
    int failed = try_path(&a, bind_to);
    if (!failed)
        unlink(path);
    return failed;
}

/* ------------------------------------------------------------------------------------------------------------------ ports -- */

static int try_port(const struct addrinfo *a)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    int failed = bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, 1) ? errno : 0;
    close(fd);
    return failed;
}

/* `[::1]:50051` without brackets and port. */
static void split(const char *address, buf *host, const char **ret_port)
{
    const char *colon = strrchr(address, ':');
    size_t len = (size_t)(colon - address);
    bool brackets = len >= 2 && address[0] == '[' && colon[-1] == ']';
    buf_add(host, address + brackets, len - 2 * brackets);
    *ret_port = colon + 1;
}

static weir_rc port_reason(const char *address, err *e)
{
    buf host = {0};
    const char *port;
    split(address, &host, &port);
    struct addrinfo *found = NULL, hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    int unknown = getaddrinfo(host.len ? buf_text(&host) : NULL, port, &hints, &found);
    int failed = 0;
    for (const struct addrinfo *a = found; a && !failed; a = a->ai_next)
        failed = try_port(a);
    buf_free(&host);
    if (found)
        freeaddrinfo(found);
    return cannot(e, address, unknown ? gai_strerror(unknown) : failed ? strerror(failed) : "gRPC refuses it");
}

weir_rc rpc_listen_reason(const char *address, err *e)
{
    const char *path = path_of(address);
    int failed = path ? path_reason(path) : 0;
    return path ? cannot(e, address, failed ? strerror(failed) : "gRPC refuses it") : port_reason(address, e);
}
