/* The table of options: every name and alias, with its range or words.
 *
 * Does: find a name, know where its number lives, put what is allowed into
 * words.
 * Must not: read values, or decide what is an error.
 * Lock: none, the tables are constant. */
#include "option_table.h"

#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 64 };

#define MAX_TIME_MS 86400000 /* a day */
#define MAX_KEEP_MS 31536000000 /* a year */
#define MAX_CACHE_KIB 16777216
#define MAX_BYTES 1099511627776 /* 1 TiB */
#define MAX_CEILING_FRAMES 16000000

static const struct walpool__word booleans[] = {
    {"0", 0},    {"1", 1},  {"off", 0}, {"on", 1}, {"false", 0},
    {"true", 1}, {"no", 0}, {"yes", 1}, {NULL, 0}};
static const struct walpool__word durabilities[] = {
    {"normal", 0}, {"full", 1}, {NULL, 0}};
static const struct walpool__word synchronous[] = {
    {"normal", 0}, {"full", 1}, {"1", 0}, {"2", 1}, {NULL, 0}};
static const struct walpool__word temp_stores[] = {
    {"file", 0}, {"memory", 1}, {"1", 0}, {"2", 1}, {NULL, 0}};
static const struct walpool__word modes[] = {
    {"rwc", 0}, {"rw", 1}, {"ro", 2}, {NULL, 0}};
static const struct walpool__word ceiling_policies[] = {
    {"warn", 0}, {"backpressure", 1}, {"fail", 2}, {"interrupt", 3}, {NULL, 0}};
static const struct walpool__word owners[] = {
    {"walpool", 0}, {"external", 1}, {NULL, 0}};
static const struct walpool__word only_wal[] = {{"wal", 0}, {NULL, 0}};
static const struct walpool__word only_immediate[] = {{"immediate", 0},
                                                      {NULL, 0}};
static const struct walpool__word only_private[] = {{"private", 0}, {NULL, 0}};

#define SLOT(name) WALPOOL__SLOT_##name

/* Where a slot lives in the struct, and the range of the number there. */
static const struct field {
    uint16_t offset;
    uint16_t bytes;
    struct walpool__range range;
} fields[] = {
#define FIELD(slot, name, lowest, highest)                   \
    [SLOT(slot)] = {offsetof(walpool_options, name),         \
                    sizeof(((walpool_options *)NULL)->name), \
                    {lowest, highest}}
    FIELD(READERS, readers, 1, 64),
    FIELD(BUSY_TIMEOUT, busy_timeout_ms, -1, MAX_TIME_MS),
    FIELD(CLOSE_TIMEOUT, close_timeout_ms, -1, MAX_TIME_MS),
    FIELD(CACHE_SIZE, cache_size_kib, 64, MAX_CACHE_KIB),
    FIELD(MMAP_SIZE, mmap_size_bytes, 0, MAX_BYTES),
    FIELD(JOURNAL_SIZE_LIMIT, journal_size_limit_bytes, -1, MAX_BYTES),
    FIELD(CHECKPOINT_FRAMES, checkpoint_frames, 1, 1000000),
    FIELD(STATEMENT_CACHE, statement_cache, 0, 10000),
    FIELD(DURABILITY, durability, 0, 1),
    FIELD(FOREIGN_KEYS, foreign_keys, 0, 1),
    FIELD(TEMP_STORE, temp_store_memory, 0, 1),
    FIELD(ALLOW_ATTACH, allow_attach, 0, 1),
    FIELD(COALESCE, coalesce_ms, 0, 1000),
    FIELD(ONCE_KEEP, once_keep_ms, 1000, MAX_KEEP_MS),
    FIELD(LEASE_WARN, lease_warn_ms, -1, MAX_TIME_MS),
    FIELD(LEASE_TRACE, lease_trace, 0, 1),
    FIELD(SNAPSHOT_KEEP, snapshot_keep_ms, 0, 1000),
    FIELD(STEP_AHEAD, step_ahead, -1, 32),
    FIELD(MODE, mode, 0, 2),
    FIELD(PERMISSIONS, permissions, 0600, 0777),
    FIELD(ALLOW_NETWORK_FS, allow_network_fs, 0, 1),
    FIELD(READER_GATE, reader_gate_ms, 0, 1000),
    FIELD(WAL_CEILING, wal_ceiling_frames, -1, MAX_CEILING_FRAMES),
    FIELD(WAL_CEILING_POLICY, wal_ceiling_policy, 0, 3),
    FIELD(CHECKPOINT_OWNER, checkpoint_owner, 0, 1),
    FIELD(OPTIMIZE_INTERVAL, optimize_interval_ms, 0, MAX_KEEP_MS),
#undef FIELD
};

