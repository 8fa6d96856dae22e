/* Metrics: health in the text format of Prometheus, version 0.0.4.
 *
 * Every number of health is here under its own name, in seconds where it is in
 * microseconds there, and with _total where it is a counter. Quantiles are left
 * to Prometheus: it gets the histograms. Their buckets end at powers of two of
 * a microsecond, where those of histogram.c do, so that nothing is estimated.
 *
 * Does: write it.
 * Must not: gather: health.c does.
 * Lock: none of its own. */
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "health.h"
#include "json.h"

/* From 1 us to 17 s, each four times as long as the one before. */
#define FIRST_POWER 0
#define LAST_POWER 24
#define POWER_STEP 2

struct page {
    struct walpool__json text;
    const char *path; /* the label `database` of all */
};

/* Text of HELP and label values; a label's quotes are escaped, too. */
static void
put_escaped(struct page *page, const char *text, bool quotes)
{
    for (; *text; text++) {
        if (*text == '\n')
            walpool__json_put(&page->text, "\\n");
        else if (*text == '\\' || (quotes && *text == '"'))
            walpool__json_put(&page->text, "\\%c", *text);
        else
            walpool__json_put(&page->text, "%c", *text);
    }
}

static void
put_head(struct page *page, const char *name, const char *type,
         const char *help)
{
    walpool__json_put(&page->text, "# HELP %s ", name);
    put_escaped(page, help, false);
    walpool__json_put(&page->text, "\n# TYPE %s %s\n", name, type);
}

/* A sample's name and labels, but for the last brace. */
static void
put_labels(struct page *page, const char *name, const char *suffix)
{
    walpool__json_put(&page->text, "%s%s{database=\"", name, suffix);
    put_escaped(page, page->path, true);
    walpool__json_put(&page->text, "\"");
}

static void
put_label(struct page *page, const char *label, const char *value)
{
    walpool__json_put(&page->text, ",%s=\"", label);
    put_escaped(page, value, true);
    walpool__json_put(&page->text, "\"");
}

static void
put_integer(struct page *page, int64_t value)
{
    walpool__json_put(&page->text, "} %lld\n", (long long)value);
}

/* Exact, and whatever the locale: no number is printed as a double. */
static void
put_seconds(struct page *page, uint64_t us)
{
    walpool__json_put(&page->text, "} %llu.%06llu\n",
                      (unsigned long long)us / 1000000,
                      (unsigned long long)us % 1000000);
}

/* --------------------------------------------------------------- numbers */

static bool
ends_with(const char *name, const char *end)
{
    size_t bytes = strlen(name), tail = strlen(end);

    return bytes >= tail && strcmp(name + bytes - tail, end) == 0;
}

/* What the histograms tell better. */
static bool
is_told_otherwise(const char *name)
{
    return ends_with(name, "_p50_us") || ends_with(name, "_p99_us") ||
           strcmp(name, "writer_wait_count") == 0 ||
           strcmp(name, "syncs") == 0;
}

static void
put_number(struct page *page, const char *name, const char *meaning,
           int64_t value)
{
    static const char counter[] = "counter: ";
    bool counts = strncmp(meaning, counter, sizeof counter - 1) == 0;
    bool time = ends_with(name, "_us");
    char full[96];

    if (is_told_otherwise(name))
        return;
    snprintf(full, sizeof full, "walpool_%.*s%s",
             (int)(strlen(name) - (time ? 3 : 0)), name,
             counts ? "_total" : time ? "_seconds" : "");
    put_head(page, full, counts ? "counter" : "gauge",
             counts ? meaning + sizeof counter - 1 : meaning);
    put_labels(page, full, "");
    if (time)
        put_seconds(page, (uint64_t)value);
    else
        put_integer(page, value);
}

static void
put_numbers(struct page *page, const walpool_health *health)
{
#define PUT_NUMBER(name, meaning) put_number(page, #name, meaning, health->name);
    WALPOOL_HEALTH_LIST(PUT_NUMBER)
#undef PUT_NUMBER
}

