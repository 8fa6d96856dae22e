/* Copying: a backup while somebody writes, beside one while nobody does.
 *
 * The writer goes at full speed from before the backup until after it; its
 * writes count only while the backup runs. Without a backup they count for as
 * long as the backup beside them took. */
#include "copying.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "histogram.h"
#include "sample.h"
#include "writer.h"

enum { PAGES = 1000, LEAD_MS = 50 };

struct busy {
    struct store store;
    pthread_t thread;
    atomic_bool counts, is_over;
    struct histogram waits;
};

static void
nap_ms(long ms)
{
    struct timespec spec = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&spec, NULL);
}

/* --------------------------------------------------------------- writing */

static void *
write_on(void *data)
{
    struct busy *busy = data;
    struct writer writer = {.way = &way_ours};
    writer.way->open(&writer, &busy->store);
    double now = now_seconds();
    for (int64_t i = 0; !atomic_load(&busy->is_over); i++) {
        double asked = now;
        if (!writer.way->add(&writer, i))
            die("the writer beside a backup", "it was refused");
        now = now_seconds();
        if (atomic_load(&busy->counts))
            histogram_add(&busy->waits, now - asked);
    }
    writer.way->close(&writer);
    return NULL;
}

static void
start_writing(struct busy *busy)
{
    if (pthread_create(&busy->thread, NULL, write_on, busy))
        die("pthread_create", "no more threads");
    nap_ms(LEAD_MS);
    atomic_store(&busy->counts, true);
}

static double
end_writing(struct busy *busy)
{
    atomic_store(&busy->counts, false);
    atomic_store(&busy->is_over, true);
    pthread_join(busy->thread, NULL);
    return histogram_quantile(&busy->waits, 0.99);
}

/* ---------------------------------------------------------------- backup */

static void
must(walpool_status status, const walpool_error *err)
{
    if (status != WALPOOL_OK)
        die(walpool_status_name(status), err->message);
}

static int64_t
count_filler(const char *path)
{
    walpool_error err;
    walpool_rows rows;
    walpool_statement count =
        WALPOOL_STATEMENT_INIT("SELECT count(*) FROM filler");
    walpool *db = walpool_open(path, NULL, &err);
    if (!db)
        die(walpool_status_name(err.status), err.message);
    walpool_rows_init(&rows);
    must(walpool_read(db, &count, NULL, &rows, &err), &err);
    int64_t found = walpool_rows_int64(&rows, 0, 0);
    walpool_rows_finish(&rows);
    must(walpool_close(db, -1, &err), &err);
    return found;
}

static double
back_up(walpool *db, const char *to)
{
    walpool_error err;
    walpool_backup_progress progress = {0};
    double start = now_seconds();
    walpool_backup *backup =
        walpool_backup_start(db, to, WALPOOL_BACKUP_REPLACE, NULL, &err);
    if (!backup)
        die(walpool_status_name(err.status), err.message);
    while (progress.phase != WALPOOL_BACKUP_DONE)
        must(walpool_backup_step(backup, PAGES, NULL, &progress, &err), &err);
    must(walpool_backup_finish(backup, &err), &err);
    return now_seconds() - start;
}

struct copying_outcome
copying_run(const char *path, long rows)
{
    char to[4300];
    walpool_error err;
    struct copying_outcome out;
    struct busy beside = {.store = {.path = path}};
    struct busy alone = {.store = {.path = path}};
    snprintf(to, sizeof to, "%s-copy", path);
    writer_make_table(path);
    walpool *db = walpool_open(path, NULL, &err);
    if (!db)
        die(walpool_status_name(err.status), err.message);
    out.idle = back_up(db, to);
    start_writing(&beside);
    out.busy = back_up(db, to);
    out.beside = end_writing(&beside);
    start_writing(&alone);
    nap_ms((long)(out.busy * 1000) + 1);
    out.alone = end_writing(&alone);
    must(walpool_close(db, -1, &err), &err);
    if (count_filler(to) != rows)
        die("the backup", "it lacks rows");
    writer_remove_file(to);
    return out;
}