/* The first spelling of a slot is the option's own name. */
static const struct walpool__option spellings[] = {
    {"readers", SLOT(READERS), false, "connections", NULL},
    {"busy_timeout", SLOT(BUSY_TIMEOUT), true, "milliseconds", NULL},
    {"close_timeout", SLOT(CLOSE_TIMEOUT), false, "milliseconds", NULL},
    {"cache_size_kib", SLOT(CACHE_SIZE), false, "KiB", NULL},
    {"cache_size", SLOT(CACHE_SIZE), true, "pages of 4 KiB", NULL},
    {"mmap_size", SLOT(MMAP_SIZE), true, "bytes", NULL},
    {"journal_size_limit", SLOT(JOURNAL_SIZE_LIMIT), true, "bytes", NULL},
    {"checkpoint_frames", SLOT(CHECKPOINT_FRAMES), false, "frames", NULL},
    {"statement_cache", SLOT(STATEMENT_CACHE), false, "statements", NULL},
    {"durability", SLOT(DURABILITY), false, NULL, durabilities},
    {"foreign_keys", SLOT(FOREIGN_KEYS), true, NULL, booleans},
    {"temp_store", SLOT(TEMP_STORE), true, NULL, temp_stores},
    {"allow_attach", SLOT(ALLOW_ATTACH), false, NULL, booleans},
    {"coalesce", SLOT(COALESCE), false, "milliseconds", NULL},
    {"once_keep", SLOT(ONCE_KEEP), false, "milliseconds", NULL},
    {"lease_warn", SLOT(LEASE_WARN), false, "milliseconds", NULL},
    {"lease_trace", SLOT(LEASE_TRACE), false, NULL, booleans},
    {"snapshot_keep", SLOT(SNAPSHOT_KEEP), false, "milliseconds", NULL},
    {"step_ahead", SLOT(STEP_AHEAD), false, "threads", NULL},
    {"mode", SLOT(MODE), false, NULL, modes},
    {"permissions", SLOT(PERMISSIONS), false, "octal mode bits", NULL},
    {"allow_network_fs", SLOT(ALLOW_NETWORK_FS), false, NULL, booleans},
    {"reader_gate", SLOT(READER_GATE), false, "milliseconds", NULL},
    {"wal_ceiling_frames", SLOT(WAL_CEILING), false, "frames", NULL},
    {"wal_ceiling_policy", SLOT(WAL_CEILING_POLICY), false, NULL,
     ceiling_policies},
    {"checkpoint_owner", SLOT(CHECKPOINT_OWNER), false, NULL, owners},
    {"optimize_interval", SLOT(OPTIMIZE_INTERVAL), false, "milliseconds", NULL},
    {"timeout", SLOT(BUSY_TIMEOUT), false, "milliseconds", NULL},
    {"synchronous", SLOT(DURABILITY), true, NULL, synchronous},
    {"sync", SLOT(DURABILITY), false, NULL, synchronous},
    {"fk", SLOT(FOREIGN_KEYS), false, NULL, booleans},
    {"journal_mode", SLOT(JOURNAL_MODE), true, NULL, only_wal},
    {"journal", SLOT(JOURNAL_MODE), false, NULL, only_wal},
    {"txlock", SLOT(TXLOCK), false, NULL, only_immediate},
    {"cache", SLOT(CACHE), false, NULL, only_private},
    {"pragma", SLOT(PRAGMA), false, NULL, NULL},
};

const struct walpool__option *
walpool__option_find(const char *name)
{
    name += name[0] == '_';
    for (size_t i = 0; i < ARRAY_COUNT(spellings); i++)
        if (strcmp(spellings[i].name, name) == 0)
            return &spellings[i];
    return NULL;
}

const struct walpool__option *
walpool__option_of(enum walpool__slot slot)
{
    size_t i = 0;
    while (spellings[i].slot != slot)
        i++;
    return &spellings[i];
}

bool
walpool__option_in_pages(const struct walpool__option *option)
{
    return option->slot == SLOT(CACHE_SIZE) && option->pragma;
}

struct walpool__range
walpool__option_range(enum walpool__slot slot)
{
    PRE(slot < WALPOOL__SLOT_STORED);
    return fields[slot].range;
}