/* ------------------------------------------------------------ histograms */

static void
put_bucket(struct page *page, const char *name, int power, uint64_t count)
{
    uint64_t us = UINT64_C(1) << power;

    put_labels(page, name, "_bucket");
    walpool__json_put(&page->text, ",le=\"%llu.%06llu\"",
                      (unsigned long long)us / 1000000,
                      (unsigned long long)us % 1000000);
    put_integer(page, (int64_t)count);
}

static void
put_histogram(struct page *page, const char *name, const char *help,
              const struct walpool__histogram *histogram)
{
    struct walpool__histogram_view view;

    walpool__histogram_look(histogram, &view);
    put_head(page, name, "histogram", help);
    for (int power = FIRST_POWER; power <= LAST_POWER; power += POWER_STEP)
        put_bucket(page, name, power,
                   walpool__histogram_view_below(&view, power));
    put_labels(page, name, "_bucket");
    put_label(page, "le", "+Inf");
    put_integer(page, (int64_t)view.count);
    put_labels(page, name, "_sum");
    put_seconds(page, view.sum);
    put_labels(page, name, "_count");
    put_integer(page, (int64_t)view.count);
}

static void
put_histograms(struct page *page, const struct walpool__stats *stats)
{
    put_histogram(page, "walpool_writer_wait_seconds",
                  "wait for the writer", &stats->writer_wait_us);
    put_histogram(page, "walpool_writer_hold_seconds",
                  "use of the writer", &stats->writer_hold_us);
    put_histogram(page, "walpool_commit_seconds",
                  "write or commit behind the queue", &stats->commit_us);
    put_histogram(page, "walpool_query_seconds",
                  "read; one of 16 stands for all, but for those that take "
                  "long", &stats->query_us);
    put_histogram(page, "walpool_sync_seconds",
                  "sync of the WAL for durable commits and reads",
                  &stats->sync_us);
    put_histogram(page, "walpool_checkpoint_seconds", "checkpoint",
                  &stats->checkpoint_us);
    put_histogram(page, "walpool_checkpoint_hold_seconds",
                  "use of the writer by a checkpoint",
                  &stats->checkpoint_hold_us);
}

/* --------------------------------------------------------------- verdict */

static void
put_verdict(struct page *page, const walpool_health *health)
{
    put_head(page, "walpool_verdict", "gauge",
             "0 ok, 1 degraded, 2 failing");
    put_labels(page, "walpool_verdict", "");
    put_integer(page, health->verdict);
    put_head(page, "walpool_reason", "gauge",
             "1 while this is why the verdict is not ok");
    for (int code = 0; code < WALPOOL__REASONS; code++) {
        put_labels(page, "walpool_reason", "");
        put_label(page, "reason", walpool__verdict_code((walpool_reason)code));
        put_integer(page, health->reasons >> code & 1);
    }
}

static void
put_info(struct page *page)
{
    walpool_version_info version;

    walpool_version(&version);
    put_head(page, "walpool_info", "gauge", "versions");
    put_labels(page, "walpool_info", "");
    put_label(page, "walpool", version.walpool);
    put_label(page, "sqlite", version.sqlite);
    put_integer(page, 1);
}

walpool_status
walpool_metrics(walpool *handle, char *dst, size_t capacity, size_t *need,
                walpool_error *err)
{
    struct walpool__reasons reasons;
    struct page page = {.path = NULL};
    walpool_health health;
    walpool_status status =
        walpool__json_begin(&page.text, dst, capacity, err);
    struct walpool__db *db;

    if (status != WALPOOL_OK)
        return status;
    db = walpool__handle_pin(WALPOOL__HANDLE_DATABASE, handle, err, &status);
    if (!db)
        return status;
    page.path = db->path;
    walpool__health_take(db, &health, &reasons);
    put_verdict(&page, &health);
    put_numbers(&page, &health);
    put_histograms(&page, &db->stats);
    put_info(&page);
    walpool__handle_unpin(handle);
    return walpool__json_end(&page.text, need, err);
}
