/* Upkeep: our own work with the writer, in short pieces. */
#ifndef WALPOOL_UPKEEP_H
#define WALPOOL_UPKEEP_H

#include "db.h"

/* One piece; it leaves no transaction open. */
typedef walpool_status walpool__upkeep_work(struct walpool__conn *conn,
                                            void *arg, walpool_error *err);

/* Take the writer, do a piece, give the writer back, and have it as durable as
 * the call asks. A timeout that the call did not name is for each piece. */
walpool_status walpool__upkeep_piece(struct walpool__db *db,
                                     struct walpool__call *call,
                                     walpool__upkeep_work *work, void *arg,
                                     walpool_error *err);

/* Measure the tables that need it; *tables: how many were. `shy`: nobody asked
 * for it, so give way to whoever wants the writer; then BUSY. */
walpool_status walpool__upkeep_optimize(struct walpool__db *db,
                                        struct walpool__call *call, bool shy,
                                        int64_t *tables, walpool_error *err);

/* From now on, if the options say so, optimize when nobody writes. */
void walpool__upkeep_begin(struct walpool__db *db);
void walpool__upkeep_end(struct walpool__db *db);

#endif
