/* Registry: which files this process has open.
 *
 *   state     meaning                          next
 *   opening   one thread opens the file        open, or gone when it failed
 *   open      handles can share it             closing by the last handle
 *   closing   one thread waits for leases      gone, or open past its deadline
 *
 * Threads that meet `opening` or `closing` wait for the next state. Files are
 * told apart by device and inode, so two names of one file share.
 *
 * Does: share databases, count their handles.
 * Must not: hold its mutex while a file is opened, drained or closed.
 * Lock: `mutex` guards the list and its entries. */
#include "registry.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "discard.h"
#include "error.h"
#include "mem.h"
#include "options.h"
#include "upkeep.h"

enum state { OPENING, OPEN, CLOSING };

struct entry {
    struct walpool__link link;
    struct walpool__file_id id;
    enum state state;
    int handles;
    struct walpool__db *db;
};

static struct {
    struct walpool__mutex mutex; /* guards the next three */
    struct walpool__cond changed;
    struct walpool__link entries;
    bool ready;
} registry = {.mutex = WALPOOL__MUTEX_STATIC};

/* A child starts with an empty list: what it inherited it must not touch. A
 * file that the parent has open stays refused, see `inherited`. */
static struct walpool__link inherited = {&inherited, &inherited};

static void
start_anew_in_child(void)
{
    walpool__mutex_init(&registry.mutex);
    walpool__cond_init(&registry.changed);
    while (registry.ready && !walpool__list_is_empty(&registry.entries)) {
        struct walpool__link *link = registry.entries.next;
        struct entry *entry = WALPOOL__CONTAINER(link, struct entry, link);

        if (entry->db)
            walpool__turn_forget_in_child(entry->db->writer.turn);
        walpool__list_remove(link);
        walpool__list_append(&inherited, link);
    }
    if (registry.ready) /* the fork may have met a change half done */
        walpool__list_init(&registry.entries);
}

static void
lock_registry(void)
{
    walpool__thread_at_fork(start_anew_in_child);
    walpool__mutex_lock(&registry.mutex);
    if (registry.ready)
        return;
    walpool__cond_init(&registry.changed);
    walpool__list_init(&registry.entries);
    registry.ready = true;
}

static struct entry *
find(struct walpool__link *list, const struct walpool__file_id *id)
{
    for (struct walpool__link *link = list->next; link != list;
         link = link->next) {
        struct entry *entry = WALPOOL__CONTAINER(link, struct entry, link);

        if (walpool__fsinfo_is_same(&entry->id, id))
            return entry;
    }
    return NULL;
}

/* Not just any database on the file: the next one may be open already. */
static struct entry *
find_db(const struct walpool__db *db)
{
    struct entry *entry = find(&registry.entries, &db->id);

    return entry && entry->db == db ? entry : NULL;
}

/* ------------------------------------------------------------------ opening */

/* Wait until the file is open or nobody has it. The mutex is held. */
static walpool_status
settle(const struct walpool__file_id *id, struct walpool__call *call,
       struct entry **found, walpool_error *err)
{
    for (;;) {
        *found = find(&registry.entries, id);
        if (!*found || (*found)->state == OPEN)
            return WALPOOL_OK;
        call->phase = WALPOOL_PHASE_QUEUE;
        if (walpool__call_must_stop(call))
            return walpool__call_stopped(call, "open the database",
                                         "another thread opens or closes it",
                                         err);
        walpool__cond_wait(&registry.changed, &registry.mutex,
                           call->deadline_ns);
    }
}

/* Share an open database, or reserve the file for us to open (*db is NULL,
 * *mine the entry). */
static walpool_status
share_or_reserve(const struct walpool__file_id *id, struct walpool__call *call,
                 struct walpool__db **db, struct entry **mine,
                 walpool_error *err)
{
    struct entry *fresh = walpool__mem_zalloc(sizeof *fresh), *found = NULL;
    walpool_status status;

    if (!fresh)
        return walpool__error_nomem(err, "a database");
    lock_registry();
    status = settle(id, call, &found, err);
    if (status == WALPOOL_OK && found) {
        found->handles++;
        *db = found->db;
        atomic_fetch_add(&found->db->refs, 1);
    } else if (status == WALPOOL_OK && find(&inherited, id)) {
        status = walpool__error_set(
            err, WALPOOL_FORKED, "the parent process had this file open at "
            "fork(): its locks do not protect this process; close it before "
            "the fork, or exec() first");
    } else if (status == WALPOOL_OK) {
        fresh->id = *id;
        fresh->state = OPENING;
        walpool__list_append(&registry.entries, &fresh->link);
        *mine = fresh;
        fresh = NULL;
    }
    walpool__mutex_unlock(&registry.mutex);
    walpool__mem_free(fresh);
    return status;
}

/* Tell the others how the opening or closing of `entry` ended. */
static void
conclude(struct entry *entry, enum state state, struct walpool__db *db)
{
    lock_registry();
    entry->state = state;
    entry->db = db;
    if (!db)
        walpool__list_remove(&entry->link);
    walpool__cond_broadcast(&registry.changed);
    walpool__mutex_unlock(&registry.mutex);
    if (!db)
        walpool__mem_free(entry);
}

static walpool_status
open_place(const struct walpool__place *place, const walpool_options *options,
           struct walpool__call *call, struct walpool__db **db,
           walpool_error *err)
{
    struct entry *mine = NULL;
    walpool_status status = share_or_reserve(&place->id, call, db, &mine, err);

    if (!mine)
        return status;
    mine->handles = 1;
    *db = walpool__db_open(place, options, call, err, &status);
    if (!*db && place->created)
        walpool__discard_new(place);
    if (*db)
        walpool__upkeep_begin(*db);
    conclude(mine, OPEN, *db);
    return status;
}

