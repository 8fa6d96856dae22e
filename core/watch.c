/* Watch: are the files of the database still in place, and SQLite alone?
 *
 * SQLite opens its files once and does not look at their names again. If the
 * database is moved, or another file is put there, it goes on writing to a file
 * that nobody will open. If the -wal or the -shm is removed, its commits go to
 * a file without a name, and other processes make new sidecars: then there are
 * two histories of one database (sqlite.org/howtocorrupt.html 2.4, 2.5). While
 * a connection is open nobody removes them rightly, so whatever is not in place
 * is an accident. Each file is compared with the one that SQLite opened: its
 * inode cannot belong to another file while SQLite has it open.
 *
 *   each second    the three names, before a commit; a call of stat() each
 *   each 100 ms    the same, in health
 *   each COUNT_NS  the descriptors of the process, for a second SQLite
 *
 * Does: compare, count, poison.
 * Must not: open or close one of the files, or repair anything.
 * Lock: `mutex`, for a few calls of stat(); not while descriptors are counted.
 */
#include "watch.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "copies.h"
#include "posixlock.h"

#define COUNT_NS INT64_C(1000000000)
/* Who has thousands of descriptors counts them less often. */
#define COUNT_SHARE 1000

static const char *const suffixes[WALPOOL__WATCH_FILES] = {"", "-wal", "-shm"};

void
walpool__watch_init(struct walpool__watch *watch,
                    struct walpool__poison *poison, const char *path)
{
    memset(watch, 0, sizeof *watch);
    walpool__mutex_init(&watch->mutex);
    watch->poison = poison;
    watch->path = path;
}

void
walpool__watch_finish(struct walpool__watch *watch)
{
    PRE(!watch->on);
    walpool__mutex_finish(&watch->mutex);
}

static bool
facts_of(const struct walpool__watch *watch, enum walpool__watch_file file,
         struct walpool__file_id *id, int64_t *bytes)
{
    char path[WALPOOL__PATH_BYTES + 8];

    snprintf(path, sizeof path, "%s%s", watch->path, suffixes[file]);
    return walpool__fsinfo_facts_at(path, id, bytes);
}

/* ------------------------------------------------------------------ looking */

static enum walpool__watch_state
state_of(struct walpool__watch *watch, enum walpool__watch_file file)
{
    struct walpool__file_id id;
    int64_t bytes;

    if (!watch->known[file])
        return WALPOOL__WATCH_IN_PLACE;
    if (!facts_of(watch, file, &id, &bytes))
        return WALPOOL__WATCH_GONE;
    if (!walpool__fsinfo_is_same(&id, &watch->ids[file]))
        return WALPOOL__WATCH_REPLACED;
    if (file != WALPOOL__WATCH_DATABASE)
        return WALPOOL__WATCH_IN_PLACE;
    if (bytes == 0 && watch->has_bytes)
        return WALPOOL__WATCH_CUT;
    watch->has_bytes |= bytes > 0;
    return WALPOOL__WATCH_IN_PLACE;
}

/* A sidecar that is cut kills whoever has it mapped; SQLite does that only to
 * a file that it has locked alone. So that need not be looked for. */
static void
look(struct walpool__watch *watch)
{
    const enum walpool__watch_state *states = watch->states;

    for (int file = 0; file < WALPOOL__WATCH_FILES; file++)
        watch->states[file] = state_of(watch, (enum walpool__watch_file)file);
    if (states[WALPOOL__WATCH_DATABASE] == WALPOOL__WATCH_CUT)
        walpool__poison_set(watch->poison, WALPOOL__POISON_CUT, 0);
    else if (states[WALPOOL__WATCH_DATABASE] != WALPOOL__WATCH_IN_PLACE)
        walpool__poison_set(watch->poison, WALPOOL__POISON_MOVED, 0);
    if (states[WALPOOL__WATCH_WAL] != WALPOOL__WATCH_IN_PLACE ||
        states[WALPOOL__WATCH_SHM] != WALPOOL__WATCH_IN_PLACE)
        walpool__poison_set(watch->poison, WALPOOL__POISON_SIDECAR, 0);
}

void
walpool__watch_look(struct walpool__watch *watch)
{
    walpool__mutex_lock(&watch->mutex);
    if (watch->on)
        look(watch);
    walpool__mutex_unlock(&watch->mutex);
}

walpool_status
walpool__watch_may_open(struct walpool__watch *watch, walpool_error *err)
{
    bool may, has_wal;

    walpool__mutex_lock(&watch->mutex);
    if (watch->on)
        look(watch);
    may = watch->states[WALPOOL__WATCH_DATABASE] == WALPOOL__WATCH_IN_PLACE;
    has_wal = watch->states[WALPOOL__WATCH_WAL] == WALPOOL__WATCH_IN_PLACE;
    walpool__mutex_unlock(&watch->mutex);
    may &= has_wal || atomic_load(&watch->poison->saved) ||
           !walpool__poison_is_only(watch->poison, WALPOOL__POISON_SIDECAR);
    return may ? WALPOOL_OK
               : walpool__poison_refuse(watch->poison,
                                        "cannot open one more connection", err);
}

