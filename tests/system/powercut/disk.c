/* The disk after a power cut.
 *
 * Does: replay a record, and leave to chance what no sync covers.
 * Must not: know what SQLite or walpool mean by what they write.
 * Lock: none; a disk belongs to one thread. */
#include "disk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES_MAX 256
#define SYNCS_MAX 65536

struct bytes {
    unsigned char *data;
    size_t size, capacity;
};

/* Events that wait for a sync, oldest first; `done` more were before them. */
struct pending {
    size_t *events;
    size_t count, capacity, done;
};

struct file {
    struct bytes durable;
    struct pending pending;
};

struct disk {
    size_t next; /* event of the record */
    struct file files[FILES_MAX];
    int names[SHIM_FILES]; /* durable: the file that a name means, or -1 */
    struct pending folder;
    size_t covers[SYNCS_MAX]; /* by number of the sync: so many events */
};

static void *
grown(void *memory, size_t bytes)
{
    void *more = realloc(memory, bytes);

    if (!more)
        abort();
    return more;
}

static void
reserve(struct bytes *bytes, size_t size)
{
    if (size <= bytes->capacity)
        return;
    bytes->capacity = size * 2;
    bytes->data = grown(bytes->data, bytes->capacity);
}

static void
append(struct pending *pending, size_t event)
{
    if (pending->count == pending->capacity) {
        pending->capacity = pending->capacity * 2 + 64;
        pending->events = grown(pending->events, pending->capacity *
                                                     sizeof(size_t));
    }
    pending->events[pending->count++] = event;
}

static void
drop_first(struct pending *pending, size_t count)
{
    pending->count -= count;
    pending->done += count;
    memmove(pending->events, pending->events + count,
            pending->count * sizeof(size_t));
}

/* ------------------------------------------------------------------ chance */

struct chance {
    uint64_t state;
    unsigned keep;  /* of eight, so many pieces are kept */
    bool tears;     /* a kept sector may be cut through */
    bool garbage;   /* what was never written is not zero */
    size_t certain; /* so many of the oldest events are kept as a whole ... */
    size_t limit;   /* ... and from this one on all are lost */
};