static walpool_status shut_or_refuse(struct entry *entry,
                                     struct walpool__call *call,
                                     walpool_error *err);

static walpool *
wrap(struct walpool__db *db, walpool_error *err)
{
    walpool *handle = walpool__handle_open(WALPOOL__HANDLE_DATABASE, db,
                                           walpool__db_unref);
    struct walpool__call call;
    struct entry *entry;
    bool last;

    if (handle)
        return handle;
    walpool__call_begin_own(&call, 0);
    lock_registry();
    entry = find_db(db);
    last = --entry->handles == 0;
    if (last)
        entry->state = CLOSING;
    walpool__mutex_unlock(&registry.mutex);
    if (last)
        shut_or_refuse(entry, &call, NULL);
    walpool__db_unref(db);
    walpool__error_nomem(err, "a database handle");
    return NULL;
}

static walpool_status
check_name(const char *name, walpool_error *err)
{
    if (!name || !name[0])
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "the name of the database is %s: give a "
                                  "path", name ? "empty" : "NULL");
    if (!strcmp(name, ":memory:"))
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  ":memory: has no WAL and cannot be shared: "
                                  "use a file, on a tmpfs if it may be lost");
    return WALPOOL_OK;
}

/* The path that `name` means, and the options with what its DSN says. */
static walpool_status
read_name(const char *name, const walpool_options *given, char *path,
          walpool_options *options, walpool_error *err)
{
    walpool_status status = check_name(name, err);

    if (status != WALPOOL_OK)
        return status;
    walpool_options_init(options);
    if (given)
        *options = *given;
    status = walpool__options_check(options, err);
    if (status != WALPOOL_OK)
        return status;
    if (strncmp(name, "file:", 5) == 0) {
        status = walpool_options_parse(options, name, path,
                                       WALPOOL__PATH_BYTES, err);
        if (status == WALPOOL_OK)
            status = walpool__options_check(options, err);
        return status == WALPOOL_OK ? check_name(path, err) : status;
    }
    if (strlen(name) >= WALPOOL__PATH_BYTES)
        return walpool__error_set(err, WALPOOL_CANTOPEN,
                                  "cannot open %.60s...: the path has %zu "
                                  "bytes, 4083 are possible", name,
                                  strlen(name));
    snprintf(path, WALPOOL__PATH_BYTES, "%s", name);
    return WALPOOL_OK;
}

walpool *
walpool_open(const char *name, const walpool_options *given,
             walpool_error *err)
{
    char path[WALPOOL__PATH_BYTES];
    walpool_options options;
    struct walpool__place place;
    struct walpool__call call;
    struct walpool__db *db = NULL;
    walpool_status status = read_name(name, given, path, &options, err);

    if (status != WALPOOL_OK)
        return NULL;
    status = walpool__fsinfo_place(path, options.mode == 0,
                                   options.permissions, &place, err);
    if (status != WALPOOL_OK)
        return NULL;
    walpool__call_begin_own(&call, options.busy_timeout_ms);
    status = open_place(&place, &options, &call, &db, err);
    return status == WALPOOL_OK ? wrap(db, err) : NULL;
}

/* ------------------------------------------------------------------ closing */

/* The entry is CLOSING and ours: drain and shut, or put it back. */
static walpool_status
shut_or_refuse(struct entry *entry, struct walpool__call *call,
               walpool_error *err)
{
    struct walpool__db *db = entry->db;
    walpool_status status = walpool__db_drain(db, call, err);

    if (status == WALPOOL_OK) {
        walpool__upkeep_end(db);
        walpool__db_shut(db, call->deadline_ns);
        conclude(entry, CLOSING, NULL);
    } else {
        conclude(entry, OPEN, db);
    }
    return status;
}

/* What closing this handle means; the mutex is held. */
static walpool_status
begin_close(struct walpool__db *db, walpool *handle, struct entry **last,
            walpool_error *err)
{
    struct entry *entry = find_db(db);

    *last = NULL;
    if (!entry || entry->state == CLOSING)
        return walpool__error_set(err, WALPOOL_CLOSED,
                                  "the database is being closed");
    /* Another close was faster: the handle that is left is not this one. */
    if (walpool__handle_is_closed(handle))
        return walpool__error_set(err, WALPOOL_CLOSED,
                                  "the database is closed");
    if (entry->handles == 1) {
        entry->state = CLOSING;
        *last = entry;
        return WALPOOL_OK;
    }
    walpool__handle_close(handle);
    entry->handles--;
    return WALPOOL_OK;
}

walpool_status
walpool_close(walpool *handle, int64_t timeout_ms, walpool_error *err)
{
    walpool_call asked = WALPOOL_CALL_INIT;
    walpool_status status;
    struct walpool__call call;
    struct entry *last;
    struct walpool__db *db = walpool__handle_pin(WALPOOL__HANDLE_DATABASE,
                                                 handle, err, &status);

    if (!db)
        return status;
    asked.timeout_ms = timeout_ms;
    status = walpool__call_begin(&call, &asked, db->options.close_timeout_ms,
                                 err);
    if (status == WALPOOL_OK) {
        lock_registry();
        status = begin_close(db, handle, &last, err);
        walpool__mutex_unlock(&registry.mutex);
        if (status == WALPOOL_OK && last) {
            status = shut_or_refuse(last, &call, err);
            if (status == WALPOOL_OK)
                walpool__handle_close(handle);
        }
    }
    walpool__handle_unpin(handle);
    return status;
}
