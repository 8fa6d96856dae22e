/* Scenes of the pool: readers that threads take and give back, connections
 * that cannot be opened, and a close while all that goes on.
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

enum { GUESTS = 6, ROUNDS = 3 };

struct guest {
    char name[4];
    int64_t timeout_ms[ROUNDS], keep_ns[ROUNDS];
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
    int count;
    bool may_fail;
} scene;

static void
look_when_quiet(void *unused)
{
    (void)unused;
    for (int i = 0; i < scene.count; i++)
        if (scene.guests[i].takes)
            ticket_check_asleep(scene.guests[i].ticket, &scene.guests[i].call);
    shelf_look_when_quiet(&scene.shelf);
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
    return status == WALPOOL_OK ? reader : NULL;
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
            SIM_CHECK(reader->conn->call == &guest->call,
                      "another runs on the connection of %s", guest->name);
            shelf_give_begins(&scene.shelf, (int)(reader - scene.pool.readers));
            walpool__pool_give(&scene.pool, reader);
            shelf_give_ends(&scene.shelf);
        }
        walpool__call_end(&guest->call);
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
begin(int readers, int failures)
{
    memset(&scene, 0, sizeof scene);
    scene.options.readers = readers;
    scene.may_fail = failures > 0;
    opening_may_fail(failures);
    SIM_CHECK(walpool__pool_init(&scene.pool, "db", &scene.options,
                                 &scene.stats, NULL),
              "no memory");
    shelf_init(&scene.shelf, &scene.pool.queue, readers);
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
    SIM_CHECK(atomic_load(&scene.stats.readers_open) == 0,
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
    begin(1 + (int)sim_choose(3), (int)sim_choose(4));
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
    begin(1, 1);
    for (int i = 0; i < 3; i++)
        invite(&(struct guest){.rounds = 1, .timeout_ms = {-1},
                               .keep_ns = {i == 0 ? MS : 0}});
    end();
}
