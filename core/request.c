/* Request: statement and call in one block, as walpool.h lays it out.
 *
 * Does: check that every offset lies inside, and point into the block.
 * Must not: look at the parameters (params.c does) or at the SQL.
 * Lock: none. */
#include "request.h"

#include <string.h>

#include "error.h"
#include "utf8.h"

static_assert(sizeof(struct walpool__request) == WALPOOL_REQUEST_HEADER_BYTES,
              "the header is what walpool.h says");

enum {
    KNOWN_FLAGS = WALPOOL_CALL_NAMES | WALPOOL_CALL_FIRST |
                  WALPOOL_CALL_SCRIPT | WALPOOL_CALL_ANY_THREAD |
                  WALPOOL_CALL_DURABLE | WALPOOL_CALL_NORMAL |
                  (int)WALPOOL_REQUEST_EXPECT |
                  (int)WALPOOL_REQUEST_PREPARED
};

/* Whether [offset, offset + bytes) lies behind the header and inside. */
static bool
inside(const struct walpool__request *request, uint64_t offset, uint64_t bytes)
{
    return offset >= sizeof *request && offset <= request->request_bytes &&
           bytes <= request->request_bytes - offset;
}

/* NULL, or what is wrong with the header. */
static const char *
defect(const struct walpool__request *request, size_t bytes)
{
    if (request->magic != WALPOOL_REQUEST_MAGIC)
        return "its magic is wrong, or it is of another version";
    if ((request->flags & ~(uint32_t)KNOWN_FLAGS) != 0)
        return "it has unknown flags";
    if (request->request_bytes < sizeof *request ||
        request->request_bytes > bytes || request->request_bytes % 8 != 0)
        return "request_bytes is out of range or no multiple of 8";
    if (!(request->flags & WALPOOL_REQUEST_PREPARED) &&
        request->sql_bytes > 0 &&
        !inside(request, request->sql_offset, request->sql_bytes))
        return "the SQL lies outside";
    if (request->why_bytes > 0 &&
        !inside(request, request->why_offset, request->why_bytes))
        return "the label lies outside";
    if ((request->once_offset > 0 || request->once_bytes > 0) &&
        !inside(request, request->once_offset, request->once_bytes))
        return "the once_key lies outside";
    if (request->params_offset == 0)
        return NULL;
    if (request->params_offset % 8 != 0 ||
        !inside(request, request->params_offset, WALPOOL_ROWS_HEADER_BYTES))
        return "the parameters lie outside or are not 8-byte aligned";
    return NULL;
}

static void
take_text(const struct walpool__request *request, walpool_statement *statement)
{
    uint64_t prepared = 0;
    bool has_text = !(request->flags & WALPOOL_REQUEST_PREPARED);
    if (!has_text)
        memcpy(&prepared, &request->sql_offset, sizeof prepared);
    statement->sql =
        has_text ? (const char *)request + request->sql_offset : NULL;
    statement->sql_bytes = has_text ? request->sql_bytes : 0;
    statement->prepared = (walpool_prepared *)(uintptr_t)prepared;
}

static void
take_statement(const struct walpool__request *request,
               walpool_statement *statement)
{
    const char *base = (const char *)request;
    uint64_t params = request->params_offset;
    take_text(request, statement);
    statement->flags = request->flags & WALPOOL_REQUEST_EXPECT
                           ? WALPOOL_STATEMENT_EXPECT
                           : 0;
    statement->expect = request->expect;
    statement->reserved = 0;
    statement->params = params != 0 ? base + params : NULL;
    statement->params_bytes =
        params != 0 ? (size_t)(request->request_bytes - params) : 0;
}

static void
take_call(const struct walpool__request *request, walpool_call *call, char *why)
{
    static const walpool_call defaults = WALPOOL_CALL_INIT;
    *call = defaults;
    call->flags = request->flags & 0xffff; /* the others are the statement's */
    call->timeout_ms = request->timeout_ms;
    call->token = (walpool_token *)(uintptr_t)request->token;
    call->shape = request->shape;
    if (request->once_offset > 0) { /* a key of no bytes is refused later */
        call->once_key = (const char *)request + request->once_offset;
        call->once_bytes = request->once_bytes;
    }
    if (request->why_bytes == 0)
        why[0] = '\0';
    else
        walpool__utf8_label(why, WALPOOL_WHY_BYTES,
                            (const char *)request + request->why_offset,
                            request->why_bytes);
    call->why = why[0] != '\0' ? why : NULL;
}

walpool_status
walpool_request_decode(const void *block, size_t bytes,
                       walpool_statement *statement, walpool_call *call,
                       char *why, size_t *used, walpool_error *err)
{
    const struct walpool__request *request = block;
    const char *what = NULL;
    if (block == NULL || call == NULL || why == NULL)
        what = "block, call or why is NULL";
    else if ((uintptr_t)block % 8 != 0)
        what = "it is not 8-byte aligned";
    else if (bytes < sizeof *request)
        what = "it is shorter than its header";
    else
        what = defect(request, bytes);
    if (what == NULL && statement != NULL && request->sql_bytes == 0 &&
        !(request->flags & WALPOOL_REQUEST_PREPARED))
        what = "it has no SQL";
    if (what != NULL)
        return walpool__error_set(err, WALPOOL_MISUSE, "malformed request: %s",
                                  what);
    take_call(request, call, why);
    if (statement != NULL)
        take_statement(request, statement);
    if (used != NULL)
        *used = (size_t)request->request_bytes;
    return WALPOOL_OK;
}
