/* Writers: threads and processes that count their rows up, and disturb. */
#ifndef WRITERS_H
#define WRITERS_H

#include "round.h"

/* -------------------------------------------------------------- with walpool */

static inline void
writers_checkpoint(walpool *db, walpool_checkpoint_mode mode)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.timeout_ms = 1000;
    walpool_status status = walpool_checkpoint(db, mode, &call, NULL, &err);
    CHECK(status == WALPOOL_OK || status == WALPOOL_TIMEOUT);
}

static inline void *
writers_count_up(void *argument)
{
    struct actor *actor = argument;
    char sql[60];
    snprintf(sql, sizeof sql, "UPDATE t SET n = n + 1 WHERE id = %d",
             actor->who + 1);
    while (this_round.writes[actor->who] && !round_is_over()) {
        CHECK_OK(api_write(actor->db, sql));
        round_publish(actor->who);
        if (this_round.copies_each) {
            writers_checkpoint(actor->db, WALPOOL_PASSIVE);
            round_pause(this_round.pace_us[actor->who]);
        } else if (this_round.disturbs && board_pick(&actor->state, 40) == 0) {
            writers_checkpoint(
                actor->db,
                (walpool_checkpoint_mode)board_pick(&actor->state, 4));
        }
    }
    return NULL;
}

/* -------------------------------------------------------------- plain SQLite */

static inline sqlite3 *
writers_plain_open(void)
{
    sqlite3 *plain;
    CHECK_INT(sqlite3_open(this_round.path, &plain), SQLITE_OK);
    sqlite3_busy_timeout(plain, 50000);
    CHECK_INT(sqlite3_wal_autocheckpoint(plain, 0), SQLITE_OK);
    return plain;
}

static inline void
writers_plain_run(sqlite3 *plain, const char *sql)
{
    char *message = NULL;
    int rc = sqlite3_exec(plain, sql, NULL, NULL, &message);
    if (rc != SQLITE_OK)
        printf("# plain SQLite: %s: %s\n", sql, message);
    CHECK_INT(rc, SQLITE_OK);
}

/* A passive checkpoint of an older SQLite beside writers that start the WAL
 * anew may lose commits by itself (tests/system/test_walreset.c), so none write
 * meanwhile. The other modes have the write lock in any case. */
static inline void
writers_plain_checkpoint(sqlite3 *plain, sqlite3 *lock, int mode)
{
    walpool_version_info version;
    walpool_version(&version);
    bool holds = mode == SQLITE_CHECKPOINT_PASSIVE && !version.wal_reset_safe;
    if (holds)
        writers_plain_run(lock, "BEGIN IMMEDIATE");
    int rc = sqlite3_wal_checkpoint_v2(plain, "main", mode, NULL, NULL);
    if (holds)
        writers_plain_run(lock, "COMMIT");
    CHECK(rc == SQLITE_OK || rc == SQLITE_BUSY);
}

static inline void
writers_plain_disturb(sqlite3 *plain, sqlite3 *lock, uint64_t *state)
{
    static const char *const changes[] = {
        "CREATE TABLE IF NOT EXISTS u(a)",
        "DROP TABLE IF EXISTS u",
        "CREATE INDEX IF NOT EXISTS i ON t(n)",
        "DROP INDEX IF EXISTS i",
        "ALTER TABLE filler RENAME TO other; ALTER TABLE other RENAME TO filler",
        "BEGIN IMMEDIATE; INSERT INTO filler VALUES (1); ROLLBACK",
        "INSERT INTO filler VALUES (zeroblob(9000))",
        "DELETE FROM filler",
        "VACUUM",
    };
    uint32_t what = board_pick(state, 13);
    if (what < 9)
        writers_plain_run(plain, changes[what]);
    else
        writers_plain_checkpoint(plain, lock, (int)what - 9);
}

static inline void
writers_be_plain(void)
{
    uint64_t state = this_round.seed + 100;
    sqlite3 *plain = writers_plain_open(), *lock = writers_plain_open();
    while (!round_is_over()) {
        if (this_round.writes[PLAIN]) {
            writers_plain_run(plain, "UPDATE t SET n = n + 1 WHERE id = 3");
            round_publish(PLAIN);
        } else {
            round_pause(1000);
        }
        if (this_round.disturbs && board_pick(&state, 8) == 0)
            writers_plain_disturb(plain, lock, &state);
    }
    CHECK_INT(sqlite3_close(lock), SQLITE_OK);
    CHECK_INT(sqlite3_close(plain), SQLITE_OK);
}

/* Each time it opens the file, commits, and closes it. */
static inline void *
writers_run_shell(void *unused)
{
    char command[700];
    (void)unused;
    snprintf(command, sizeof command,
             "sqlite3 '%s' 'PRAGMA busy_timeout = 50000;"
             " PRAGMA wal_autocheckpoint = 0;"
             " UPDATE t SET n = n + 1 WHERE id = 4' >/dev/null",
             this_round.path);
    while (this_round.writes[SHELL] && round_has_shell() && !round_is_over()) {
        CHECK_INT(system(command), 0);
        round_publish(SHELL);
    }
    return NULL;
}

#endif
