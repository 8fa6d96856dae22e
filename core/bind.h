/* Bind: parameters of a block to the parameters of a statement. */
#ifndef WALPOOL_BIND_H
#define WALPOOL_BIND_H

#include "params.h"
#include "stmt.h"

#define WALPOOL__BIND_INLINE 32

/* Which column of the block goes to which parameter of the statement. */
struct walpool__binding {
    const struct walpool__params *params;
    struct walpool__stmt *stmt;
    bool copy;       /* SQLite copies texts and blobs: it may outlive them */
    bool by_name;
    uint32_t *map;   /* by_name: column of parameter i+1 */
    uint32_t inline_map[WALPOOL__BIND_INLINE];
};

/* Match block and statement. With `copy` the block may go away while the
 * statement still runs. */
walpool_status walpool__bind_begin(struct walpool__binding *binding,
                                   struct walpool__stmt *stmt,
                                   const struct walpool__params *params,
                                   bool copy, walpool_error *err);

/* Bind one row. Returns SQLite's code. */
int walpool__bind_row(const struct walpool__binding *binding, uint32_t row);

/* Forget pointers into the block. */
void walpool__bind_end(struct walpool__binding *binding);

#endif
