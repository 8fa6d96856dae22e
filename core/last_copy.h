/* Last copy: the checkpoint of a close. */
#ifndef WALPOOL_LAST_COPY_H
#define WALPOOL_LAST_COPY_H

#include "conn.h"

/* Copy everything and truncate the WAL, if nobody is in the way; never waits
 * for anybody. Copies until the deadline, and for a moment at least: what is
 * not done by then stays in the WAL, and nothing that `conn` does later copies
 * it. */
void walpool__last_copy_run(struct walpool__conn *conn, int64_t wal_bytes,
                            int64_t deadline_ns);

#endif