void
walpool__option_store(walpool_options *options, enum walpool__slot slot,
                      int64_t number)
{
    const struct field *field = &fields[slot];
    char *at = (char *)options + field->offset;
    int32_t narrow = (int32_t)number;
    if (field->bytes == sizeof narrow)
        memcpy(at, &narrow, sizeof narrow);
    else
        memcpy(at, &number, sizeof number);
}

int64_t
walpool__option_load(const walpool_options *options, enum walpool__slot slot)
{
    const struct field *field = &fields[slot];
    const char *at = (const char *)options + field->offset;
    int32_t narrow;
    int64_t number;
    if (field->bytes == sizeof narrow) {
        memcpy(&narrow, at, sizeof narrow);
        return narrow;
    }
    memcpy(&number, at, sizeof number);
    return number;
}

static void
append(char *dst, size_t dst_bytes, const char *before, const char *text)
{
    size_t used = strlen(dst);
    snprintf(dst + used, dst_bytes - used, "%s%s", before, text);
}

static void
describe_words(const struct walpool__word *words, char *dst, size_t dst_bytes)
{
    bool several = words[1].text != NULL;
    snprintf(dst, dst_bytes, "%s%s", several ? "one of " : "", words->text);
    while ((++words)->text != NULL)
        append(dst, dst_bytes, ", ", words->text);
}

static void
describe_range(const struct walpool__option *option, char *dst,
               size_t dst_bytes)
{
    struct walpool__range range = walpool__option_range(option->slot);
    long long lowest = range.lowest, highest = range.highest;
    if (option->slot == SLOT(PERMISSIONS))
        snprintf(dst, dst_bytes, "%s from 0%o to 0%o", option->unit,
                 (unsigned)lowest, (unsigned)highest);
    else if (walpool__option_in_pages(option))
        snprintf(dst, dst_bytes,
                 "%s from %lld to %lld, or KiB from -%lld "
                 "to -%lld",
                 option->unit, lowest / WALPOOL__OPTION_PAGE_KIB,
                 highest / WALPOOL__OPTION_PAGE_KIB, highest, lowest);
    else
        snprintf(dst, dst_bytes, "a whole number of %s from %lld to %lld",
                 option->unit, lowest, highest);
}

void
walpool__option_describe(const struct walpool__option *option, char *dst,
                         size_t dst_bytes)
{
    if (option->words != NULL)
        describe_words(option->words, dst, dst_bytes);
    else
        describe_range(option, dst, dst_bytes);
}

/* How many letters must be added, dropped or changed to make `b` of `a`. */
static size_t
distance(const char *a, const char *b)
{
    size_t row[NAME_BYTES + 1], b_bytes = strlen(b);
    PRE(b_bytes <= NAME_BYTES);
    for (size_t j = 0; j <= b_bytes; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_bytes; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            size_t skip = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < skip ? change : skip;
        }
    }
    return row[b_bytes];
}

/* The known name that `name` is most likely meant to be, or NULL: most of
 * both must be alike. */
static const char *
nearest(const char *name, bool pragma)
{
    const char *best = NULL;
    size_t smallest = strlen(name) / 3 + 2;
    for (size_t i = 0; i < ARRAY_COUNT(spellings); i++) {
        if (pragma && !spellings[i].pragma)
            continue;
        size_t apart = distance(name, spellings[i].name);
        if (apart < smallest && apart < strlen(spellings[i].name)) {
            smallest = apart;
            best = spellings[i].name;
        }
    }
    return best;
}

/* Neither an alias, nor for one word only. */
static bool
is_worth_telling(const struct walpool__option *option)
{
    return (option->slot < SLOT(STORED) || option->slot == SLOT(PRAGMA)) &&
           walpool__option_of(option->slot) == option;
}

void
walpool__option_suggest(const char *name, bool pragma, char *dst,
                        size_t dst_bytes)
{
    const char *near = nearest(name, pragma);
    if (near != NULL) {
        snprintf(dst, dst_bytes, "did you mean %s?", near);
        return;
    }
    const char *before = "known are ";
    dst[0] = '\0';
    for (size_t i = 0; i < ARRAY_COUNT(spellings); i++) {
        if (pragma ? !spellings[i].pragma : !is_worth_telling(&spellings[i]))
            continue;
        append(dst, dst_bytes, before, spellings[i].name);
        before = ", ";
    }
}
