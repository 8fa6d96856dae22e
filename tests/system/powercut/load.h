/* The load: processes whose threads write to one database in every way that
 * walpool has, and tell the record what they were told. */
#ifndef LOAD_H
#define LOAD_H

#include "../child.h"
#include "../plain.h"
#include "judge.h"
#include "record.h"

enum { LOAD_PROCESSES = 2, LOAD_THREADS = 3, LOAD_PHASES = 3 };

/* What a round is like; all of it follows from its seed. */
struct load {
    const char *path;
    uint64_t seed;
    bool full;  /* durability */
    int writes; /* of each thread in each phase */
};

static struct load load;

struct load_writer {
    pthread_t thread;
    walpool *db;
    uint64_t state;
    int number;
    int64_t k; /* of its newest entry */
    bool durable; /* the write that is under way shall be */
};

static inline uint32_t
load_pick(uint64_t *state, uint32_t limit)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % limit;
}

/* ----------------------------------------------------------- kinds of writes */

static inline void
load_sql(struct load_writer *writer, char *sql, size_t bytes, int64_t k,
         int kind)
{
    snprintf(sql, bytes,
             "INSERT INTO entry(writer, k, kind, pad)"
             " VALUES (%d, %lld, %d, randomblob(%u))",
             writer->number, (long long)k, kind,
             load_pick(&writer->state, 1200));
}

/* A call for the next write: its durability is the database's, or its own. */
static inline walpool_call
load_call(struct load_writer *writer)
{
    walpool_call call = WALPOOL_CALL_INIT;
    uint32_t dice = load_pick(&writer->state, 6);
    if (dice < 2)
        call.flags = dice ? WALPOOL_CALL_DURABLE : WALPOOL_CALL_NORMAL;
    writer->durable = dice < 2 ? dice : load.full;
    return call;
}

/* That call has returned OK. */
static inline void
load_told(struct load_writer *writer, int entries)
{
    writer->k += entries;
    record_told(writer->number, writer->k, writer->durable);
}

static inline void
load_statement(struct load_writer *writer)
{
    char sql[200];
    walpool_statement statement = {.sql = sql};
    walpool_call call = load_call(writer);
    load_sql(writer, sql, sizeof sql, writer->k + 1, 0);
    CHECK_OK(walpool_write(writer->db, &statement, &call, NULL, &err));
    load_told(writer, 1);
}

static inline void
load_batch(struct load_writer *writer)
{
    char first[200], second[200];
    walpool_statement list[] = {
        {.sql = first},
        {.sql = "UPDATE entry SET pad = randomblob(length(pad))"
                " WHERE id % 7 = 3"},
        {.sql = second}};
    walpool_call call = load_call(writer);
    load_sql(writer, first, sizeof first, writer->k + 1, 1);
    load_sql(writer, second, sizeof second, writer->k + 2, 2);
    CHECK_OK(walpool_batch(writer->db, list, 3, &call, NULL, NULL, &err));
    load_told(writer, 2);
}

static inline void
load_undone(walpool_lease *lease)
{
    CHECK_OK(walpool_savepoint(lease, &err));
    CHECK_OK(api_run(lease, "INSERT INTO undone VALUES (randomblob(2000))"));
    CHECK_OK(walpool_rollback(lease, &err));
}

static inline void
load_lease(struct load_writer *writer)
{
    char sql[200];
    walpool_call call = load_call(writer);
    walpool_lease *lease = walpool_acquire(writer->db, WALPOOL_WRITE, &call,
                                           &err);
    CHECK_STATUS(lease != NULL ? WALPOOL_OK : (walpool_status)err.status,
                 WALPOOL_OK);
    load_sql(writer, sql, sizeof sql, writer->k + 1, 1);
    CHECK_OK(api_run(lease, sql));
    load_undone(lease);
    CHECK_OK(walpool_savepoint(lease, &err));
    load_sql(writer, sql, sizeof sql, writer->k + 2, 2);
    CHECK_OK(api_run(lease, sql));
    CHECK_OK(walpool_commit(lease, NULL, &err));
    CHECK_OK(walpool_commit(lease, NULL, &err));
    load_told(writer, 2);
    CHECK_OK(walpool_release(lease, &err));
}

static inline void
load_rollback(struct load_writer *writer)
{
    walpool_lease *lease = api_acquire(writer->db, WALPOOL_WRITE);
    load_undone(lease);
    CHECK_OK(api_run(lease, "INSERT INTO undone VALUES (randomblob(9000))"));
    if (load_pick(&writer->state, 2))
        CHECK_OK(walpool_rollback(lease, &err));
    CHECK_OK(walpool_release(lease, &err));
}

/* A snapshot that keeps the WAL from being reset while others write. */
static inline void
load_pin(struct load_writer *writer)
{
    walpool_lease *lease = api_acquire(writer->db, WALPOOL_READ);
    int64_t before = api_lease_number(lease, "SELECT count(*) FROM entry");
    load_statement(writer);
    CHECK_INT(api_lease_number(lease, "SELECT count(*) FROM entry"), before);
    CHECK_OK(walpool_release(lease, &err));
}

