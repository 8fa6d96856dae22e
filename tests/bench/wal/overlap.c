/* Overlap: one writer at full speed while readers keep snapshots.
 *
 * The calling thread writes, each reader is a thread, and one more looks at the
 * size of the WAL a thousand times a second. Writing begins when every reader
 * has its first snapshot. A snapshot is asked the same twice, at its beginning
 * and at its end, so that a reader that kept none would be found out. */
#include "overlap.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "histogram.h"
#include "sample.h"

enum {
    READERS_MOST = 16,
    KEEP_LEAST_MS = 1,
    KEEP_MOST_MS = 50,
    ENDLESS_LOOKS_MS = 10,
    LOOKS_AT_ONCE = 5,
    PATIENCE_SECONDS = 60,
    WAL_HEADER_BYTES = 32,
    FRAME_BYTES = 4096 + 24
};

struct scene {
    const struct overlap *overlap;
    atomic_int ready;
    atomic_bool is_over;
    atomic_bool is_low; /* the WAL has yet to pass its ceiling */
};

struct member {
    struct scene *scene;
    struct reader reader;
    pthread_t thread;
    uint32_t random;
    int64_t snapshots;
    double waited; /* at the longest */
};

struct watcher {
    struct scene *scene;
    walpool *db; /* to ask its health; NULL: there is none */
    pthread_t thread;
    double highest;      /* bytes */
    double above, named; /* when, or 0: not yet */
    int64_t asked, warm; /* how often health; and it told of warm snapshots */
};

static void
nap_ms(uint32_t ms)
{
    struct timespec spec = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&spec, NULL);
}

static void
launch(pthread_t *thread, void *(*body)(void *), void *data)
{
    if (pthread_create(thread, NULL, body, data))
        die("pthread_create", "no more threads");
}

/* -------------------------------------------------------------- readers */

static void
keep_a_while(struct member *member)
{
    uint32_t range = KEEP_MOST_MS - KEEP_LEAST_MS + 1;
    member->random = member->random * 1664525u + 1013904223u;
    nap_ms(KEEP_LEAST_MS + (member->random >> 8) % range);
}

static bool
has_it_still(struct member *member, int64_t newest)
{
    int64_t now = member->reader.way->newest(&member->reader);
    if (now == READER_GONE && member->scene->overlap->endless)
        return false;
    if (now != newest)
        die(member->reader.way->name, "a snapshot has moved");
    return true;
}

static void
keep(struct member *member, int64_t newest)
{
    if (!member->scene->overlap->endless) {
        keep_a_while(member);
        has_it_still(member, newest);
        return;
    }
    while (!atomic_load(&member->scene->is_over) &&
           has_it_still(member, newest))
        nap_ms(ENDLESS_LOOKS_MS);
}

/* Rows are only added: what a read sees never gets less. */
static void
look_often(struct member *member)
{
    struct reader *reader = &member->reader;
    int64_t newest = 0;
    for (int i = 0; i < member->scene->overlap->looks; i++) {
        int64_t now = reader->way->look(reader);
        if (now < newest)
            die(reader->way->name, "a read saw less than the one before it");
        newest = now;
        if (i % LOOKS_AT_ONCE == 0)
            nap_ms(1);
    }
}

static void
take_snapshot(struct member *member)
{
    struct reader *reader = &member->reader;
    double asked = now_seconds();
    reader->way->begin(reader);
    int64_t newest = reader->way->newest(reader);
    double waited = now_seconds() - asked;
    if (waited > member->waited)
        member->waited = waited;
    if (member->snapshots++ == 0)
        atomic_fetch_add(&member->scene->ready, 1);
    keep(member, newest);
    reader->way->end(reader);
}

static void *
run_reader(void *data)
{
    struct member *member = data;
    struct reader *reader = &member->reader;
    reader->way->open(reader, member->scene->overlap->store.path);
    while (!atomic_load(&member->scene->is_over)) {
        look_often(member);
        take_snapshot(member);
    }
    reader->way->close(reader);
    return NULL;
}

/* -------------------------------------------------------------- the WAL */

double
overlap_wal_bytes(const char *path)
{
    char name[4200];
    struct stat facts;
    snprintf(name, sizeof name, "%s-wal", path);
    return stat(name, &facts) == 0 ? (double)facts.st_size : 0;
}

static double
frames_in(double bytes)
{
    double frames = (bytes - WAL_HEADER_BYTES) / FRAME_BYTES;
    return frames > 0 ? frames : 0;
}

