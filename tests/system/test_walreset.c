/* The WAL-reset bug of SQLite 3.7.0 to 3.51.2 (sqlite.org/wal.html, 11): a
 * checkpoint that finds all frames copied, a writer that starts the WAL anew
 * before the checkpoint has looked further, and what was committed is lost.
 *
 * The shim stops the checkpoint between its steps, on the one thread that there
 * is, and there another program commits, or checkpoints. First with plain
 * SQLite, to show that the place is the right one and the bug is in this
 * SQLite; then with walpool's checkpoints. */
#include "../core/api.h"
#include "plain.h"
#include "shimvfs.h"

#define ROWS 60
#define CKPT_LOCK 1 /* its place among the locks of the wal-index */

static char path[512];
static sqlite3 *writer; /* another program's connection, in this process */
static sqlite3 *copier; /* another one of it, which checkpoints */
static int64_t model[ROWS + 1]; /* what was acknowledged, by row */
static int64_t newest;

/* What another program does between two steps of a checkpoint. */
static struct {
    bool armed, inside;
    bool anywhere; /* not only at these two places */
    int between, at_lock; /* it was there so many times */
    void (*do_between)(void); /* the header is copied, nothing else is done */
    void (*do_at_lock)(void); /* about to take the checkpoint lock */
} stop;

static bool
is_safe(void)
{
    walpool_version_info version;
    walpool_version(&version);
    return version.wal_reset_safe;
}

/* ------------------------------------------------------- the other program */

static sqlite3 *
plain_open(void)
{
    sqlite3 *plain;
    CHECK_INT(sqlite3_open(path, &plain), SQLITE_OK);
    CHECK_INT(sqlite3_wal_autocheckpoint(plain, 0), SQLITE_OK);
    plain_number(plain, "SELECT count(*) FROM sqlite_schema");
    return plain;
}

/* Where it is acknowledged, the model knows. */
static bool
commit_rows(int from, int to)
{
    char sql[160];
    snprintf(sql, sizeof sql, "UPDATE t SET v = %lld, pad = randomblob(700)"
                              " WHERE id BETWEEN %d AND %d",
             (long long)++newest, from, to);
    int rc = sqlite3_exec(writer, sql, NULL, NULL, NULL);
    for (int row = from; rc == SQLITE_OK && row <= to; row++)
        model[row] = newest;
    return rc == SQLITE_OK;
}

static int
checkpoint_plainly(sqlite3 *plain, int mode)
{
    int log, copied;
    return sqlite3_wal_checkpoint_v2(plain, "main", mode, &log, &copied);
}

static void
make(void)
{
    stop.armed = false;
    snprintf(path, sizeof path, "%s", check_path("a.db"));
    shim_watch(NULL);
    plain_remove(path);
    plain_run(path, "PRAGMA page_size = 1024; PRAGMA journal_mode = WAL;"
                    "CREATE TABLE t(id INTEGER PRIMARY KEY, v, pad);"
                    "CREATE INDEX i ON t(v)");
    plain_run(path, "INSERT INTO t WITH c(n) AS (SELECT 1 UNION ALL SELECT n + 1"
                    " FROM c WHERE n < 60) SELECT n, 0, randomblob(700) FROM c");
    memset(model, 0, sizeof model);
    newest = 0;
    shim_watch(path);
    writer = plain_open();
    copier = plain_open();
}

static bool
has_the_rows(sqlite3 *plain)
{
    sqlite3_stmt *rows = NULL;
    int row = 0;
    bool same = sqlite3_prepare_v2(plain, "SELECT id, v FROM t ORDER BY id", -1,
                                   &rows, NULL) == SQLITE_OK;
    while (same && sqlite3_step(rows) == SQLITE_ROW)
        same = sqlite3_column_int(rows, 0) == ++row && row <= ROWS &&
               sqlite3_column_int64(rows, 1) == model[row];
    sqlite3_finalize(rows);
    return same && row == ROWS;
}

static bool
is_sound(sqlite3 *plain)
{
    sqlite3_stmt *check = NULL;
    bool sound = sqlite3_prepare_v2(plain, "PRAGMA integrity_check", -1, &check,
                                    NULL) == SQLITE_OK &&
                 sqlite3_step(check) == SQLITE_ROW &&
                 strcmp((const char *)sqlite3_column_text(check, 0), "ok") == 0;
    sqlite3_finalize(check);
    return sound;
}

