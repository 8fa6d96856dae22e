/* DSN: `file:PATH?name=value&...` becomes a path and options.
 *
 * Does: take the text apart, decode escapes, hand each pair to options.
 * Must not: know what an option means, or look at the file system.
 * Lock: none. */
#include "dsn.h"

#include <string.h>

#include "error.h"
#include "options.h"
#include "utf8.h"

enum { NAME_BYTES = 64, VALUE_BYTES = 256, SHOWN_BYTES = 96 };

static const char scheme[] = "file:";

/* A piece of the caller's text. */
struct span {
    const char *at;
    size_t bytes;
};

static walpool_status
refuse(struct span span, const char *what, walpool_error *err)
{
    char shown[SHOWN_BYTES];
    walpool__utf8_label(shown, sizeof shown, span.at, span.bytes);
    return walpool__error_set(err, WALPOOL_OPTION, "dsn: \"%s\" %s", shown,
                              what);
}

static int
hex_digit(char letter)
{
    if (letter >= '0' && letter <= '9')
        return letter - '0';
    if (letter >= 'a' && letter <= 'f')
        return letter - 'a' + 10;
    if (letter >= 'A' && letter <= 'F')
        return letter - 'A' + 10;
    return -1;
}

/* The byte that the escape at `at` stands for. NUL is none: paths and values
 * end at one. */
static int
escaped_byte(const char *at, size_t room)
{
    if (room < 3)
        return -1;
    int high = hex_digit(at[1]), low = hex_digit(at[2]);
    if (high < 0 || low < 0 || high + low == 0)
        return -1;
    return high * 16 + low;
}

/* Decode into dst, at most dst_bytes with the NUL; `need` receives the bytes
 * that it takes. With dst NULL: only count. False: a bad escape. */
static bool
decode(struct span span, char *dst, size_t dst_bytes, size_t *need)
{
    size_t used = 0;
    for (size_t i = 0; i < span.bytes; i++) {
        int byte = (unsigned char)span.at[i];
        if (byte == '%') {
            byte = escaped_byte(span.at + i, span.bytes - i);
            if (byte < 0)
                return false;
            i += 2;
        }
        if (dst != NULL && used + 1 < dst_bytes)
            dst[used] = (char)byte;
        used++;
    }
    if (dst != NULL)
        dst[used < dst_bytes ? used : dst_bytes - 1] = '\0';
    *need = used + 1;
    return true;
}

static walpool_status
refuse_escape(struct span span, walpool_error *err)
{
    return refuse(span,
                  "has a bad escape: write %25 for a percent sign, and "
                  "never %00",
                  err);
}

/* --------------------------------------------------------------- pairs */

/* `seen` has one bit for each slot that a name has set already. */
static walpool_status
set_pair(walpool_options *options, struct span pair, uint32_t *seen,
         walpool_error *err)
{
    char name[NAME_BYTES], value[VALUE_BYTES];
    size_t need;
    const char *equals = memchr(pair.at, '=', pair.bytes);
    if (equals == NULL)
        return refuse(pair, "has no `=`: write name=value", err);
    struct span left = {pair.at, (size_t)(equals - pair.at)};
    struct span right = {equals + 1, pair.bytes - left.bytes - 1};
    walpool__utf8_label(name, sizeof name, left.at, left.bytes);
    if (!decode(right, value, sizeof value, &need))
        return refuse_escape(pair, err);
    if (need > sizeof value)
        return refuse(pair, "is too long for an option", err);
    int slot = walpool__options_slot(name);
    if (slot >= 0 && (*seen & 1u << slot) != 0)
        return refuse(pair, "sets an option a second time", err);
    if (slot >= 0)
        *seen |= 1u << slot;
    return walpool_options_set(options, name, value, err);
}

/* Pairs between `&`; empty ones, as after a last `&`, are nothing. */
static walpool_status
set_pairs(walpool_options *options, const char *text, walpool_error *err)
{
    uint32_t seen = 0;
    while (*text != '\0') {
        struct span pair = {text, strcspn(text, "&")};
        if (pair.bytes > 0) {
            walpool_status status = set_pair(options, pair, &seen, err);
            if (status != WALPOOL_OK)
                return status;
        }
        text += pair.bytes + (text[pair.bytes] == '&');
    }
    return WALPOOL_OK;
}

/* ---------------------------------------------------------------- path */

bool
walpool__dsn_is(const char *name)
{
    return strncmp(name, scheme, sizeof scheme - 1) == 0;
}

/* Find the path behind `file:`. Only `//` begins a host. */
static walpool_status
find_path(const char *dsn, struct span *path, walpool_error *err)
{
    static const char local[] = "localhost";
    const char *at = dsn + sizeof scheme - 1;
    const char *end = at + strcspn(at, "?");
    struct span host = {at + 2, 0};
    if (at[0] == '/' && at[1] == '/') {
        host.bytes = strcspn(host.at, "/?");
        if (host.bytes > 0 && (host.bytes != sizeof local - 1 ||
                               memcmp(host.at, local, host.bytes) != 0))
            return refuse(host,
                          "is another host: write file:/PATH or "
                          "file:///PATH",
                          err);
        at = host.at + host.bytes;
    }
    path->at = at;
    path->bytes = (size_t)(end - at);
    if (memchr(path->at, '#', path->bytes) != NULL)
        return refuse(*path, "has a fragment: write %23 for a number sign",
                      err);
    return WALPOOL_OK;
}

/* Only measure: nothing is written before the options are known to be good. */
static walpool_status
check_path(struct span span, const char *path, size_t path_bytes,
           walpool_error *err)
{
    size_t need;
    if (!decode(span, NULL, 0, &need))
        return refuse_escape(span, err);
    if (path == NULL && need > 1)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "dsn: the text has a "
                                  "path, and there is no room for one");
    if (path != NULL && need > path_bytes)
        return walpool__error_set(err, WALPOOL_TOOBIG,
                                  "dsn: the path takes "
                                  "%zu bytes, and there is room for %zu",
                                  need, path_bytes);
    return WALPOOL_OK;
}

walpool_status
walpool_options_parse(walpool_options *options, const char *dsn, char *path,
                      size_t path_bytes, walpool_error *err)
{
    if (options == NULL || dsn == NULL)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "walpool_options_parse: %s is NULL",
                                  options == NULL ? "options" : "dsn");
    walpool_options changed = *options;
    struct span span = {"", 0};
    const char *pairs = dsn;
    walpool_status status = WALPOOL_OK;
    if (walpool__dsn_is(dsn)) {
        status = find_path(dsn, &span, err);
        pairs = dsn + strcspn(dsn, "?");
        pairs += *pairs == '?';
    }
    if (status == WALPOOL_OK)
        status = check_path(span, path, path_bytes, err);
    if (status == WALPOOL_OK)
        status = set_pairs(&changed, pairs, err);
    if (status != WALPOOL_OK)
        return status;
    if (path != NULL)
        decode(span, path, path_bytes, &(size_t){0});
    *options = changed;
    return WALPOOL_OK;
}