/* splitmix64 */
static uint64_t
draw(struct chance *chance)
{
    uint64_t z = chance->state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static size_t
below(struct chance *chance, size_t limit)
{
    return (size_t)(draw(chance) % limit);
}

/* All is kept, all is lost, a prefix is kept and the next one in pieces, or
 * everything is in pieces. */
static void
choose(struct chance *chance, size_t count)
{
    static const unsigned keeps[] = {4, 7, 1};
    size_t style = below(chance, 6);

    chance->tears = style >= 2 && below(chance, 2);
    chance->garbage = below(chance, 2);
    chance->keep = style < 3 ? 4 : keeps[style - 3];
    chance->certain = style == 0   ? count
                      : style == 2 ? below(chance, count + 1)
                                   : 0;
    chance->limit = style == 1 ? 0 : style == 2 ? chance->certain + 1 : count;
}

static bool
keeps(struct chance *chance, size_t nth)
{
    return nth < chance->certain ||
           (nth < chance->limit && below(chance, 8) < chance->keep);
}

/* --------------------------------------------------------------- one file */

static void
resize(struct bytes *bytes, size_t size, struct chance *chance)
{
    reserve(bytes, size);
    for (size_t i = bytes->size; i < size; i++)
        bytes->data[i] =
            chance && chance->garbage ? (unsigned char)draw(chance) : 0;
    bytes->size = size;
}

static void
put(struct bytes *bytes, const unsigned char *data, size_t count,
    size_t offset, struct chance *chance)
{
    if (offset + count > bytes->size)
        resize(bytes, offset + count, chance);
    memcpy(bytes->data + offset, data, count);
}

/* A write of which each sector has a fate of its own. */
static void
put_in_pieces(struct bytes *bytes, const struct record_event *event,
              size_t nth, struct chance *chance)
{
    const unsigned char *data = record_bytes(event);
    size_t at = (size_t)event->a, end = at + event->bytes, piece;

    for (; at < end; at += piece, data += piece) {
        piece = DISK_SECTOR - at % DISK_SECTOR;
        if (piece > end - at)
            piece = end - at;
        if (!keeps(chance, nth))
            continue;
        if (chance->tears && below(chance, 16) == 0)
            put(bytes, data, below(chance, piece), at, chance);
        else
            put(bytes, data, piece, at, chance);
    }
    if (end > bytes->size && nth < chance->limit && below(chance, 2))
        resize(bytes, end, chance); /* the size was written, the data not */
}

static void
happen(struct bytes *bytes, const struct record_event *event, size_t nth,
       struct chance *chance)
{
    if (event->what == RECORD_TRUNCATE) {
        if (keeps(chance, nth))
            resize(bytes, (size_t)event->a, chance);
    } else if (nth < chance->certain) {
        put(bytes, record_bytes(event), event->bytes, (size_t)event->a, chance);
    } else {
        put_in_pieces(bytes, event, nth, chance);
    }
}

/* What is left of a file. */
static void
survive(const struct file *file, struct chance *chance, struct bytes *out)
{
    reserve(out, file->durable.size);
    if (file->durable.size)
        memcpy(out->data, file->durable.data, file->durable.size);
    out->size = file->durable.size;
    choose(chance, file->pending.count);
    for (size_t i = 0; i < file->pending.count; i++)
        happen(out, record_event(file->pending.events[i]), i, chance);
}

/* --------------------------------------------------------------- the record */

struct disk *
disk_open(void)
{
    struct disk *disk = grown(NULL, sizeof *disk);

    memset(disk, 0, sizeof *disk);
    for (int i = 0; i < SHIM_FILES; i++)
        disk->names[i] = -1;
    return disk;
}

void
disk_close(struct disk *disk)
{
    for (int i = 0; i < FILES_MAX; i++) {
        free(disk->files[i].durable.data);
        free(disk->files[i].pending.events);
    }
    free(disk->folder.events);
    free(disk);
}

/* A sync has ended: how many of these events did it cover that no other sync
 * has covered meanwhile? */
static size_t
newly_covered(const struct disk *disk, const struct pending *pending,
              int64_t sync)
{
    size_t covers = disk->covers[sync];

    return covers > pending->done ? covers - pending->done : 0;
}

static void
end_sync(struct disk *disk, const struct record_event *event)
{
    struct file *file = &disk->files[event->file];
    struct chance certain = {.certain = SIZE_MAX};
    size_t count = newly_covered(disk, &file->pending, event->a);

    for (size_t i = 0; i < count; i++)
        happen(&file->durable, record_event(file->pending.events[i]), 0,
               &certain);
    drop_first(&file->pending, count);
}

static void
set_name(int *names, const struct record_event *event)
{
    names[event->a] = event->what == RECORD_CREATE ? event->file : -1;
}

static void
end_folder_sync(struct disk *disk, const struct record_event *event)
{
    size_t count = newly_covered(disk, &disk->folder, event->a);

    for (size_t i = 0; i < count; i++)
        set_name(disk->names, record_event(disk->folder.events[i]));
    drop_first(&disk->folder, count);
}

static void
begin_sync(struct disk *disk, const struct pending *pending, int64_t sync)
{
    if (sync >= SYNCS_MAX)
        abort();
    disk->covers[sync] = pending->done + pending->count;
}

bool
disk_next(struct disk *disk)
{
    const struct record_event *event = record_event(disk->next);

    if (disk->next == record_count())
        return false;
    if (event->file >= FILES_MAX)
        abort();
    if (event->what == RECORD_WRITE || event->what == RECORD_TRUNCATE)
        append(&disk->files[event->file].pending, disk->next);
    else if (event->what == RECORD_CREATE || event->what == RECORD_DELETE)
        append(&disk->folder, disk->next);
    else if (event->what == RECORD_SYNC)
        begin_sync(disk, &disk->files[event->file].pending, event->a);
    else if (event->what == RECORD_SYNCED)
        end_sync(disk, event);
    else if (event->what == RECORD_FOLDER_SYNC)
        begin_sync(disk, &disk->folder, event->a);
    else if (event->what == RECORD_FOLDER_SYNCED)
        end_folder_sync(disk, event);
    disk->next++;
    return true;
}

/* ------------------------------------------------------------------ the cut */

static bool
write_file(const char *path, const struct bytes *bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool done;

    if (fd < 0)
        return false;
    done = write(fd, bytes->data, bytes->size) == (ssize_t)bytes->size;
    return close(fd) == 0 && done;
}

bool
disk_cut(const struct disk *disk, uint64_t seed, const char *path)
{
    struct chance chance = {.state = seed};
    struct bytes bytes = {0};
    int names[SHIM_FILES];
    char name[4200];
    bool done = true;

    memcpy(names, disk->names, sizeof names);
    choose(&chance, disk->folder.count);
    for (size_t i = 0; i < disk->folder.count; i++)
        if (keeps(&chance, i))
            set_name(names, record_event(disk->folder.events[i]));
    snprintf(name, sizeof name, "%s-shm", path);
    unlink(name);
    for (int i = 0; i < SHIM_FILES && done; i++) {
        snprintf(name, sizeof name, "%s%s", path,
                 shim_file_name((enum shim_file)i));
        unlink(name);
        if (names[i] < 0)
            continue;
        survive(&disk->files[names[i]], &chance, &bytes);
        done = write_file(name, &bytes);
    }
    free(bytes.data);
    return done;
}
