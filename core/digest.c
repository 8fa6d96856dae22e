/* Digest: what statements ask for, as one number.
 *
 * It tells a call that is made again from another one under the same name. The
 * same call may be laid out otherwise the second time: by another language, or
 * with its names in another order. So values are hashed, not blocks, and those
 * with names as a set.
 *
 * Does: hash texts, values and expectations.
 * Must not: hash offsets, padding, or where anything lies.
 * Lock: none. */
#include "digest.h"

#include "hash.h"
#include "params.h"
#include "text.h"

static uint64_t
hash_cell(const struct walpool__params *params, const walpool_cell *cell)
{
    uint64_t bits = 0;

    switch (cell->type) {
    case WALPOOL_TEXT:
    case WALPOOL_BLOB:
        return walpool__hash_bytes(cell->type, params->block + cell->v.offset,
                                   cell->length);
    case WALPOOL_INTEGER:
        bits = (uint64_t)cell->v.integer;
        break;
    case WALPOOL_REAL:
        memcpy(&bits, &cell->v.real, sizeof bits);
        break;
    default:
        break;
    }
    return walpool__hash_number(cell->type, bits);
}

static uint64_t
hash_name(const struct walpool__params *params, const walpool_cell *name)
{
    const char *text = (const char *)params->block + name->v.offset;
    size_t bytes = name->length;

    if (bytes && strchr(":@$", text[0]) && text[0])
        text++, bytes--;
    return walpool__hash_bytes(0, text, bytes);
}

static uint64_t
hash_row(const struct walpool__params *params, const walpool_cell *row)
{
    uint64_t hash = 0;

    for (uint32_t i = 0; i < params->columns; i++) {
        uint64_t cell = hash_cell(params, &row[i]);

        if (params->names) /* a sum knows no order */
            hash += walpool__hash_number(hash_name(params, &params->names[i]),
                                         cell);
        else
            hash = walpool__hash_number(hash, cell);
    }
    return hash;
}

static uint64_t
hash_params(uint64_t hash, const struct walpool__params *params)
{
    if (!params->header)
        return hash;
    hash = walpool__hash_number(hash, params->names ? 2 : 1);
    hash = walpool__hash_number(hash, params->columns);
    hash = walpool__hash_number(hash, params->rows);
    for (size_t i = 0; i < params->rows; i++)
        hash = walpool__hash_number(
            hash, hash_row(params, params->cells + i * params->columns));
    return hash;
}

walpool_status
walpool__digest_add(uint64_t *digest, const walpool_statement *statement,
                    bool script, walpool_error *err)
{
    bool expects = statement->flags & WALPOOL_STATEMENT_EXPECT;
    struct walpool__view view;
    struct walpool__params params;
    walpool_status status = walpool__params_check(
        statement->params, statement->params_bytes, &params, err);
    uint64_t hash;

    if (status == WALPOOL_OK)
        status = walpool__view_begin(&view, statement, err);
    if (status != WALPOOL_OK)
        return status;
    hash = walpool__hash_bytes(*digest, view.sql, view.bytes);
    walpool__view_end(&view);
    hash = walpool__hash_number(hash, script);
    hash = walpool__hash_number(hash,
                                expects ? (uint64_t)statement->expect + 1 : 0);
    *digest = hash_params(hash, &params);
    return WALPOOL_OK;
}
