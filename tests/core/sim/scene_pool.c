/* Scenes of the pool: readers that threads take and give back, connections
 * that cannot be opened, fail, or are closed because nobody uses them, snapshots
 * that stay, commits, and a close while all that goes on.
 *
 * Does: what a program does around its reads, without these.
 * Must not: look into the pool, but for the readers that it was lent.
 * Lock: none, there is one real thread. */
#include "scenes.h"

#include <string.h>

#include "opening.h"
#include "pool.h"
#include "shelf.h"
#include "ticket.h"

#define MS 1000000

enum { GUESTS = 6, ROUNDS = 3, ROUNDS_MOST = 5 };

struct guest {
    char name[4];
    int64_t timeout_ms[ROUNDS_MOST], keep_ns[ROUNDS_MOST];
    int64_t rest_ns[ROUNDS_MOST]; /* after it */
    int rounds;
    struct ticket *ticket;
    struct walpool__call call;
    bool takes, waits;
};

static struct {
    struct walpool__pool pool;
    struct walpool__stats stats;
    walpool_options options;
    struct shelf shelf;
    struct guest guests[GUESTS];
    struct ticket ticket;
    struct walpool__walindex walindex;
    struct walpool__survey survey; /* opening.h answers for it */
    uint32_t header[64]; /* that it reads */
    struct { /* of a reader */
        uint32_t shows;  /* commits, by its snapshot */
        int64_t home_ns; /* when it came home */
    } kept[SHELF_THINGS];
    int count;
    bool may_fail;
    bool is_prompt; /* nobody is late */
    bool leaves_doubt; /* connections may fail in use */
} scene;

/* ----------------------------------------------------- snapshots that stay */

enum { VERSION_WORD, COMMITS_WORD = 2, INIT_WORD };

static void
commit(void *unused)
{
    (void)unused;
    scene.header[COMMITS_WORD]++;
    sim_note("  commit %d", (int)scene.header[COMMITS_WORD]);
}

static void
commit_often(void *unused)
{
    static const int64_t pauses[] = {0, 0, 100000, 500000};
    for (int n = (int)sim_choose(6); n > 0; n--) {
        sim_nap_ns(pauses[sim_choose(4)]);
        commit(unused);
    }
}

/* A reader that somebody has is nobody else's. */
static void
look_at_touch(const struct walpool__conn *conn, bool taken)
{
    for (int i = 0; i < scene.pool.count; i++) {
        int holder = scene.shelf.holder[i];
        if (scene.pool.readers[i].conn != conn)
            continue;
        SIM_CHECK(holder == 0 || holder == sim_self() + 1,
                  "the snapshot of reader %d is touched, and thread %d has it",
                  i, holder - 1);
        if (taken)
            scene.kept[i].shows = scene.header[COMMITS_WORD];
    }
}

/* Where time stands while anybody can run, the sweeper is never late. */
static void
look_at_kept(void)
{
    for (int i = 0; i < scene.pool.count; i++) {
        const struct walpool__reader *reader = &scene.pool.readers[i];
        if (scene.shelf.holder[i] != 0 || scene.kept[i].home_ns == 0 ||
            !atomic_load(&reader->stays))
            continue;
        SIM_CHECK(sim_now_ns() <= scene.kept[i].home_ns + 2 * scene.pool.keep_ns,
                  "the snapshot of reader %d stays for ever", i);
    }
}

/* Nobody uses a connection that is closed, and one that nobody has in hand is
 * idle, or all is over. */
static void
look_at_close(const struct walpool__conn *conn)
{
    for (int i = 0; i < scene.pool.count; i++) {
        if (scene.pool.readers[i].conn != conn)
            continue;
        SIM_CHECK(scene.shelf.holder[i] == 0,
                  "the connection of reader %d is closed, and thread %d has it",
                  i, scene.shelf.holder[i] - 1);
        SIM_CHECK(scene.shelf.closed || conn->doubtful ||
                      sim_now_ns() >=
                          scene.kept[i].home_ns + scene.pool.idle_ns,
                  "the connection of reader %d is closed, and was used just now",
                  i);
    }
}

static bool
is_idle(int reader)
{
    return scene.pool.readers[reader].conn != NULL &&
           scene.shelf.holder[reader] == 0 &&
           sim_now_ns() > scene.kept[reader].home_ns + 2 * scene.pool.idle_ns;
}

/* The same for readers. Without a thread they stay. */
static void
look_at_open(void)
{
    int idle = 0;
    SIM_CHECK(walpool__pool_open_count(&scene.pool) == opening_count(),
              "%d connections are open, the pool counts %d", opening_count(),
              walpool__pool_open_count(&scene.pool));
    for (int i = 0; i < scene.pool.count; i++)
        idle += is_idle(i);
    SIM_CHECK(idle < 2 || !scene.is_prompt || sim_failed_starts(0) > 0,
              "%d readers stay open, and nobody uses them", idle);
}

