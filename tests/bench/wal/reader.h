/* Reader: takes a snapshot, keeps it, gives it back, by walpool or by raw
 * SQLite. */
#ifndef BENCH_READER_H
#define BENCH_READER_H

#include <stdint.h>

#include <sqlite3.h>

#include "walpool.h"

#define READER_WHY "bench reader" /* label of its leases */

enum { READER_GONE = -1 }; /* a ceiling has ended the snapshot */

struct reader {
    const struct reader_way *way;
    walpool *db; /* ours; the same file is shared in a process */
    walpool_lease *lease;
    walpool_rows rows;
    sqlite3 *raw;
    sqlite3_stmt *begin, *newest, *commit;
};

/* One way to read. Everything dies on an error. */
struct reader_way {
    const char *name;
    void (*open)(struct reader *reader, const char *path);
    void (*begin)(struct reader *reader); /* take the newest snapshot */
    /* Number of the last row in it, or READER_GONE. */
    int64_t (*newest)(struct reader *reader);
    /* The same without a snapshot that is kept: one query by itself. */
    int64_t (*look)(struct reader *reader);
    void (*end)(struct reader *reader);
    void (*close)(struct reader *reader);
};

extern const struct reader_way reader_ours, reader_raw;

#endif
