/* Wal-index: what the shared memory of a WAL says.
 *
 * The layout is documented in sqlite.org/walformat.html, section 2: a header
 * of 48 bytes, twice, then nBackfill and five read marks. It is read through
 * the mapping that SQLite itself has, because opening the -shm file anew, and
 * closing it, would drop the locks of this process.
 *
 * Does: find the mapping, read the counters and read marks, mark the newest
 * commit.
 * Must not: write to it, or take its locks.
 * Lock: `mutex` guards the pointer, so that nobody reads while SQLite unmaps. */
#include "walindex.h"

#include <stdatomic.h>
#include <string.h>

#define KNOWN_VERSION 3007000
#define HEADER_WORDS WALPOOL__WAL_HEADER_WORDS /* of one of its two copies */
#define INIT_BYTE 12
#define PAGE_SIZE_BYTE 14
#define MAX_FRAME_WORD 4
#define SALT_WORD 8
#define BACKFILL_WORD 24
#define READ_MARK_WORD 25
/* A writer is at work on the copies for some nanoseconds. */
#define TRIES 100
#define REGION_BYTES 32768

void
walpool__walindex_init(struct walpool__walindex *walindex)
{
    walpool__mutex_init(&walindex->mutex);
    walindex->header = NULL;
}

void
walpool__walindex_finish(struct walpool__walindex *walindex)
{
    PRE(!walindex->header);
    walpool__mutex_finish(&walindex->mutex);
}

static const volatile uint32_t *
mapping_of(struct walpool__conn *conn)
{
    sqlite3_file *file = NULL;
    void volatile *memory = NULL;
    int rc; /* READONLY: a mapping all the same, of who may not write */

    if (sqlite3_file_control(conn->db, "main", SQLITE_FCNTL_FILE_POINTER,
                             &file) != SQLITE_OK ||
        !file || !file->pMethods || file->pMethods->iVersion < 2)
        return NULL;
    rc = file->pMethods->xShmMap(file, 0, REGION_BYTES, 0, &memory);
    return rc == SQLITE_OK || rc == SQLITE_READONLY ? memory : NULL;
}

static void
set_header(struct walpool__walindex *walindex, const volatile uint32_t *header)
{
    walpool__mutex_lock(&walindex->mutex);
    walindex->header = header;
    walpool__mutex_unlock(&walindex->mutex);
}

void
walpool__walindex_attach(struct walpool__walindex *walindex,
                         struct walpool__conn *conn)
{
    set_header(walindex, mapping_of(conn));
}

void
walpool__walindex_detach(struct walpool__walindex *walindex)
{
    set_header(walindex, NULL);
}

/* SQLite may write while we read. Each counter is one aligned word, so it is
 * old or new, never a mixture; which of the two is all the same to health. */
#if defined(__GNUC__)
__attribute__((no_sanitize("thread")))
#endif
static bool
look(const volatile uint32_t *header, struct walpool__wal_state *state)
{
    if (header[0] != KNOWN_VERSION)
        return false;
    state->frames = header[MAX_FRAME_WORD];
    state->checkpointed = header[BACKFILL_WORD];
    return true;
}

bool
walpool__walindex_read(struct walpool__walindex *walindex,
                       struct walpool__wal_state *state)
{
    bool known;

    walpool__mutex_lock(&walindex->mutex);
    known = walindex->header && look(walindex->header, state);
    walpool__mutex_unlock(&walindex->mutex);
    return known;
}

/* A writer changes the second copy first, then the first one. So if the first
 * is read before the second, and both are equal, nobody was between them. */
#if defined(__GNUC__)
__attribute__((no_sanitize("thread")))
#endif
static bool
copy_header(const volatile uint32_t *header, uint32_t copy[HEADER_WORDS])
{
    const volatile _Atomic uint32_t *words =
        (const volatile _Atomic uint32_t *)header;

    for (int i = 0; i < HEADER_WORDS; i++)
        copy[i] = atomic_load_explicit(&words[i], memory_order_acquire);
    for (int i = 0; i < HEADER_WORDS; i++)
        if (atomic_load_explicit(&words[HEADER_WORDS + i],
                                 memory_order_acquire) != copy[i])
            return false;
    return true;
}

