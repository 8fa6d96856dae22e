/* Request: statement and call in one block. The one function,
 * walpool_request_decode, is public: see walpool.h. */
#ifndef WALPOOL_REQUEST_H
#define WALPOOL_REQUEST_H

#include "base.h"

/* The header at offset 0 of a request. */
struct walpool__request {
    uint32_t magic;
    uint32_t flags;
    int64_t timeout_ms;
    uint64_t token;
    uint64_t shape;
    uint32_t sql_offset;
    uint32_t sql_bytes;
    uint32_t why_offset;
    uint32_t why_bytes;
    uint64_t params_offset;
    uint64_t request_bytes;
    int64_t expect;
    uint32_t once_offset;
    uint32_t once_bytes;
};

#endif
