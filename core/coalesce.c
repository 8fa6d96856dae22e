/* Coalesce: small writes of many threads in one transaction.
 *
 * A commit costs more than a small write. So the thread that gets the writer
 * carries out the writes of all that wait by then (group.c), each in a
 * savepoint of its own, goes on as long as others come, but for coalesce_ms at
 * most, and commits once.
 *
 * To its caller a write is what it is by itself. One that fails is undone, and
 * the others hold. While it runs the connection obeys its own deadline and
 * token. A foreign key that is left open is an error of the write that opened
 * it, not of the commit.
 *
 * Some failures end the whole transaction: SQLite rolls it back for a write
 * that was interrupted, or that says OR ROLLBACK. Then that write has failed,
 * and all others are run once more, also those that failed: it may have been
 * because of a row that is gone now. Where the disk fails all have failed.
 *
 * A write that nobody waits with is applied by itself, as without coalescing.
 *
 * Does: share a transaction, tell everybody his own truth.
 * Must not: call another caller's `leave`, which group.c has done.
 * Lock: none of its own; whoever has the writer owns a share, and the writes in
 * it. */
#include "coalesce.h"

#include <strings.h>

#include "clock.h"
#include "error.h"
#include "text.h"
#include "txn.h"

/* Parameters of more are no small write: they would hold up the others. */
#define SMALL_BYTES 65536

/* One write in the group, on the stack of its caller. */
struct entry {
    struct walpool__group_member member;
    struct walpool__write *write;
    walpool_status status;
    walpool_error err; /* the write's, until it is answered */
    struct walpool__aftermath aftermath;
    bool ran; /* in the transaction that is open */
    bool out; /* it has ended a transaction: it is not run again */
};

/* The writes that share one transaction, in their order. */
struct share {
    struct walpool__db *db;
    struct walpool__conn *conn;
    struct walpool__link entries;
    int64_t ends_ns; /* no more are taken from then on */
    bool ended;      /* no more are taken */
    bool begun;      /* a transaction, which SQLite may have ended */
};

/* ----------------------------------------------------------------- who may */

/* VACUUM, PRAGMA and others cannot be in a transaction, or do more to it than
 * a write should. */
static bool
is_plain(const char *at, const char *end)
{
    static const char *const words[] = {"INSERT", "UPDATE", "DELETE", "REPLACE",
                                        "WITH"};

    while (at < end && (*at == ' ' || (*at >= '\t' && *at <= '\r')))
        at++;
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        size_t bytes = strlen(words[i]);

        if ((size_t)(end - at) > bytes &&
            strncasecmp(at, words[i], bytes) == 0)
            return true;
    }
    return false;
}

static bool
says_plain(const walpool_statement *statement)
{
    struct walpool__view view;
    bool plain;

    if (walpool__view_begin(&view, statement, NULL) != WALPOOL_OK)
        return false; /* whoever prepares it says why */
    plain = is_plain(view.sql, view.sql + view.bytes);
    walpool__view_end(&view);
    return plain;
}

bool
walpool__coalesce_wants(const struct walpool__db *db,
                        const struct walpool__write *write)
{
    return db->options.coalesce_ms > 0 && !write->batch && !write->once.key &&
           !(write->call->flags & WALPOOL_CALL_SCRIPT) &&
           write->call->timeout_ms != 0 && /* it waits for nobody */
           write->statements->params_bytes <= SMALL_BYTES &&
           says_plain(write->statements);
}

/* ------------------------------------------------------------- one write */

static struct entry *
entry_of(struct walpool__link *link)
{
    return WALPOOL__CONTAINER(link, struct entry, member.link);
}

/* Alone it would not have been committed. */
static walpool_status
check_foreign_keys(struct walpool__conn *conn, walpool_error *err)
{
    if (!walpool__conn_owes_foreign_keys(conn))
        return WALPOOL_OK;
    walpool__error_set(err, WALPOOL_CONSTRAINT,
                       "cannot run the statement: FOREIGN KEY constraint "
                       "failed");
    err->sqlite_code = SQLITE_CONSTRAINT_FOREIGNKEY;
    return WALPOOL_CONSTRAINT;
}