/* One that was moved has a name elsewhere, and may come back to its -wal. */
static bool
has_no_name(const struct walpool__watch *watch)
{
    int fd;

    return walpool__posixlock_descriptors(&watch->ids[WALPOOL__WATCH_DATABASE],
                                          &fd, 1) == 1 &&
           walpool__fsinfo_is_unlinked(fd);
}

bool
walpool__watch_is_replaced(struct walpool__watch *watch)
{
    const enum walpool__watch_state *states = watch->states;
    bool is = false;

    walpool__mutex_lock(&watch->mutex);
    if (watch->on) {
        look(watch);
        is = states[WALPOOL__WATCH_WAL] == WALPOOL__WATCH_IN_PLACE &&
             (states[WALPOOL__WATCH_DATABASE] == WALPOOL__WATCH_REPLACED ||
              (states[WALPOOL__WATCH_DATABASE] == WALPOOL__WATCH_GONE &&
               has_no_name(watch)));
    }
    walpool__mutex_unlock(&watch->mutex);
    return is;
}

bool
walpool__watch_may_rescue(struct walpool__watch *watch)
{
    const enum walpool__watch_state *states = watch->states;
    bool may = false;

    walpool__mutex_lock(&watch->mutex);
    if (watch->on) {
        look(watch);
        may = states[WALPOOL__WATCH_DATABASE] == WALPOOL__WATCH_IN_PLACE &&
              states[WALPOOL__WATCH_WAL] != WALPOOL__WATCH_REPLACED &&
              states[WALPOOL__WATCH_SHM] != WALPOOL__WATCH_REPLACED &&
              (states[WALPOOL__WATCH_WAL] == WALPOOL__WATCH_GONE ||
               states[WALPOOL__WATCH_SHM] == WALPOOL__WATCH_GONE);
    }
    walpool__mutex_unlock(&watch->mutex);
    return may;
}

/* ----------------------------------------------------------------- counting */

/* There may be a second one: find out what it is called, once. */
static void
note_second(struct walpool__watch *watch)
{
    char others[sizeof watch->others];
    bool known;

    walpool__mutex_lock(&watch->mutex);
    known = watch->second;
    walpool__mutex_unlock(&watch->mutex);
    if (known)
        return;
    walpool__copies_name(others, sizeof others);
    walpool__mutex_lock(&watch->mutex);
    watch->second = true;
    memcpy(watch->others, others, sizeof others);
    walpool__mutex_unlock(&watch->mutex);
}

static void
count(struct walpool__watch *watch, const struct walpool__file_id *shm)
{
    int64_t began = walpool__clock_now(), took, pause;

    if (walpool__copies_count(shm) > 1)
        note_second(watch);
    took = walpool__clock_now() - began;
    pause = took * COUNT_SHARE;
    walpool__mutex_lock(&watch->mutex);
    watch->count_ns = began + (pause > COUNT_NS ? pause : COUNT_NS);
    walpool__mutex_unlock(&watch->mutex);
}

void
walpool__watch_check(struct walpool__watch *watch, int64_t now_ns,
                     int64_t age_ns)
{
    struct walpool__file_id shm = {0, 0};
    bool counts = false;

    walpool__mutex_lock(&watch->mutex);
    if (watch->on && now_ns - watch->looked_ns >= age_ns) {
        look(watch);
        watch->looked_ns = now_ns;
    }
    if (watch->on && now_ns >= watch->count_ns &&
        watch->known[WALPOOL__WATCH_SHM]) {
        counts = true;
        shm = watch->ids[WALPOOL__WATCH_SHM];
        watch->count_ns = now_ns + COUNT_NS; /* nobody else, meanwhile */
    }
    walpool__mutex_unlock(&watch->mutex);
    if (UNLIKELY(counts))
        count(watch, &shm);
}

void
walpool__watch_report(struct walpool__watch *watch,
                      struct walpool__watch_report *report)
{
    memset(report, 0, sizeof *report);
    walpool__mutex_lock(&watch->mutex);
    for (int file = 0; file < WALPOOL__WATCH_FILES; file++)
        report->moved += watch->states[file] != WALPOOL__WATCH_IN_PLACE;
    report->second = watch->second;
    memcpy(report->others, watch->others, sizeof report->others);
    walpool__mutex_unlock(&watch->mutex);
}

/* ------------------------------------------------------ beginning and end */

/* A descriptor of it in this process proves that it is the one that SQLite has
 * opened, and not one that has been put there since. */
static bool
is_open_here(const struct walpool__file_id *id)
{
    return walpool__copies_count(id) > 0;
}

void
walpool__watch_attach(struct walpool__watch *watch)
{
    walpool__mutex_lock(&watch->mutex);
    for (int file = 0; file < WALPOOL__WATCH_FILES; file++) {
        int64_t bytes = 0;

        watch->known[file] =
            facts_of(watch, (enum walpool__watch_file)file, &watch->ids[file],
                     &bytes) &&
            is_open_here(&watch->ids[file]);
        if (file == WALPOOL__WATCH_DATABASE)
            watch->has_bytes = bytes > 0;
    }
    watch->on = true;
    walpool__mutex_unlock(&watch->mutex);
    walpool__watch_check(watch, walpool__clock_now(), 0);
}

void
walpool__watch_detach(struct walpool__watch *watch)
{
    walpool__mutex_lock(&watch->mutex);
    watch->on = false;
    walpool__mutex_unlock(&watch->mutex);
}
