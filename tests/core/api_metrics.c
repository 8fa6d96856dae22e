/* Metrics: every number of health, and histograms that add up. That it is what
 * Prometheus reads is proven by its own parser, in tests/python. */
#include "api.h"

static walpool *db;

static char *
metrics(void)
{
    size_t need = 0;
    CHECK_STATUS(walpool_metrics(db, NULL, 0, &need, &err), WALPOOL_TOOBIG);
    char *text = malloc(need + 1024);
    CHECK_OK(walpool_metrics(db, text, need + 1024, &need, &err));
    CHECK_INT(strlen(text) + 1, need);
    return text;
}

/* The value behind `name{database="..."` and these labels. */
static double
sample(const char *text, const char *name, const char *labels)
{
    char begin[1024];
    snprintf(begin, sizeof begin, "\n%s{database=\"%s\"%s} ", name,
             check_path("a.db"), labels);
    const char *found = strstr(text, begin);
    if (found == NULL)
        printf("# no sample %s\n", begin + 1);
    CHECK(found != NULL);
    return strtod(found + strlen(begin), NULL);
}

static void
set_up(void)
{
    db = api_open("a.db", "");
    CHECK_OK(api_write(db, "CREATE TABLE t(v)"));
    CHECK_OK(api_write(db, "INSERT INTO t VALUES(1)"));
    CHECK_INT(api_number(db, "SELECT v FROM t"), 1);
}

TEST(metrics__tell_what_health_tells)
{
    set_up();
    char *text = metrics();
    CHECK(sample(text, "walpool_writes_total", "") == 2);
    CHECK(sample(text, "walpool_reads_total", "") == 1);
    CHECK(sample(text, "walpool_readers_limit", "") == 4);
    CHECK(sample(text, "walpool_wal_bytes", "") ==
          (double)api_health(db).wal_bytes);
    CHECK(sample(text, "walpool_commit_max_seconds", "") > 0);
    CHECK(sample(text, "walpool_commit_max_seconds", "") < 100);
    CHECK(sample(text, "walpool_verdict", "") == 0);
    CHECK(sample(text, "walpool_reason", ",reason=\"wal_pinned\"") == 0);
    CHECK_CONTAINS(text, "# TYPE walpool_writes_total counter\n");
    CHECK_CONTAINS(text, "# TYPE walpool_wal_bytes gauge\n");
    CHECK_CONTAINS(text, "walpool=\"" WALPOOL_VERSION "\"");
    free(text);
    api_close(db);
}

TEST(metrics__have_histograms_that_add_up)
{
    static const char *const edges[] = {
        "0.000001", "0.000004", "0.000016", "0.000064", "0.000256",
        "0.001024", "0.004096", "0.016384", "0.065536", "0.262144",
        "1.048576", "4.194304", "16.777216", "+Inf"};
    double before = 0;
    set_up();
    char *text = metrics();
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        char label[32];
        snprintf(label, sizeof label, ",le=\"%s\"", edges[i]);
        double count = sample(text, "walpool_commit_seconds_bucket", label);
        CHECK(count >= before);
        before = count;
    }
    CHECK(before == 2);
    CHECK(sample(text, "walpool_commit_seconds_count", "") == 2);
    CHECK(sample(text, "walpool_commit_seconds_sum", "") > 0);
    CHECK(sample(text, "walpool_query_seconds_count", "") == 16);
    free(text);
    api_close(db);
}

TEST(metrics__name_the_reason)
{
    set_up();
    walpool_lease *lease = api_acquire(db, WALPOOL_WRITE);
    CHECK_OK(walpool_release(lease, &err));
    char *text = metrics();
    CHECK(sample(text, "walpool_verdict", "") == 1);
    CHECK(sample(text, "walpool_reason", ",reason=\"dirty_leases\"") == 1);
    CHECK(sample(text, "walpool_reason", ",reason=\"poisoned\"") == 0);
    free(text);
    api_close(db);
}

TEST(metrics__escape_the_path)
{
    db = api_open("a \"b\" \\ \n c.db", "");
    char *text = metrics();
    CHECK_CONTAINS(text, "a \\\"b\\\" \\\\ \\n c.db\"");
    free(text);
    api_close(db);
}

TEST(metrics__fit_or_say_how_much_they_need)
{
    char text[64];
    size_t need = 0;
    set_up();
    CHECK_STATUS(walpool_metrics(db, text, sizeof text, &need, &err),
                 WALPOOL_TOOBIG);
    CHECK(need > 1000);
    CHECK_STATUS(walpool_metrics(db, NULL, 10, &need, &err), WALPOOL_MISUSE);
    CHECK_STATUS(walpool_metrics(NULL, text, sizeof text, &need, &err),
                 WALPOOL_MISUSE);
    walpool *closed = db;
    api_close(db);
    CHECK_STATUS(walpool_metrics(closed, text, sizeof text, &need, &err),
                 WALPOOL_CLOSED);
}

CHECK_MAIN()
