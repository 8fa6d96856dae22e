/* Execute: one caller's statement on a connection, from text to block. */
#ifndef WALPOOL_EXECUTE_H
#define WALPOOL_EXECUTE_H

#include "encode.h"
#include "params.h"

/* What a write did. */
struct walpool__effect {
    int64_t changes;
    int64_t last_rowid;
    size_t block_bytes; /* of the block at `offset`; 0 without rows */
};

/* See that a caller's statement can be looked at. */
walpool_status walpool__execute_check(const walpool_statement *statement,
                                      walpool_error *err);

/* The same for a write that `asked` (may be NULL) says how to run. */
walpool_status walpool__execute_check_write(const walpool_statement *statement,
                                            const walpool_call *asked,
                                            walpool_error *err);

/* Begin a read: find, check, bind, step, fill the first block. Afterwards
 * fetch->more tells whether the statement is still needed; if not, or on
 * failure, it was given back. */
walpool_status walpool__execute_read(struct walpool__conn *conn,
                                     const walpool_statement *statement,
                                     struct walpool__fetch *fetch,
                                     walpool_rows *rows,
                                     walpool_rows_header **header,
                                     walpool_error *err);

/* A statement that was found and whose parameters match. */
struct walpool__prepared {
    struct walpool__stmt *stmt;
    struct walpool__params params;
    bool expects;   /* `expect` rows changed, or MISMATCH */
    int64_t expect;
};

/* May a failure leave something of it, if nobody undoes that? What gives rows
 * is done when they cannot be encoded, what expects is done when it is counted,
 * and ON CONFLICT FAIL keeps what came before. */
bool walpool__execute_may_leave_some(const struct walpool__prepared *prepared);

/* As the caller asked. */
struct walpool__sink walpool__execute_sink(const struct walpool__call *call,
                                           walpool_rows *rows);

/* Find and check, but do not run: the caller decides about a transaction. */
walpool_status walpool__execute_prepare(struct walpool__conn *conn,
                                        const walpool_statement *statement,
                                        struct walpool__prepared *prepared,
                                        walpool_error *err);

/* Run it to the end, once per row of its parameters, and give it back. */
walpool_status walpool__execute_write(struct walpool__conn *conn,
                                      struct walpool__prepared *prepared,
                                      const struct walpool__sink *sink,
                                      struct walpool__effect *effect,
                                      walpool_error *err);

/* The statements of a text, one after the other: begin, then next and run by
 * turns, until `native` is NULL. Errors tell the offset in the whole text. */
struct walpool__script {
    const char *begin, *from, *at, *end; /* `from`: the newest statement */
    sqlite3_stmt *native; /* prepared, and not run yet; NULL: no more */
    bool readonly;        /* it does not write */
    enum walpool__verb verb; /* on a private connection, or none */
};

walpool_status walpool__script_begin(struct walpool__script *script,
                                     const walpool_statement *statement,
                                     walpool_error *err);
walpool_status walpool__script_next(struct walpool__conn *conn,
                                    struct walpool__script *script,
                                    walpool_error *err);
/* Adds to the effect. */
walpool_status walpool__script_run(struct walpool__conn *conn,
                                   struct walpool__script *script,
                                   struct walpool__effect *effect,
                                   walpool_error *err);
/* Drop the statement that was not run; needed on the way out only. */
void walpool__script_end(struct walpool__script *script);

/* Run all statements of a text, in the transaction that is open. */
walpool_status walpool__execute_script(struct walpool__conn *conn,
                                       const walpool_statement *statement,
                                       struct walpool__effect *effect,
                                       walpool_error *err);

/* A block that says what a script did: it has no rows. NULL is ignored. */
walpool_status walpool__execute_describe(walpool_rows *rows,
                                         const struct walpool__effect *effect,
                                         walpool_error *err);

#endif
