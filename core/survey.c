/* Survey: what costs system calls to know, asked for now and then.
 *
 * Who pins the WAL: each reader has a shared lock on the byte of its read mark
 * in -shm, and the kernel tells which process has it. So nobody has to be
 * asked, and no lock is taken. The marks themselves are in the wal-index.
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

#include "posixlock.h"

#define AGE_NS 100000000

/* Bytes of -shm (sqlite.org/walformat.html, 2.3.1). */
#define WRITE_BYTE 120
#define CHECKPOINT_BYTE 121
#define READ_BYTE 123

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
                 walpool__posixlock_descriptors(&survey->id, &survey->fd, 1);
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

/* Find the oldest mark that somebody uses. Who sets one has it alone for that
 * moment: it is no mark yet. The first slot is for those who read the database
 * file alone: they keep nothing where nothing is left to be copied. */
static void
find_pin(int fd, const struct walpool__wal_state *state,
         const struct walpool__wal_pins *pins,
         struct walpool__findings *findings)
{
    int64_t pid = 0;

    findings->pin_frames = -1;
    for (int slot = state->frames == state->checkpointed ? 1 : 0;
         slot < WALPOOL__WAL_MARKS; slot++) {
        int64_t holder, frames = slot ? pins->marks[slot] : state->checkpointed;

        if (frames > state->frames ||
            (findings->pin_frames >= 0 && frames >= findings->pin_frames))
            continue;
        holder = walpool__posixlock_sharer(fd, READ_BYTE + slot);
        if (holder == WALPOOL__POSIXLOCK_NOBODY)
            continue;
        findings->pin_frames = frames;
        pid = holder;
    }
    set_process(&findings->pin, pid);
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
    struct walpool__wal_state state;
    struct walpool__wal_pins pins;
    bool known = walpool__walindex_read(survey->walindex, &state) &&
                 walpool__walindex_pins(survey->walindex, &pins);
    bool beyond = is_beyond(survey);
    int64_t disk_free = walpool__fsinfo_free(survey->path);

    walpool__mutex_lock(&survey->mutex);
    findings->disk_free = disk_free;
    findings->beyond = beyond;
    if (can_ask(survey)) {
        if (known)
            find_pin(survey->fd, &state, &pins, findings);
        set_process(&findings->writer,
                    walpool__posixlock_other(survey->fd, WRITE_BYTE, 1, true));
    } else {
        findings->pin_frames = -1;
        set_process(&findings->pin, 0);
        set_process(&findings->writer, 0);
    }
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