static void
look_when_quiet(void *unused)
{
    (void)unused;
    for (int i = 0; i < scene.count; i++)
        if (scene.guests[i].takes)
            ticket_check_asleep(scene.guests[i].ticket, &scene.guests[i].call);
    shelf_look_when_quiet(&scene.shelf);
    look_at_kept();
    look_at_open();
}

/* -------------------------------------------------------------------- guests */

static void
check_refusal(const struct guest *guest, walpool_status status,
              const walpool_error *err, int mark)
{
    if (status == WALPOOL_CANTOPEN) {
        SIM_CHECK(scene.may_fail, "a connection fails to open");
        return;
    }
    SIM_CHECK(status == guest->call.stopped && err->status == (int32_t)status,
              "the call ends with %d and reports %d and %d",
              guest->call.stopped, status, err->status);
    SIM_CHECK(status == WALPOOL_CLOSED || err->phase == WALPOOL_PHASE_QUEUE,
              "the phase is reported as %d", err->phase);
    SIM_CHECK(status == WALPOOL_CLOSED ||
                  strstr(err->message, "readers are in use") != NULL,
              "the error does not say who has the readers");
    ticket_check_stopped(guest->ticket, &guest->call,
                         shelf_may_refuse(&scene.shelf, mark));
}

static struct walpool__reader *
take(struct guest *guest, int64_t timeout_ms)
{
    struct walpool__reader *reader = NULL;
    walpool_error err;
    walpool_status status;
    uint32_t commits = scene.header[COMMITS_WORD];
    int mark;
    if (!ticket_begin(guest->ticket, &guest->call, timeout_ms, NULL, NULL))
        return NULL;
    mark = shelf_mark(&scene.shelf);
    shelf_take_begins(&scene.shelf);
    guest->takes = true;
    guest->call.why = guest->name;
    status = walpool__pool_take(&scene.pool, &guest->call, &reader, &err);
    guest->takes = false;
    shelf_take_ends(&scene.shelf, status == WALPOOL_OK
                                      ? (int)(reader - scene.pool.readers)
                                      : -1);
    if (status == WALPOOL_OK)
        SIM_CHECK(reader->conn != NULL && reader->conn->call == &guest->call,
                  "the call of %s does not run", guest->name);
    else
        check_refusal(guest, status, &err, mark);
    if (status == WALPOOL_OK)
        SIM_CHECK(!reader->conn->doubtful, "%s has a connection in doubt",
                  guest->name);
    if (status == WALPOOL_OK && atomic_load(&reader->stays))
        SIM_CHECK(scene.kept[reader - scene.pool.readers].shows >= commits,
                  "%s has a snapshot that is stale", guest->name);
    return status == WALPOOL_OK ? reader : NULL;
}

static void
give(struct guest *guest, struct walpool__reader *reader)
{
    int place = (int)(reader - scene.pool.readers);
    walpool__call_leave(&guest->call); /* as those do that take long */
    SIM_CHECK(reader->conn->call == &guest->call,
              "another runs on the connection of %s", guest->name);
    if (scene.leaves_doubt && sim_choose(6) == 0)
        reader->conn->doubtful = true;
    scene.kept[place].home_ns = sim_now_ns();
    shelf_give_begins(&scene.shelf, place);
    walpool__pool_give(&scene.pool, reader);
    shelf_give_ends(&scene.shelf);
}

static void
read_often(void *arg)
{
    struct guest *guest = arg;
    for (int i = 0; i < guest->rounds; i++) {
        struct walpool__reader *reader = take(guest, guest->timeout_ms[i]);
        if (reader != NULL) {
            if (guest->keep_ns[i] > 0)
                sim_nap_ns(guest->keep_ns[i]);
            give(guest, reader);
        }
        walpool__call_end(&guest->call);
        if (guest->rest_ns[i] > 0)
            sim_nap_ns(guest->rest_ns[i]);
    }
}

static void
invite(const struct guest *wishes)
{
    struct guest *guest = &scene.guests[scene.count++];
    *guest = *wishes;
    guest->name[0] = (char)('A' + scene.count - 1);
    sim_spawn(guest->name, 0, read_often, guest);
}

static void
cancel(void *unused)
{
    (void)unused;
    ticket_cancel(&scene.ticket, 1);
}

static void
be_prompt(void)
{
    scene.is_prompt = true;
    sim_set_prompt();
}

static bool
drain(int64_t deadline_ns)
{
    bool drained;
    shelf_drain_begins(&scene.shelf);
    drained = walpool__waitq_drain(&scene.pool.queue, deadline_ns);
    shelf_drain_ends(&scene.shelf, drained);
    return drained;
}

