/* Survey: what costs system calls to know, asked for now and then.
 *
 * Who pins the WAL: a reader has one of five slots of the wal-index, with its
 * mark in it, and a shared lock on the byte of the slot in -shm. A checkpoint
 * copies no frame behind the mark of a slot that is locked, and no writer starts
 * the WAL anew while a slot but the first one is. The first is for those who
 * read the database file alone: it stops all copying. The kernel tells which
 * process has the lock. So nobody has to be asked, and no lock is taken.
 *
 * Of those who look, the first after AGE_NS asks, and all others get what was
 * found before: nobody waits for more than some system calls.
 *
 * Does: ask, and keep the answers.
 * Must not: open or close a file of the database, take a lock, or judge.
 * Lock: `mutex`, for a few system calls. */
#include "survey.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "posixlock.h"

#define AGE_NS 100000000

/* Bytes of -shm (sqlite.org/walformat.html, 2.3.1). */
#define WRITE_BYTE 120
#define CHECKPOINT_BYTE 121
#define READ_BYTE 123
#define OPEN_BYTE 128 /* of SQLite's unix VFS: locked for as long as it is open */

void
walpool__survey_init(struct walpool__survey *survey, const char *path,
                     struct walpool__walindex *walindex)
{
    memset(survey, 0, sizeof *survey);
    walpool__mutex_init(&survey->mutex);
    survey->path = path;
    survey->walindex = walindex;
    survey->findings.disk_free = survey->findings.pin_frames = -1;
}

void
walpool__survey_finish(struct walpool__survey *survey)
{
    PRE(!survey->on);
    walpool__mutex_finish(&survey->mutex);
}

void
walpool__survey_attach(struct walpool__survey *survey)
{
    char shm[WALPOOL__PATH_BYTES + 8];

    snprintf(shm, sizeof shm, "%s-shm", survey->path);
    walpool__mutex_lock(&survey->mutex);
    survey->on = walpool__fsinfo_id_at(shm, &survey->id) &&
                 (walpool__posixlock_find(&survey->id, OPEN_BYTE, &survey->fd) ||
                  walpool__posixlock_descriptors(&survey->id, &survey->fd, 1));
    walpool__mutex_unlock(&survey->mutex);
}

void
walpool__survey_detach(struct walpool__survey *survey)
{
    walpool__mutex_lock(&survey->mutex);
    survey->on = false;
    walpool__mutex_unlock(&survey->mutex);
}

/* Another file may have its number by now. The mutex is held. */
static bool
can_ask(const struct walpool__survey *survey)
{
    struct walpool__file_id id;

    return survey->on && walpool__fsinfo_id_of(survey->fd, &id) &&
           walpool__fsinfo_is_same(&id, &survey->id);
}

/* The name is looked up when it is another process than before. */
static void
set_process(struct walpool__process *process, int64_t pid)
{
    pid = pid > 0 ? pid : 0;
    if (pid == process->pid)
        return;
    process->pid = pid;
    process->name[0] = '\0';
    if (pid)
        walpool__posixlock_name(pid, process->name, sizeof process->name);
}

/* Several processes may share it: then this one counts. */
static int64_t
user_of(int fd, int64_t byte)
{
    int64_t pid = walpool__posixlock_sharer(fd, byte);

    return pid != WALPOOL__POSIXLOCK_NOBODY && pid != getpid() &&
                   walpool__posixlock_listed(fd, byte) ==
                       WALPOOL__POSIXLOCK_LISTED
               ? getpid()
               : pid;
}

/* Who sets a mark has it alone for that moment: it is none yet. Who reads the
 * database file alone keeps nothing where nothing is left to be copied. */