/* In a transaction that is open: all of the write, or nothing. */
static walpool_status
run_in_savepoint(struct walpool__conn *conn, struct entry *entry)
{
    walpool_status status = walpool__txn_savepoint(conn, &entry->err);

    if (status != WALPOOL_OK)
        return status;
    status = walpool__apply_within(entry->write);
    if (status == WALPOOL_OK)
        status = check_foreign_keys(conn, &entry->err);
    if (status == WALPOOL_OK)
        status = walpool__txn_release(conn, &entry->err);
    if (status != WALPOOL_OK && walpool__conn_in_transaction(conn) &&
        walpool__txn_rollback_to(conn, NULL) != WALPOOL_OK)
        walpool__txn_rollback(conn);
    return status;
}

/* On behalf of its own call; the wait for SQLite's lock is the first one's. */
static walpool_status
run_entry(struct share *share, struct entry *entry)
{
    struct walpool__conn *conn = share->conn;
    struct walpool__write *write = entry->write;

    entry->ran = true;
    write->conn = conn;
    conn->call = write->call;
    if (walpool__call_tick(write->call))
        return walpool__call_stopped(write->call, "run the statement", "",
                                     &entry->err);
    if (!share->begun) {
        walpool_status status = walpool__txn_begin_write(conn, &entry->err);

        share->begun = status == WALPOOL_OK;
        if (!share->begun)
            return status;
    }
    return run_in_savepoint(conn, entry);
}

/* ------------------------------------------------------------- all of them */

#define FOR_EACH(share, link)                                \
    for (struct walpool__link *link = (share)->entries.next; \
         link != &(share)->entries; link = link->next)

static void
add(struct share *share, struct walpool__group_member *member)
{
    walpool__list_append(&share->entries, &member->link);
}

/* One more from the group, or NULL. */
static struct entry *
take(struct share *share)
{
    int64_t now = walpool__clock_now();
    struct walpool__group_member *member = walpool__group_take(
        &share->db->group, now >= share->ends_ns);
    struct entry *entry;

    share->ended = !member;
    if (!member)
        return NULL;
    add(share, member);
    entry = entry_of(&member->link);
    walpool__histogram_record(
        &share->db->stats.writer_wait_us,
        (uint64_t)(now - entry->write->call->started_ns) / 1000);
    return entry;
}

static struct entry *
next_to_run(struct share *share)
{
    FOR_EACH(share, link)
        if (!entry_of(link)->ran)
            return entry_of(link);
    return share->ended ? NULL : take(share);
}

/* Those in the transaction are undone, and this is why. */
static void
fail_all(struct share *share, walpool_status status, const walpool_error *why)
{
    FOR_EACH(share, link) {
        struct entry *entry = entry_of(link);

        if (entry->status != WALPOOL_OK || !entry->ran)
            continue;
        entry->status = status;
        entry->err = *why;
        walpool__error_prefix(&entry->err, "the transaction that this write "
                              "shared was rolled back: ");
    }
}

/* Failures that another statement would meet, too. */
static bool
concerns_all(walpool_status status)
{
    switch (status) {
    case WALPOOL_IO:
    case WALPOOL_FULL:
    case WALPOOL_CORRUPT:
    case WALPOOL_NOTADB:
    case WALPOOL_READONLY:
    case WALPOOL_CANTOPEN:
    case WALPOOL_POISONED:
        return true;
    default:
        return false;
    }
}

/* SQLite has ended the transaction because of this entry. */
static void
begin_anew(struct share *share, const struct entry *culprit)
{
    share->begun = false;
    walpool__stats_add(&share->db->stats.rollbacks, 1);
    if (concerns_all(culprit->status)) {
        fail_all(share, culprit->status, &culprit->err);
        return;
    }
    FOR_EACH(share, link) {
        struct entry *entry = entry_of(link);

        entry->out |= entry == culprit;
        entry->ran = entry->out;
    }
}

static void
run_all(struct share *share)
{
    struct entry *entry;

    while ((entry = next_to_run(share)) != NULL) {
        entry->status = run_entry(share, entry);
        if (share->begun && !walpool__conn_in_transaction(share->conn))
            begin_anew(share, entry);
    }
}

/* How many hold; *durable: one of them waits for the disk. */
static int
count_held(const struct share *share, bool *durable)
{
    int held = 0;

    *durable = false;
    FOR_EACH(share, link) {
        const struct entry *entry = entry_of(link);

        if (entry->status != WALPOOL_OK)
            continue;
        held++;
        *durable |= walpool__db_wants_sync(share->db, entry->write->call);
    }
    return held;
}