static void
watch_health(struct watcher *watcher)
{
    walpool_health health;
    walpool_error err;
    if (walpool_health_get(watcher->db, &health, &err) != WALPOOL_OK)
        die(walpool_status_name(err.status), err.message);
    watcher->asked++;
    watcher->warm += health.snapshots_warm > 0;
    if (!watcher->above && frames_in(watcher->highest) > CEILING_FRAMES) {
        watcher->above = now_seconds();
        atomic_store(&watcher->scene->is_low, false);
    }
    if (!watcher->named && health.verdict != WALPOOL_HEALTH_OK &&
        strstr(health.reason, READER_WHY))
        watcher->named = now_seconds();
}

static void *
watch(void *data)
{
    struct watcher *watcher = data;
    while (!atomic_load(&watcher->scene->is_over)) {
        double bytes = overlap_wal_bytes(watcher->scene->overlap->store.path);
        if (bytes > watcher->highest)
            watcher->highest = bytes;
        if (watcher->db)
            watch_health(watcher);
        nap_ms(1);
    }
    return NULL;
}

/* ---------------------------------------------------------------- both */

/* An endless reader must have shown what it does. */
static bool
may_go_on(const struct scene *scene, double passed)
{
    return passed < scene->overlap->seconds ||
           (atomic_load(&scene->is_low) && passed < PATIENCE_SECONDS);
}

static void
bear_refusal(const struct scene *scene, struct overlap_outcome *out)
{
    if (!scene->overlap->endless)
        die("the only writer", "it was refused");
    out->refused++;
    nap_ms(1);
}

static void
write_on(struct scene *scene, struct writer *writer, struct histogram *waits,
         struct overlap_outcome *out)
{
    double start = now_seconds(), now = start;
    for (int64_t number = 0; may_go_on(scene, now - start); number++) {
        double asked = now;
        bool added = writer->way->add(writer, number);
        now = now_seconds();
        if (added)
            histogram_add(waits, now - asked);
        else
            bear_refusal(scene, out);
    }
    out->rate = (double)waits->count / (now - start);
    out->worst = waits->worst;
    out->p999 = histogram_quantile(waits, 0.999);
}

static void
begin_scene(struct scene *scene, struct member *members)
{
    for (int i = 0; i < scene->overlap->readers; i++) {
        members[i] = (struct member){.scene = scene,
                                     .reader.way = scene->overlap->reading,
                                     .random = (uint32_t)i + 1};
        launch(&members[i].thread, run_reader, &members[i]);
    }
    while (atomic_load(&scene->ready) < scene->overlap->readers)
        nap_ms(1);
}

static void
end_scene(struct scene *scene, struct member *members,
          struct overlap_outcome *out)
{
    atomic_store(&scene->is_over, true);
    for (int i = 0; i < scene->overlap->readers; i++) {
        pthread_join(members[i].thread, NULL);
        out->snapshots +=
            (double)members[i].snapshots / scene->overlap->seconds;
        if (members[i].waited > out->waited)
            out->waited = members[i].waited;
    }
}

static void
sum_up(const struct watcher *watcher, struct overlap_outcome *out)
{
    double until = watcher->named ? watcher->named : now_seconds();
    out->bytes = watcher->highest;
    out->highest = frames_in(watcher->highest) / THRESHOLD_FRAMES;
    if (watcher->asked)
        out->stayed = (double)watcher->warm / (double)watcher->asked;
    out->named = watcher->scene->overlap->seconds;
    if (watcher->above)
        out->named = until > watcher->above ? until - watcher->above : 0;
}

struct overlap_outcome
overlap_run(const struct overlap *overlap)
{
    struct member members[READERS_MOST];
    struct scene scene = {.overlap = overlap};
    struct watcher watcher = {.scene = &scene};
    struct writer writer = {.way = overlap->writing};
    struct histogram waits = {0};
    struct overlap_outcome out = {0};
    writer_make_file(overlap->store.path);
    writer.way->open(&writer, &overlap->store);
    begin_scene(&scene, members);
    watcher.db = overlap->endless || overlap->looks ? writer.db : NULL;
    atomic_store(&scene.is_low, overlap->endless && watcher.db != NULL);
    launch(&watcher.thread, watch, &watcher);
    write_on(&scene, &writer, &waits, &out);
    end_scene(&scene, members, &out);
    pthread_join(watcher.thread, NULL);
    sum_up(&watcher, &out);
    writer.way->close(&writer);
    if (writer_count_rows(overlap->store.path, false) !=
        (int64_t)waits.count)
        die("the file", "it has other rows than were acknowledged");
    writer_remove_file(overlap->store.path);
    return out;
}
