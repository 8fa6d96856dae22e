/* The table of options: every name and alias, with its range or words. */
#ifndef WALPOOL_OPTION_TABLE_H
#define WALPOOL_OPTION_TABLE_H

#include "base.h"

/* What an option sets; the spellings of one option share it. */
enum walpool__slot {
    WALPOOL__SLOT_READERS,
    WALPOOL__SLOT_BUSY_TIMEOUT,
    WALPOOL__SLOT_CLOSE_TIMEOUT,
    WALPOOL__SLOT_CACHE_SIZE,
    WALPOOL__SLOT_MMAP_SIZE,
    WALPOOL__SLOT_JOURNAL_SIZE_LIMIT,
    WALPOOL__SLOT_CHECKPOINT_FRAMES,
    WALPOOL__SLOT_STATEMENT_CACHE,
    WALPOOL__SLOT_DURABILITY,
    WALPOOL__SLOT_FOREIGN_KEYS,
    WALPOOL__SLOT_TEMP_STORE,
    WALPOOL__SLOT_ALLOW_ATTACH,
    WALPOOL__SLOT_COALESCE,
    WALPOOL__SLOT_ONCE_KEEP,
    WALPOOL__SLOT_LEASE_WARN,
    WALPOOL__SLOT_LEASE_TRACE,
    WALPOOL__SLOT_SNAPSHOT_KEEP,
    WALPOOL__SLOT_STEP_AHEAD,
    WALPOOL__SLOT_MODE,
    WALPOOL__SLOT_PERMISSIONS,
    WALPOOL__SLOT_ALLOW_NETWORK_FS,
    WALPOOL__SLOT_READER_GATE,
    WALPOOL__SLOT_WAL_CEILING,
    WALPOOL__SLOT_WAL_CEILING_POLICY,
    WALPOOL__SLOT_CHECKPOINT_OWNER,
    WALPOOL__SLOT_OPTIMIZE_INTERVAL,
    WALPOOL__SLOT_STORED, /* the spellings below check their value, no more */
    WALPOOL__SLOT_JOURNAL_MODE,
    WALPOOL__SLOT_TXLOCK,
    WALPOOL__SLOT_CACHE,
    WALPOOL__SLOT_PRAGMA
};

struct walpool__range {
    int64_t lowest;
    int64_t highest;
};

/* One word that an option takes, and the number it stands for. */
struct walpool__word {
    const char *text; /* NULL behind the last one */
    int number;
};

/* One spelling. With words the value is one of them, otherwise a number. */
struct walpool__option {
    const char *name;
    enum walpool__slot slot;
    bool pragma; /* SQLite has a pragma of this name */
    const char *unit;
    const struct walpool__word *words;
};

/* The option of that name, or NULL. A leading underscore is ignored. */
const struct walpool__option *walpool__option_find(const char *name);

/* The first spelling of a slot: the name of its field. */
const struct walpool__option *walpool__option_of(enum walpool__slot slot);

/* cache_size counts as SQLite's pragma does: N pages, or -N KiB. */
#define WALPOOL__OPTION_PAGE_KIB 4
bool walpool__option_in_pages(const struct walpool__option *option);

/* Of a stored slot: what the struct may hold, and access to it. */
struct walpool__range walpool__option_range(enum walpool__slot slot);
int64_t walpool__option_load(const walpool_options *options,
                             enum walpool__slot slot);
void walpool__option_store(walpool_options *options, enum walpool__slot slot,
                           int64_t number);

/* Say what an option takes: "a whole number of frames from 1 to 1000000". */
void walpool__option_describe(const struct walpool__option *option, char *dst,
                              size_t dst_bytes);

/* Say which name was meant, or which there are: "did you mean readers?". */
void walpool__option_suggest(const char *name, bool pragma, char *dst,
                             size_t dst_bytes);

#endif