/* Commit what holds. */
static void
commit(struct share *share, int held)
{
    struct walpool__stats *stats = &share->db->stats;
    walpool_error err;
    walpool_status status = WALPOOL_OK;

    if (held > 0)
        status = walpool__txn_commit(share->conn, &err);
    if (held > 0 && status == WALPOOL_OK) {
        walpool__stats_add(&stats->writes, 1);
        walpool__stats_add(&stats->coalesced, held > 1 ? held : 0);
        return;
    }
    walpool__txn_rollback(share->conn);
    walpool__stats_add(&stats->rollbacks, 1);
    if (status != WALPOOL_OK)
        fail_all(share, status, &err);
}

/* Everybody gets his answer; the leader waits for none. */
static void
answer_all(struct share *share, struct walpool__aftermath aftermath,
           const struct entry *leader)
{
    struct walpool__link *next;

    for (struct walpool__link *link = share->entries.next;
         link != &share->entries; link = next) {
        struct entry *entry = entry_of(link);

        next = link->next; /* who has an answer may be gone */
        entry->aftermath = aftermath;
        if (!walpool__db_wants_sync(share->db, entry->write->call))
            entry->aftermath.ticket = 0;
        if (entry != leader)
            walpool__group_answer(&share->db->group, &entry->member);
    }
}

/* Run, commit, give the writer back, answer. */
static void
finish(struct share *share, struct entry *leader)
{
    struct walpool__call call; /* of them all, which nothing stops */
    bool durable;
    int held;

    walpool__call_leave(leader->write->call);
    run_all(share);
    held = count_held(share, &durable);
    walpool__call_begin_own(&call, -1);
    call.flags = durable ? WALPOOL_CALL_DURABLE : WALPOOL_CALL_NORMAL;
    share->conn->call = &call;
    INVARIANT(share->begun || held == 0);
    if (share->begun)
        commit(share, held);
    answer_all(share, walpool__db_give_writer(share->db), leader);
}

/* -------------------------------------------------------------- the leader */

static void
apply_alone(struct walpool__db *db, struct entry *entry)
{
    entry->write->conn = db->writer.conn;
    entry->status = walpool__apply(entry->write);
    if (entry->status == WALPOOL_OK)
        walpool__stats_add(&db->stats.writes, 1);
    entry->aftermath = walpool__db_give_writer(db);
}

static void
lead(struct walpool__db *db, struct entry *entry)
{
    struct share share = {.db = db};

    entry->status = walpool__writer_take(&db->writer, entry->write->call,
                                         &entry->err);
    if (entry->status != WALPOOL_OK)
        return;
    share.conn = db->writer.conn;
    walpool__list_init(&share.entries);
    share.ends_ns = walpool__clock_now() +
                    (int64_t)db->options.coalesce_ms * 1000000;
    add(&share, walpool__group_take(&db->group, false));
    INVARIANT(share.entries.next == &entry->member.link);
    if (walpool__group_has_more(&db->group))
        finish(&share, entry);
    else
        apply_alone(db, entry);
}

/* Until the writer was given back: by this thread, or by its leader. */
static walpool_status
join(struct walpool__db *db, struct entry *entry)
{
    struct walpool__call *call = entry->write->call;
    walpool_status status = walpool__writer_check(&db->writer, call,
                                                  &entry->err);

    if (status != WALPOOL_OK)
        return status;
    if (!walpool__group_join(&db->group, &entry->member, call) ||
        !walpool__group_wait(&db->group, &entry->member, call))
        return walpool__writer_missed(&db->writer, call, &entry->err);
    if (entry->member.state == WALPOOL__GROUP_LEADS)
        lead(db, entry);
    walpool__group_leave(&db->group, &entry->member);
    return entry->status;
}

walpool_status
walpool__coalesce(struct walpool__db *db, struct walpool__write *write)
{
    walpool_error *err = write->err;
    struct entry entry;
    walpool_status status;

    entry.write = write;
    entry.ran = entry.out = false;
    write->err = &entry.err;
    status = join(db, &entry);
    if (status == WALPOOL_OK)
        status = walpool__db_settle(db, entry.aftermath, write->call,
                                    &entry.err);
    if (status != WALPOOL_OK && err)
        *err = entry.err;
    write->err = err;
    return status;
}