/* Every acknowledged value is there, and the file is sound: so the next program
 * finds it. Writes come before, as far as they can: what a checkpoint left out
 * is gone when the WAL has been copied to its end and begins anew. */
static bool
all_is_there(void)
{
    sqlite3 *plain;
    bool whole = commit_rows(1, ROWS);
    checkpoint_plainly(copier, SQLITE_CHECKPOINT_PASSIVE);
    sqlite3_close(writer);
    sqlite3_close(copier);
    CHECK_INT(sqlite3_open(path, &plain), SQLITE_OK);
    whole = whole && has_the_rows(plain) && is_sound(plain);
    sqlite3_close(plain);
    return whole;
}

/* --------------------------------------------------- between two of its steps */

static void
do_there(int *times, void (*what)(void))
{
    if (!stop.armed || stop.inside || what == NULL)
        return;
    stop.inside = true;
    ++*times;
    what();
    stop.inside = false;
}

static void
on_unfetched(enum shim_file file)
{
    if (file == SHIM_DATABASE)
        do_there(&stop.between, stop.do_between);
}

static void
on_shm_locking(int offset, int count, int flags)
{
    if (offset == CKPT_LOCK && count == 1 && flags & SQLITE_SHM_EXCLUSIVE)
        do_there(&stop.at_lock, stop.do_at_lock);
}

static void
arm(void (*do_between)(void), void (*do_at_lock)(void))
{
    memset(&stop, 0, sizeof stop);
    stop.do_between = do_between;
    stop.do_at_lock = do_at_lock;
    stop.armed = true;
}

static void
commit_a_few(void)
{
    commit_rows(1, 20);
}

/* A whole checkpoint: it is alone, so it meets nobody. */
static void
copy_everything(void)
{
    CHECK_INT(checkpoint_plainly(copier, SQLITE_CHECKPOINT_PASSIVE), SQLITE_OK);
}

/* --------------------------------------------------------------- plain SQLite */

/* All is copied, so there is nothing to do; the writer commits just now. */
TEST(walreset__loses_commits_of_plain_SQLite_that_come_into_its_checkpoint)
{
    if (is_safe()) {
        check_skip("this SQLite has the fix");
        return;
    }
    make();
    sqlite3 *checkpointer = plain_open();
    commit_rows(1, ROWS);
    copy_everything();
    arm(commit_a_few, NULL);
    CHECK_INT(checkpoint_plainly(checkpointer, SQLITE_CHECKPOINT_PASSIVE),
              SQLITE_OK);
    stop.armed = false;
    CHECK_INT(stop.between, 1);
    CHECK_INT(model[1], 2); /* it was acknowledged */
    sqlite3_close(checkpointer);
    CHECK(!all_is_there());
}

/* A look before it does not help where others checkpoint, too. */
TEST(walreset__comes_also_to_who_checkpoints_only_what_is_not_copied)
{
    if (is_safe()) {
        check_skip("this SQLite has the fix");
        return;
    }
    make();
    sqlite3 *checkpointer = plain_open();
    commit_rows(1, ROWS);
    arm(commit_a_few, copy_everything);
    CHECK_INT(checkpoint_plainly(checkpointer, SQLITE_CHECKPOINT_PASSIVE),
              SQLITE_OK);
    stop.armed = false;
    CHECK_INT(stop.at_lock, 1);
    CHECK_INT(stop.between, 1);
    sqlite3_close(checkpointer);
    CHECK(!all_is_there());
}

/* ------------------------------------------------------------ the database */

static walpool *db;

static void
open_database(void)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    options.readers = 1;
    options.checkpoint_frames = 1000; /* a tail of 256 is finished at once */
    CHECK((db = walpool_open(path, &options, &err)) != NULL);
}

/* It does not wait: on this thread nobody would get out of its way. */
static void
checkpoint(walpool_checkpoint_mode mode)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.timeout_ms = 0;
    walpool_status status = walpool_checkpoint(db, mode, &call, NULL, &err);
    if (status != WALPOOL_TIMEOUT) /* the other program is in its transaction */
        CHECK_STATUS(status, WALPOOL_OK);
    walpool_health health = api_health(db);
    CHECK(health.wal_frames_checkpointed <= health.wal_frames); /* its trace */
}

static void
commit_much(void)
{
    for (int i = 0; i < 8; i++)
        CHECK(commit_rows(1, ROWS));
}

