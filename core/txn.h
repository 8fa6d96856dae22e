/* Transaction: begin and end one on a connection. */
#ifndef WALPOOL_TXN_H
#define WALPOOL_TXN_H

#include "conn.h"

/* BEGIN IMMEDIATE. */
walpool_status walpool__txn_begin_write(struct walpool__conn *conn,
                                        walpool_error *err);

/* BEGIN: the first statement decides what is begun. */
walpool_status walpool__txn_begin(struct walpool__conn *conn,
                                  walpool_error *err);

/* BEGIN, and take the newest snapshot. */
walpool_status walpool__txn_begin_read(struct walpool__conn *conn,
                                       walpool_error *err);

/* COMMIT. On failure the transaction may still be open (a deferred
 * constraint): see walpool__conn_in_transaction. */
walpool_status walpool__txn_commit(struct walpool__conn *conn,
                                   walpool_error *err);

/* ROLLBACK, if a transaction is open. Never fails for the caller. */
void walpool__txn_rollback(struct walpool__conn *conn);

/* The same of a reader, and its cursors stand on no row any more. */
void walpool__txn_end_snapshot(struct walpool__conn *conn);

/* A statement failed: what became of the write. */
void walpool__txn_set_outcome(const struct walpool__conn *conn,
                              int sqlite_code, walpool_error *err);

/* Nested transactions. They have one name; SQLite finds the newest. */
walpool_status walpool__txn_savepoint(struct walpool__conn *conn,
                                      walpool_error *err);
walpool_status walpool__txn_release(struct walpool__conn *conn,
                                    walpool_error *err);
walpool_status walpool__txn_rollback_to(struct walpool__conn *conn,
                                        walpool_error *err);

#endif
