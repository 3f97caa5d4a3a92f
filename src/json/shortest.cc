#include "json/shortest.h"

#include <charconv>

size_t shortest_put(char *out, size_t room, double v, int decimals)
{
    const auto form = std::chars_format::scientific;
    const auto done =
        decimals == SHORTEST ? std::to_chars(out, out + room, v, form) : std::to_chars(out, out + room, v, form, decimals);
    return done.ec == std::errc() ? static_cast<size_t>(done.ptr - out) : 0;
}

bool shortest_get(const char *text, size_t len, double *out)
{
    return std::from_chars(text, text + len, *out).ec == std::errc();
}