/* As closing a database does when the writer is then found to be out. */
static void
close_for_a_while(void *unused)
{
    (void)unused;
    if (!drain(sim_now_ns() + (int64_t)sim_choose(3) * MS))
        return;
    walpool__pool_close_all(&scene.pool);
    shelf_reopen_begins(&scene.shelf);
    walpool__waitq_reopen(&scene.pool.queue);
    shelf_reopen_ends(&scene.shelf);
}

/* -------------------------------------------------------------------- scenes */

static void
begin(int readers, int failures, int keep_ms, int64_t idle_ns)
{
    memset(&scene, 0, sizeof scene);
    scene.options.readers = readers;
    scene.options.snapshot_keep_ms = keep_ms;
    scene.header[VERSION_WORD] = 3007000;
    memset(&scene.header[INIT_WORD], 1, 1);
    scene.walindex.header = scene.header;
    scene.may_fail = failures > 0;
    opening_may_fail(failures);
    SIM_CHECK(walpool__pool_init(&scene.pool, "db", &scene.options,
                                 &scene.stats,
                                 keep_ms > 0 ? &scene.walindex : NULL),
              "no memory");
    shelf_init(&scene.shelf, &scene.pool.queue, readers);
    scene.pool.idle_ns = idle_ns;
    opening_on_close(look_at_close);
    opening_on_touch(keep_ms > 0 ? look_at_touch : NULL);
    opening_set_copying(false);
    scene.pool.survey = keep_ms > 0 ? &scene.survey : NULL;
    sim_on_step(shelf_look_at_step, &scene.shelf);
    sim_on_quiet(look_when_quiet, NULL);
}

static void
end(void)
{
    struct walpool__holder oldest;
    sim_join_all();
    oldest = walpool__pool_oldest(&scene.pool);
    SIM_CHECK(oldest.since_ns == 0,
              "a label stays on a reader that nobody has: %s", oldest.why);
    SIM_CHECK(drain(0), "it cannot be closed although everything is home");
    ticket_close(&scene.ticket);
    walpool__pool_close_all(&scene.pool);
    SIM_CHECK(walpool__pool_warm_count(&scene.pool) == 0,
              "a snapshot outlives the close");
    SIM_CHECK(walpool__pool_open_count(&scene.pool) == 0,
              "readers count as open after the close");
    sim_on_step(NULL, NULL);
    sim_on_quiet(NULL, NULL);
    walpool__pool_finish(&scene.pool);
}

void
scene_pool_crowd(void)
{
    static const int64_t timeouts[] = {0, 1, 3, -1, -1};
    static const int64_t keeps[] = {0, 0, 300000, MS, 2500000};
    static const int64_t idles[] = {60000 * (int64_t)MS, MS, 200000};
    begin(1 + (int)sim_choose(3), (int)sim_choose(4), 0, idles[sim_choose(3)]);
    scene.leaves_doubt = sim_choose(2) == 0;
    sim_set_thread_failures((int)sim_choose(2));
    if (sim_choose(2) == 0) {
        ticket_open(&scene.ticket);
        sim_spawn("canceller", 0, cancel, NULL);
    }
    for (int n = 2 + (int)sim_choose(4); n > 0; n--) {
        struct guest wishes = {.rounds = 1 + (int)sim_choose(ROUNDS)};
        for (int i = 0; i < wishes.rounds; i++) {
            wishes.timeout_ms[i] = timeouts[sim_choose(5)];
            wishes.keep_ns[i] = keeps[sim_choose(5)];
        }
        if (scene.ticket.token != NULL && sim_choose(2) == 0)
            wishes.ticket = &scene.ticket;
        invite(&wishes);
    }
    if (sim_choose(3) == 0)
        sim_spawn("closer", 0, close_for_a_while, NULL);
    end();
}

/* Small, searched completely: who gets no connection gives the place on. */
void
scene_pool_open_fails(void)
{
    begin(1, 1, 0, MS);
    for (int i = 0; i < 3; i++)
        invite(&(struct guest){.rounds = 1, .timeout_ms = {-1},
                               .keep_ns = {i == 0 ? MS : 0}});
    end();
}

/* As a checkpoint does. */
static void
cool_for_a_while(void *unused)
{
    (void)unused;
    sim_nap_ns((int64_t)sim_choose(3) * MS);
    walpool__pool_cool(&scene.pool, true);
    sim_nap_ns((int64_t)sim_choose(3) * MS);
    walpool__pool_cool(&scene.pool, false);
}

/* As another program does, which nobody tells us. */
static void
copy_for_a_while(void *unused)
{
    (void)unused;
    sim_nap_ns((int64_t)sim_choose(3) * MS);
    opening_set_copying(true);
    sim_nap_ns((int64_t)sim_choose(4) * MS);
    opening_set_copying(false);
}