TEST(walreset__meets_no_checkpoint_of_walpool_when_all_is_copied)
{
    for (int mode = WALPOOL_PASSIVE; mode <= WALPOOL_TRUNCATE; mode++) {
        make();
        open_database();
        checkpoint(WALPOOL_PASSIVE); /* its connection has seen the file */
        commit_much();
        copy_everything();
        arm(commit_a_few, NULL);
        checkpoint((walpool_checkpoint_mode)mode);
        stop.armed = false;
        CHECK(commit_rows(1, ROWS));
        api_close(db);
            CHECK(all_is_there());
    }
}

/* Frames are there when walpool looks, and are copied by another program before
 * it has begun. */
TEST(walreset__meets_no_checkpoint_of_walpool_beside_one_of_another_program)
{
    for (int mode = WALPOOL_PASSIVE; mode <= WALPOOL_TRUNCATE; mode++) {
        make();
        open_database();
        checkpoint(WALPOOL_PASSIVE);
        commit_much();
        arm(commit_a_few, copy_everything);
        checkpoint((walpool_checkpoint_mode)mode);
        stop.armed = false;
        CHECK(stop.at_lock >= 1);
        CHECK(stop.between >= 1);
        api_close(db);
            CHECK(all_is_there());
    }
}

/* ------------------------------------------------------------- at random */

static uint64_t seed;

static uint32_t
draw(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

static void
do_anything(void)
{
    int row = 1 + (int)draw(ROWS);
    switch (draw(6)) {
    case 0:
    case 1:
        commit_rows(row, row + (int)draw((uint32_t)(ROWS + 1 - row)));
        break;
    case 2:
        checkpoint_plainly(copier, SQLITE_CHECKPOINT_PASSIVE);
        break;
    case 3:
        checkpoint_plainly(copier, SQLITE_CHECKPOINT_PASSIVE);
        commit_rows(row, ROWS);
        break;
    case 4: /* a snapshot that keeps frames back */
        sqlite3_exec(copier, "BEGIN; SELECT count(*) FROM t", NULL, NULL, NULL);
        break;
    default:
        sqlite3_exec(copier, "ROLLBACK", NULL, NULL, NULL);
    }
}

/* Before any call to the disk, now and then. */
static int
sometimes(enum shim_call call, enum shim_file file)
{
    (void)call, (void)file;
    int times = 0;
    if (stop.anywhere && stop.armed && !stop.inside && draw(8) == 0)
        do_there(&times, do_anything);
    return SQLITE_OK;
}

/* Where the bug would be, mostly. */
static void
mostly(void)
{
    if (draw(4) != 0)
        do_anything();
}

static void
checkpoint_at_random(void (*by)(void))
{
    for (int i = 0; i < 12; i++) {
        for (uint32_t n = draw(24); n > 0; n--)
            do_anything();
        arm(mostly, mostly);
        stop.anywhere = true;
        by();
        stop.armed = false;
    }
    sqlite3_exec(copier, "ROLLBACK", NULL, NULL, NULL);
}

static sqlite3 *plain_checkpointer;

static void
by_plain_SQLite(void)
{
    checkpoint_plainly(plain_checkpointer, SQLITE_CHECKPOINT_PASSIVE);
}

static void
by_walpool(void)
{
    checkpoint((walpool_checkpoint_mode)draw(4));
}

TEST(walreset__is_found_in_plain_SQLite_at_random)
{
    int lost = 0;
    if (is_safe()) {
        check_skip("this SQLite has the fix");
        return;
    }
    for (int round = 1; round <= 100 && lost == 0; round++) {
        seed = (uint64_t)round;
        make();
        plain_checkpointer = plain_open();
        checkpoint_at_random(by_plain_SQLite);
        sqlite3_close(plain_checkpointer);
            lost += !all_is_there();
    }
    CHECK(lost > 0);
}

TEST(walreset__is_not_found_in_walpool_at_random)
{
    for (int round = 1; round <= 250; round++) {
        seed = (uint64_t)round;
        make();
        open_database();
        checkpoint_at_random(by_walpool);
        CHECK_INT(api_health(db).verdict, WALPOOL_HEALTH_OK);
        api_close(db);
            bool whole = all_is_there();
        if (!whole)
            printf("# seed %d\n", round);
        CHECK(whole);
        alarm(CHECK_SECONDS);
    }
}

int
main(int argc, char **argv)
{
    static const struct shim_hooks hooks = {.fail = sometimes,
                                            .unfetched = on_unfetched,
                                            .shm_locking = on_shm_locking};
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    if (!shim_install(&hooks))
        return 2;
    return check_main(argc, argv);
}