/* 65536 does not fit, and is written as 1. */
static uint32_t
page_bytes(const uint32_t copy[HEADER_WORDS])
{
    uint16_t size;

    memcpy(&size, (const unsigned char *)copy + PAGE_SIZE_BYTE, sizeof size);
    return size == 1 ? 65536 : size;
}

static bool
mark_of(const volatile uint32_t *header, struct walpool__wal_mark *mark)
{
    uint32_t copy[HEADER_WORDS];
    int tries = TRIES;

    while (tries > 0 && !copy_header(header, copy))
        tries--;
    if (tries == 0 || copy[0] != KNOWN_VERSION ||
        ((const unsigned char *)copy)[INIT_BYTE] != 1)
        return false;
    mark->salt[0] = copy[SALT_WORD];
    mark->salt[1] = copy[SALT_WORD + 1];
    mark->frames = copy[MAX_FRAME_WORD];
    mark->page_bytes = page_bytes(copy);
    return true;
}

bool
walpool__walindex_mark(struct walpool__walindex *walindex,
                       struct walpool__wal_mark *mark)
{
    bool known;

    walpool__mutex_lock(&walindex->mutex);
    known = walindex->header && mark_of(walindex->header, mark);
    walpool__mutex_unlock(&walindex->mutex);
    return known;
}

/* Each mark is one aligned word, as above. */
#if defined(__GNUC__)
__attribute__((no_sanitize("thread")))
#endif
static bool
copy_marks(const volatile uint32_t *header, struct walpool__wal_pins *pins)
{
    if (header[0] != KNOWN_VERSION)
        return false;
    for (int i = 0; i < WALPOOL__WAL_MARKS; i++)
        pins->marks[i] = header[READ_MARK_WORD + i];
    return true;
}

bool
walpool__walindex_pins(struct walpool__walindex *walindex,
                       struct walpool__wal_pins *pins)
{
    bool known;

    walpool__mutex_lock(&walindex->mutex);
    known = walindex->header && copy_marks(walindex->header, pins);
    walpool__mutex_unlock(&walindex->mutex);
    return known;
}

#if defined(__GNUC__)
__attribute__((no_sanitize("thread")))
#endif
static uint32_t
backfill_of(const volatile uint32_t *header)
{
    return header[BACKFILL_WORD];
}

bool
walpool__walindex_is_beyond(struct walpool__walindex *walindex,
                            struct walpool__wal_mark *mark)
{
    bool beyond = false;

    walpool__mutex_lock(&walindex->mutex);
    if (walindex->header && mark_of(walindex->header, mark))
        beyond = backfill_of(walindex->header) > mark->frames;
    walpool__mutex_unlock(&walindex->mutex);
    return beyond;
}

/* The first copy is the last that a writer changes, and the first that a reader
 * looks at: as long as it is old, no COMMIT has returned. */
#if defined(__GNUC__)
__attribute__((no_sanitize("thread")))
#endif
static void
copy_first(const volatile uint32_t *header, struct walpool__wal_header *copy)
{
    const volatile _Atomic uint32_t *words =
        (const volatile _Atomic uint32_t *)header;

    for (int i = 0; i < HEADER_WORDS; i++)
        copy->words[i] = atomic_load_explicit(&words[i], memory_order_acquire);
}

bool
walpool__walindex_header(const struct walpool__walindex *walindex,
                         struct walpool__wal_header *header)
{
    if (!walindex->header)
        return false;
    copy_first(walindex->header, header);
    return header->words[0] == KNOWN_VERSION &&
           ((const unsigned char *)header->words)[INIT_BYTE] == 1;
}

#if defined(__GNUC__)
__attribute__((no_sanitize("thread")))
#endif
bool
walpool__walindex_is(const struct walpool__walindex *walindex,
                     const struct walpool__wal_header *header)
{
    const volatile _Atomic uint32_t *words =
        (const volatile _Atomic uint32_t *)walindex->header;
    uint32_t differs = 0;

    for (int i = 0; i < HEADER_WORDS; i++)
        differs |= header->words[i] ^
                   atomic_load_explicit(&words[i], memory_order_acquire);
    return differs == 0;
}
