/* coalesce under everything at once: what was acknowledged is there, what was
 * not applied is not, nobody is lost. */
#include "crowd.h"

enum { THREADS = 12, WRITES = 120 };

/* One writer, and which of its rows must be there. */
struct sailor {
    pthread_t thread;
    int number;
    uint64_t random;
    bool there[WRITES];
    walpool_error error;
};

static atomic_int strange; /* statuses that nothing explains */

static uint64_t
roll(struct sailor *me, uint64_t limit)
{
    me->random = me->random * 6364136223846793005u + 1442695040888963407u;
    return (me->random >> 33) % limit;
}

static walpool_status
write_row(struct sailor *me, int i, const char *format, walpool_call *call,
          walpool_rows *rows)
{
    char sql[320];
    walpool_statement statement = {.sql = sql};
    snprintf(sql, sizeof sql, format, me->number * WRITES + i);
    if (format[0] == 'U') { /* it changes nothing, and says so */
        statement.flags = WALPOOL_STATEMENT_EXPECT;
        statement.expect = 1;
    }
    return walpool_write(db, &statement, call, rows, &me->error);
}

/* One that a cancel strikes at any moment, or never. */
static walpool_status
write_and_cancel(struct sailor *me, int i)
{
    walpool_call call = WALPOOL_CALL_INIT;
    walpool_token *token = walpool_token_open(NULL);
    call.token = token;
    if (roll(me, 2))
        walpool_cancel(token, NULL);
    else
        call.timeout_ms = (int64_t)roll(me, 3);
    walpool_status status = write_row(
        me, i,
        "INSERT INTO t WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
        "FROM c LIMIT 3000) SELECT %d, NULL FROM c LIMIT 1 OFFSET 2999", &call,
        NULL);
    walpool_token_close(token);
    return status;
}

static walpool_status
write_by_lease(struct sailor *me, int i)
{
    char sql[64];
    walpool_lease *lease = walpool_acquire(db, WALPOOL_WRITE, NULL, &me->error);
    if (lease == NULL)
        return (walpool_status)me->error.status;
    snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%d, NULL)",
             me->number * WRITES + i);
    walpool_statement statement = {.sql = sql};
    walpool_status status =
        walpool_run(lease, &statement, NULL, NULL, &me->error);
    if (status == WALPOOL_OK)
        status = walpool_commit(lease, NULL, &me->error);
    walpool_release(lease, NULL);
    return status;
}

/* A status that this kind of write may end with; *applied: the row is there. */
static bool
explains(uint64_t kind, walpool_status status, bool *applied)
{
    *applied = status == WALPOOL_OK && kind != 2;
    switch (kind) {
    case 2:
        return status == WALPOOL_MISMATCH;
    case 3:
    case 4:
        return status == WALPOOL_CONSTRAINT;
    case 5:
        return status == WALPOOL_OK || status == WALPOOL_CANCELLED ||
               status == WALPOOL_TIMEOUT;
    default:
        return status == WALPOOL_OK;
    }
}

static walpool_status
write_some(struct sailor *me, int i, uint64_t kind, walpool_rows *rows)
{
    static const char *const formats[] = {
        "INSERT INTO t VALUES (%d, NULL)",
        "INSERT INTO t VALUES (%d, NULL) RETURNING n",
        "UPDATE t SET v = n WHERE n = -%d",
        "INSERT INTO t VALUES (%d, NULL), (-1, NULL)",
        "INSERT OR ROLLBACK INTO t VALUES (%d, NULL), (-1, NULL)"};
    walpool_call call = WALPOOL_CALL_INIT;
    if (kind == 5)
        return write_and_cancel(me, i);
    if (kind == 6)
        return write_by_lease(me, i);
    return write_row(me, i, formats[kind], &call, rows);
}

static void *
sail(void *arg)
{
    struct sailor *me = arg;
    walpool_rows rows;
    walpool_rows_init(&rows);
    for (int i = 0; i < WRITES; i++) {
        uint64_t dice = roll(me, 20), kind = dice < 7 ? dice : dice % 2;
        me->error.phase = WALPOOL_PHASE_NONE;
        walpool_status status = write_some(me, i, kind, &rows);
        bool good = explains(kind, status, &me->there[i]);
        if (kind == 1 && status == WALPOOL_OK)
            good &= walpool_rows_int64(&rows, 0, 0) == me->number * WRITES + i;
        if (status != WALPOOL_OK && me->error.phase == WALPOOL_PHASE_SYNC) {
            me->there[i] = true; /* and may not survive a power cut */
            good &= me->error.outcome == WALPOOL_UNKNOWN;
        } else if (status != WALPOOL_OK) {
            good &= me->error.outcome == WALPOOL_NOT_APPLIED;
        }
        if (!good) {
            printf("# kind %d: %s: %s\n", (int)kind,
                   walpool_status_name(status), me->error.message);
            atomic_fetch_add(&strange, 1);
        }
    }
    walpool_rows_finish(&rows);
    return NULL;
}

static void
storm(const char *options)
{
    static struct sailor crew[THREADS];
    char sql[64];
    crowd_open(options);
    CHECK_OK(api_write(db, "INSERT INTO t VALUES (-1, NULL)"));
    memset(crew, 0, sizeof crew);
    for (int i = 0; i < THREADS; i++) {
        crew[i].number = i;
        crew[i].random = (uint64_t)i * 77 + 5;
        CHECK_INT(pthread_create(&crew[i].thread, NULL, sail, &crew[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(crew[i].thread, NULL), 0);
    CHECK_INT(strange, 0);
    for (int i = 0; i < THREADS; i++)
        for (int j = 0; j < WRITES; j++) {
            snprintf(sql, sizeof sql, "SELECT count(*) FROM t WHERE n = %d",
                     i * WRITES + j);
            CHECK_INT(api_number(db, sql), crew[i].there[j]);
        }
    crowd_close();
}

TEST(coalesce__keeps_its_word_in_a_storm)
{
    storm("coalesce=5&readers=2");
}

TEST(coalesce__keeps_its_word_in_a_storm_on_a_disk)
{
    storm("coalesce=1&durability=full&readers=2");
}

CHECK_MAIN()
