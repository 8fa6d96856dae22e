/* Memory runs out at every place of a backup and of a restore: the error says
 * so, nothing is left, and the next one works. */
#include "fault.h"

#include "backup_calls.h"

static walpool *db;

static walpool_status
back_up_under_fault(void)
{
    walpool_backup_progress progress = {.phase = WALPOOL_BACKUP_COPY};
    walpool_backup *backup =
        walpool_backup_start(db, check_path("copy.db"), 0, NULL, &err);
    walpool_status status = WALPOOL_OK;
    if (backup == NULL)
        return (walpool_status)err.status;
    while (status == WALPOOL_OK && progress.phase != WALPOOL_BACKUP_DONE)
        status = walpool_backup_step(backup, 10, NULL, &progress, &err);
    CHECK_INT(walpool_backup_finish(backup, NULL), WALPOOL_OK);
    return status;
}

static walpool_status
restore_under_fault(void)
{
    return walpool_restore(db, check_path("from.db"), NULL, &err);
}

/* SQLite has caches that do without. */
static void
sweep(enum fault_kind kind, walpool_status (*run)(void))
{
    int rounds = 0;
    FAULT_EACH(kind, fault) {
        unlink(check_path("copy.db"));
        memset(&err, 0, sizeof err);
        fault_arm(&fault);
        walpool_status status = run();
        fault_disarm(&fault);
        if (status != WALPOOL_OK) {
            CHECK_STATUS(status, WALPOOL_NOMEM);
            CHECK(fault.struck);
            CHECK(!exists(check_path("copy.db")));
        }
        CHECK(!exists(check_path("copy.db.walpool-partial")));
        CHECK_INT(walpool_leases(db, NULL, 0, NULL), 0);
        CHECK_INT(api_number(db, "SELECT count(*) FROM t"), 50);
        alarm(CHECK_SECONDS);
        rounds++;
    }
    CHECK(rounds > (kind == FAULT_OURS ? 1 : 20)); /* it has struck */
    unlink(check_path("copy.db"));
    CHECK_OK(run());
}

TEST(backup__without_memory_of_ours)
{
    db = open_with_rows("a.db", 50);
    sweep(FAULT_OURS, back_up_under_fault);
    api_close(db);
}

TEST(backup__without_memory_of_sqlite)
{
    db = open_with_rows("a.db", 50);
    sweep(FAULT_SQLITE, back_up_under_fault);
    CHECK_INT(rows_in(check_path("copy.db")), 50);
    api_close(db);
}

TEST(restore__without_memory)
{
    db = open_with_rows("a.db", 50);
    back_up(db, check_path("from.db"), 0, -1);
    sweep(FAULT_OURS, restore_under_fault);
    sweep(FAULT_SQLITE, restore_under_fault);
    CHECK_INT(api_number(db, "SELECT integrity_check = 'ok' FROM "
                             "pragma_integrity_check"), 1);
    api_close(db);
}

int
main(int argc, char **argv)
{
    if (!fault_install())
        return 2;
    return check_main(argc, argv);
}
