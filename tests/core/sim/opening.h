/* Opening: how simulated connections open and close, who touches their
 * snapshots, and whether another program checkpoints. */
#ifndef OPENING_H
#define OPENING_H

#include <stdbool.h>

/* So many times from now on a connection may fail to open. */
void opening_may_fail(int count);

/* Called whenever the snapshot of a connection is taken (`taken`) or ended;
 * NULL: nobody asks. */
struct walpool__conn;
void opening_on_touch(void (*look)(const struct walpool__conn *conn,
                                   bool taken));

/* Called before a connection is closed; NULL: nobody asks. */
void opening_on_close(void (*look)(const struct walpool__conn *conn));

int opening_count(void); /* connections that are open */

void opening_set_copying(bool copying);

#endif