/* Nobody comes any more, so none stays, and the next may. */
static void
end_when_none_stays(void)
{
    sim_join_all();
    sim_nap_ns(2 * scene.pool.keep_ns + 1);
    SIM_CHECK(walpool__pool_warm_count(&scene.pool) == 0,
              "the snapshot of a reader stays for ever");
    SIM_CHECK(atomic_load(&scene.pool.cold) == 0,
              "no snapshot may stay any more");
    end();
}

void
scene_pool_warm(void)
{
    static const int64_t keeps[] = {0, 0, 100000, 500000, 2 * MS};
    begin(1 + (int)sim_choose(3), 0, 1, 60000 * (int64_t)MS);
    be_prompt();
    for (int n = 1 + (int)sim_choose(4); n > 0; n--) {
        struct guest wishes = {.rounds = 1 + (int)sim_choose(ROUNDS_MOST)};
        for (int i = 0; i < wishes.rounds; i++) {
            wishes.timeout_ms[i] = -1;
            wishes.rest_ns[i] = keeps[sim_choose(5)];
            wishes.keep_ns[i] = keeps[sim_choose(5)];
        }
        invite(&wishes);
    }
    sim_spawn("committer", 0, commit_often, NULL);
    if (sim_choose(3) == 0)
        sim_spawn("cooler", 0, cool_for_a_while, NULL);
    if (sim_choose(3) == 0)
        sim_spawn("copier", 0, copy_for_a_while, NULL);
    if (sim_choose(4) == 0)
        sim_spawn("closer", 0, close_for_a_while, NULL);
    end_when_none_stays();
}

/* Small, searched completely: one that leaves a snapshot while the sweeper is
 * about to lie down. */
void
scene_pool_warm_again(void)
{
    begin(1, 0, 1, MS);
    be_prompt();
    invite(&(struct guest){.rounds = 4, .timeout_ms = {-1, -1, -1, -1},
                           .rest_ns = {0, MS, 0, 0}});
    end_when_none_stays();
}

/* Small, searched completely: a commit at every moment of some reads. */
void
scene_pool_warm_commit(void)
{
    begin(1, 0, 1, MS);
    be_prompt();
    invite(&(struct guest){.rounds = 4, .timeout_ms = {-1, -1, -1, -1}});
    sim_spawn("committer", 0, commit, NULL);
    end_when_none_stays();
}

/* One stays open, if any was, and wakes nobody any more. */
static void
end_when_one_is_open(void)
{
    sim_join_all();
    sim_nap_ns(3 * (scene.pool.idle_ns + scene.pool.keep_ns) + 1);
    SIM_CHECK(walpool__pool_open_count(&scene.pool) <= 1,
              "%d readers stay open for ever",
              walpool__pool_open_count(&scene.pool));
    SIM_CHECK(walpool__pool_open_count(&scene.pool) == 1 ||
                  scene.leaves_doubt || scene.shelf.drains > 0,
              "no reader stays open");
    SIM_CHECK(sim_next_wake_ns() == SIM_NEVER,
              "somebody wakes although nothing is left to do");
    end();
}

void
scene_pool_idle_crowd(void)
{
    static const int64_t naps[] = {0, 0, 100000, 500000, MS, 4 * MS};
    begin(2 + (int)sim_choose(2), 0, (int)sim_choose(2), 4 * MS);
    be_prompt();
    scene.leaves_doubt = sim_choose(3) == 0;
    for (int n = 2 + (int)sim_choose(3); n > 0; n--) {
        struct guest wishes = {.rounds = 1 + (int)sim_choose(ROUNDS_MOST)};
        for (int i = 0; i < wishes.rounds; i++) {
            wishes.timeout_ms[i] = -1;
            wishes.rest_ns[i] = naps[sim_choose(6)];
            wishes.keep_ns[i] = naps[sim_choose(6)];
        }
        invite(&wishes);
    }
    if (sim_choose(4) == 0)
        sim_spawn("closer", 0, close_for_a_while, NULL);
    end_when_one_is_open();
}

/* Two are open, and one of them is about to be closed. */
static void
open_two(void)
{
    static struct guest guests[2];
    struct walpool__reader *readers[2];
    begin(2, 0, 0, MS);
    be_prompt();
    for (int i = 0; i < 2; i++) {
        guests[i] = (struct guest){.name = "two"};
        readers[i] = take(&guests[i], -1);
    }
    for (int i = 0; i < 2; i++)
        give(&guests[i], readers[i]);
}

/* Small, searched completely: somebody comes meanwhile. */
void
scene_pool_idle_again(void)
{
    open_two();
    sim_nap_ns(MS);
    invite(&(struct guest){.rounds = 2, .timeout_ms = {-1, 0}});
    end_when_one_is_open();
}

/* Small, searched completely: the close of the database. */
void
scene_pool_idle_close(void)
{
    open_two();
    sim_nap_ns(MS);
    end();
}
