/* Last copy: the checkpoint of a close. */
#ifndef WALPOOL_LAST_COPY_H
#define WALPOOL_LAST_COPY_H

#include "conn.h"

/* Until when is copied for a close that began then? To its deadline, and for a
 * moment at least. */
int64_t walpool__last_copy_due(int64_t began_ns, int64_t deadline_ns);

/* Copy everything and truncate the WAL, if nobody is in the way; never waits
 * for anybody. What is not done when it is due, as above, stays in the WAL, and
 * nothing that `conn` does later copies it. */
void walpool__last_copy_run(struct walpool__conn *conn, int64_t wal_bytes,
                            int64_t deadline_ns);

#endif