/* What a durable read sees is durable, whoever wrote it. */
static inline void
load_durable_read(struct load_writer *writer)
{
    walpool_statement newest = {
        .sql = "SELECT writer, max(k) FROM entry GROUP BY writer"};
    walpool_call call = WALPOOL_CALL_INIT;
    walpool_rows rows;
    call.flags = WALPOOL_CALL_DURABLE;
    walpool_rows_init(&rows);
    CHECK_OK(walpool_read(writer->db, &newest, &call, &rows, &err));
    for (size_t i = 0; i < walpool_rows_count(&rows); i++)
        record_told((int)walpool_rows_int64(&rows, i, 0),
                    walpool_rows_int64(&rows, i, 1), true);
    walpool_rows_finish(&rows);
}

static inline void
load_checkpoint(struct load_writer *writer)
{
    walpool_call call = WALPOOL_CALL_INIT;
    call.timeout_ms = 20;
    walpool_status status = walpool_checkpoint(
        writer->db, (walpool_checkpoint_mode)load_pick(&writer->state, 4),
        &call, NULL, &err);
    if (status != WALPOOL_TIMEOUT) /* the others keep the writer busy */
        CHECK_OK(status);
}

/* ------------------------------------------------------------ who writes them */

static inline void *
load_thread(void *argument)
{
    struct load_writer *writer = argument;
    for (int i = 0; i < load.writes; i++) {
        uint32_t dice = load_pick(&writer->state, 22);
        if (dice < 9)
            load_statement(writer);
        else if (dice < 12)
            load_batch(writer);
        else if (dice < 15)
            load_lease(writer);
        else if (dice < 16)
            load_rollback(writer);
        else if (dice < 18)
            load_pin(writer);
        else if (dice < 20)
            load_durable_read(writer);
        else
            load_checkpoint(writer);
    }
    return NULL;
}

static inline walpool *
load_open(void)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    uint64_t state = load.seed;
    options.durability = load.full;
    options.checkpoint_frames = 4 + (int)load_pick(&state, 30);
    options.journal_size_limit_bytes = load_pick(&state, 2) ? 0 : 100000;
    options.coalesce_ms = (int)load_pick(&state, 3);
    options.busy_timeout_ms = options.close_timeout_ms = 30000;
    walpool *db = walpool_open(load.path, &options, &err);
    CHECK_STATUS(db != NULL ? WALPOOL_OK : (walpool_status)err.status,
                 WALPOOL_OK);
    return db;
}

static inline void
load_phase(struct load_writer *writers, walpool *db)
{
    for (int i = 0; i < LOAD_THREADS; i++) {
        writers[i].db = db;
        CHECK_INT(pthread_create(&writers[i].thread, NULL, load_thread,
                                 &writers[i]), 0);
    }
    for (int i = 0; i < LOAD_THREADS; i++)
        pthread_join(writers[i].thread, NULL);
}

static inline void
load_schema(walpool *db)
{
    walpool_statement schema = {.sql = JUDGE_SCHEMA};
    walpool_call call = WALPOOL_CALL_INIT;
    call.flags = WALPOOL_CALL_SCRIPT;
    CHECK_OK(walpool_write(db, &schema, &call, NULL, &err));
    record_told(0, 0, load.full);
}

/* A page may be as small as a sector. */
static inline void
load_make_file(void)
{
    static const int sizes[] = {512, 1024, 4096};
    char sql[100];
    snprintf(sql, sizeof sql, "PRAGMA page_size = %d; CREATE TABLE first(v)",
             sizes[load.seed % 3]);
    plain_run(load.path, sql);
}

/* The first process makes the tables, and the others come then. All close and
 * open the database between the phases: who is the last removes the WAL. */
static inline void
load_process(int number)
{
    struct load_writer writers[LOAD_THREADS];
    if (number == 0 && load.seed % 4)
        load_make_file();
    walpool *db = load_open();
    if (number == 0) {
        load_schema(db);
        child_tell(1);
    }
    for (int i = 0; i < LOAD_THREADS; i++)
        writers[i] = (struct load_writer){
            .number = number * LOAD_THREADS + i,
            .state = load.seed * 100 + (uint64_t)(number * LOAD_THREADS + i)};
    for (int phase = 0; phase < LOAD_PHASES; phase++) {
        if (phase > 0)
            db = load_open();
        load_phase(writers, db);
        api_close(db);
    }
}

/* One round, recorded from the birth of the file to its last close. */
static inline void
load_run(const struct load *wanted, enum record_lie lie)
{
    struct child children[LOAD_PROCESSES];
    load = *wanted;
    record_begin(load.path, lie);
    children[0] = child_start(load_process, 0);
    CHECK_INT(child_hear(&children[0]), 1);
    for (int i = 1; i < LOAD_PROCESSES; i++)
        children[i] = child_start(load_process, i);
    for (int i = 0; i < LOAD_PROCESSES; i++)
        child_join(&children[i]);
    record_end();
}

#endif