static struct walpool__mark_use
find_oldest(int fd, const struct walpool__wal_state *state,
            const struct walpool__wal_pins *pins)
{
    struct walpool__mark_use oldest = {-1, WALPOOL__POSIXLOCK_NOBODY};

    for (int slot = state->frames == state->checkpointed ? 1 : 0;
         slot < WALPOOL__WAL_MARKS; slot++) {
        int64_t pid, frames = slot ? pins->marks[slot] : state->checkpointed;

        if (frames > state->frames ||
            (oldest.frames >= 0 && frames >= oldest.frames))
            continue;
        pid = user_of(fd, READ_BYTE + slot);
        if (pid != WALPOOL__POSIXLOCK_NOBODY)
            oldest = (struct walpool__mark_use){frames, pid};
    }
    return oldest;
}

struct walpool__mark_use
walpool__survey_find_pin(struct walpool__survey *survey)
{
    struct walpool__mark_use oldest = {-1, WALPOOL__POSIXLOCK_NOBODY};
    struct walpool__wal_state state;
    struct walpool__wal_pins pins;

    if (!walpool__walindex_read(survey->walindex, &state) ||
        !walpool__walindex_pins(survey->walindex, &pins))
        return oldest;
    walpool__mutex_lock(&survey->mutex);
    if (can_ask(survey))
        oldest = find_oldest(survey->fd, &state, &pins);
    walpool__mutex_unlock(&survey->mutex);
    return oldest;
}

/* True also where it cannot be told. */
static bool
is_writing(struct walpool__survey *survey)
{
    bool writing = true;

    walpool__mutex_lock(&survey->mutex);
    if (can_ask(survey))
        writing = walpool__posixlock_holder(survey->fd, WRITE_BYTE, 1) !=
                  WALPOOL__POSIXLOCK_NOBODY;
    walpool__mutex_unlock(&survey->mutex);
    return writing;
}

/* Only who has the write lock starts the WAL anew, and is between two steps of
 * it. If nobody has it, before and after two equal looks, it is no moment. */
static bool
is_beyond(struct walpool__survey *survey)
{
    struct walpool__wal_mark mark, again;

    return walpool__walindex_is_beyond(survey->walindex, &mark) &&
           !is_writing(survey) &&
           walpool__walindex_is_beyond(survey->walindex, &mark) &&
           !is_writing(survey) &&
           walpool__walindex_is_beyond(survey->walindex, &again) &&
           memcmp(&mark, &again, sizeof mark) == 0;
}

static void
ask(struct walpool__survey *survey)
{
    struct walpool__findings *findings = &survey->findings;
    struct walpool__mark_use pin = walpool__survey_find_pin(survey);
    bool beyond = is_beyond(survey);
    int64_t disk_free = walpool__fsinfo_free(survey->path);

    walpool__mutex_lock(&survey->mutex);
    findings->disk_free = disk_free;
    findings->beyond = beyond;
    findings->pin_frames = pin.frames;
    set_process(&findings->pin, pin.pid);
    set_process(&findings->writer,
                can_ask(survey) ? walpool__posixlock_other(
                                      survey->fd, WRITE_BYTE, 1, true)
                                : 0);
    walpool__mutex_unlock(&survey->mutex);
}

void
walpool__survey_look(struct walpool__survey *survey, int64_t now_ns,
                     struct walpool__findings *findings)
{
    bool due;

    walpool__mutex_lock(&survey->mutex);
    due = now_ns >= survey->due_ns;
    if (due)
        survey->due_ns = now_ns + AGE_NS;
    walpool__mutex_unlock(&survey->mutex);
    if (due)
        ask(survey);
    walpool__mutex_lock(&survey->mutex);
    *findings = survey->findings;
    walpool__mutex_unlock(&survey->mutex);
}

bool
walpool__survey_is_copying(struct walpool__survey *survey)
{
    bool copying;

    walpool__mutex_lock(&survey->mutex);
    copying = can_ask(survey) &&
              walpool__posixlock_holder(survey->fd, CHECKPOINT_BYTE, 1) > 0;
    walpool__mutex_unlock(&survey->mutex);
    return copying;
}
