/* Scenes of the wait queue: customers that take things, keep them, and give
 * them back, beside others that cancel, look for what is free, and close.
 *
 * Whether somebody was overtaken is seen when all is over: a visit is when a
 * customer came, from when on it is sure that he stood in line, when he left
 * and with what, and when that thing was given back before.
 *
 * Does: what a program may do with a wait queue, and keeps the book.
 * Must not: look into the queue.
 * Lock: none, there is one real thread. */
#include "scenes.h"

#include <string.h>

#include "shelf.h"
#include "ticket.h"

#define MS 1000000
/* The promise: then things are handed over in order. */
#define WINDOW_NS MS
#define WINDOW_EACH_NS 333000

enum { VISITS = 64, CUSTOMERS = 6 };

struct visit {
    struct walpool__call call;
    struct ticket *ticket;
    int came, in_line, left; /* counts of events; 0: did not happen */
    int64_t came_ns, in_line_ns, left_ns;
    int thing, given; /* what he left with, and when it was given back */
    bool waited, over, beside_gate;
};

struct customer {
    char name[16];
    int64_t timeout_ms[4], keep_ns[4];
    int rounds;
    struct ticket *ticket;
};

static struct {
    struct walpool__waitq waitq;
    struct shelf shelf;
    int things[SHELF_THINGS];
    int given[SHELF_THINGS]; /* event of the newest give */
    struct visit visits[VISITS];
    struct customer customers[CUSTOMERS];
    struct ticket tickets[CUSTOMERS];
    int visit_count, customer_count, events;
} scene;

/* ------------------------------------------------------------------- visits */

static void
stands_in_line(void *arg)
{
    struct visit *visit = arg;
    sim_must_hold_none("leave");
    visit->in_line = ++scene.events;
    visit->in_line_ns = sim_now_ns();
    sim_point("leave", NULL);
}

static void
leaves(struct visit *visit, const int *thing, bool must_get, int mark)
{
    visit->left = ++scene.events;
    visit->left_ns = sim_now_ns();
    visit->thing = thing != NULL ? (int)(thing - scene.things) : -1;
    visit->given = thing != NULL ? scene.given[visit->thing] : 0;
    visit->over = true;
    if (thing != NULL)
        return;
    SIM_CHECK(!must_get, "nothing is lent although something is free");
    SIM_CHECK(visit->call.phase == WALPOOL_PHASE_QUEUE, "the phase is %d",
              visit->call.phase);
    ticket_check_stopped(visit->ticket, &visit->call,
                         shelf_may_refuse(&scene.shelf, mark));
}

static struct visit *
begin_visit(struct ticket *ticket, int64_t timeout_ms)
{
    struct visit *visit = &scene.visits[scene.visit_count];
    SIM_CHECK(scene.visit_count < VISITS, "more than %d visits", VISITS);
    scene.visit_count++;
    visit->over = true;
    visit->thing = -1;
    if (!ticket_begin(ticket, &visit->call, timeout_ms, stands_in_line, visit))
        return NULL;
    visit->over = false;
    visit->ticket = ticket;
    visit->came = ++scene.events;
    visit->came_ns = sim_now_ns();
    return visit;
}

static int *
take(struct ticket *ticket, int64_t timeout_ms)
{
    struct visit *visit = begin_visit(ticket, timeout_ms);
    bool must_lend;
    int changes, gates, mark, *thing;
    if (visit == NULL)
        return NULL;
    must_lend = shelf_must_lend(&scene.shelf);
    mark = shelf_mark(&scene.shelf);
    gates = scene.shelf.gated ? -1 : scene.shelf.gates;
    shelf_take_begins(&scene.shelf);
    changes = scene.shelf.changes;
    thing = walpool__waitq_take(&scene.waitq, &visit->call, NULL,
                                &visit->waited);
    visit->beside_gate = gates != scene.shelf.gates;
    must_lend = must_lend && changes == scene.shelf.changes;
    shelf_take_ends(&scene.shelf,
                    thing != NULL ? (int)(thing - scene.things) : -1);
    leaves(visit, thing, must_lend, mark);
    walpool__call_end(&visit->call);
    return thing;
}

static void
give_by(int *thing, void (*by)(struct walpool__waitq *, void *))
{
    int number = (int)(thing - scene.things);
    scene.given[number] = ++scene.events;
    shelf_give_begins(&scene.shelf, number);
    by(&scene.waitq, thing);
    shelf_give_ends(&scene.shelf);
}

static void
give(int *thing)
{
    give_by(thing, walpool__waitq_give);
}

static int64_t
longest_window(void)
{
    int64_t window = scene.customer_count * (int64_t)WINDOW_EACH_NS;

    return window < WINDOW_NS ? WINDOW_NS : window;
}

/* Was `before` in line when `after` came, and could only be passed by him in
 * the first millisecond, or not at all if that one stood in line, too? But who
 * waits for nothing may pass while a gate is shut. */
static bool
has_precedence(const struct visit *before, const struct visit *after)
{
    if (after->beside_gate && after->call.timeout_ms == 0)
        return false;
    return before->in_line != 0 && before->in_line < after->came &&
           (after->waited ||
            before->in_line_ns + longest_window() <= after->came_ns);
}

/* Did he still stand in line, entitled to the next thing, at that event? */
static bool
still_waited(const struct visit *visit, const struct visit *at)
{
    if (visit->thing >= 0)
        return visit->given > at->left;
    if (visit->call.stopped == WALPOOL_TIMEOUT)
        return visit->call.deadline_ns > at->left_ns;
    return visit->ticket->cancelled_at > at->left;
}

static void
check_order(void)
{
    for (int i = 0; i < scene.visit_count; i++)
        for (int k = 0; k < scene.visit_count; k++) {
            const struct visit *winner = &scene.visits[i];
            const struct visit *loser = &scene.visits[k];
            SIM_CHECK(winner->thing < 0 || !has_precedence(loser, winner) ||
                          !still_waited(loser, winner),
                      "visit %d was overtaken by visit %d after %lld us in "
                      "line", k, i,
                      (long long)(winner->came_ns - loser->in_line_ns) / 1000);
        }
}

/* ------------------------------------------------------------------- looking */

static void
look_when_quiet(void *unused)
{
    (void)unused;
    for (int i = 0; i < scene.visit_count; i++)
        if (!scene.visits[i].over)
            ticket_check_asleep(scene.visits[i].ticket, &scene.visits[i].call);
    shelf_look_when_quiet(&scene.shelf);
}

/* ------------------------------------------------------------------- threads */

static void
visit_often(void *arg)
{
    const struct customer *me = arg;
    for (int i = 0; i < me->rounds; i++) {
        int *thing = take(me->ticket, me->timeout_ms[i]);
        if (thing == NULL)
            continue;
        if (me->keep_ns[i] > 0)
            sim_nap_ns(me->keep_ns[i]);
        give_by(thing, walpool__waitq_pocket);
    }
}

static void
cancel(void *arg)
{
    struct ticket *ticket = arg;
    sim_nap_ns((int64_t)sim_choose(4) * 400000);
    ticket_cancel(ticket, ++scene.events);
}

static void
cancel_now(void *ticket)
{
    ticket_cancel(ticket, ++scene.events);
}

/* As the checkpointer does: take what is free, whoever waits. */
static void
look_for_free(void *unused)
{
    (void)unused;
    for (int i = 0; i < 2; i++) {
        int *thing;
        shelf_try_begins(&scene.shelf);
        thing = walpool__waitq_try(&scene.waitq);
        shelf_try_ends(&scene.shelf,
                       thing != NULL ? (int)(thing - scene.things) : -1);
        sim_nap_ns(300000);
        if (thing != NULL)
            give(thing);
    }
}

static bool
drain(int64_t deadline_ns)
{
    bool drained;
    shelf_drain_begins(&scene.shelf);
    drained = walpool__waitq_drain(&scene.waitq, deadline_ns);
    shelf_drain_ends(&scene.shelf, drained);
    SIM_CHECK(drained || sim_now_ns() >= deadline_ns,
              "a close gives up before its deadline");
    return drained;
}

static void
reopen(void)
{
    shelf_reopen_begins(&scene.shelf);
    walpool__waitq_reopen(&scene.waitq);
    shelf_reopen_ends(&scene.shelf);
}

/* As a checkpoint does that readers are in the way of. */
static void
hold_for_a_while(void *unused)
{
    int64_t deadline_ns;
    bool home;
    (void)unused;
    sim_nap_ns((int64_t)sim_choose(2) * 300000);
    deadline_ns = sim_now_ns() + (int64_t)sim_choose(3) * MS;
    shelf_hold_begins(&scene.shelf);
    home = walpool__waitq_hold(&scene.waitq, deadline_ns);
    shelf_hold_ends(&scene.shelf, home);
    SIM_CHECK(home || sim_now_ns() >= deadline_ns,
              "a gate gives up before its deadline");
    sim_nap_ns((int64_t)sim_choose(2) * 1500000);
    walpool__waitq_release(&scene.waitq);
    shelf_release_ends(&scene.shelf);
}

static const int64_t patience_ms[] = {0, 2, -1};

static int64_t
deadline_after(int64_t ms)
{
    return ms < 0 ? SIM_NEVER : sim_now_ns() + ms * MS;
}

static void
close_for_a_while(void *patience)
{
    if (!drain(deadline_after(*(const int64_t *)patience)))
        return;
    sim_nap_ns(MS);
    reopen();
}

/* -------------------------------------------------------------------- scenes */

static void
begin(int things)
{
    void *items[SHELF_THINGS];
    memset(&scene, 0, sizeof scene);
    for (int i = 0; i < things; i++)
        items[i] = &scene.things[i];
    SIM_CHECK(walpool__waitq_init(&scene.waitq, items, things), "no memory");
    shelf_init(&scene.shelf, &scene.waitq, things);
    sim_on_step(shelf_look_at_step, &scene.shelf);
    sim_on_quiet(look_when_quiet, NULL);
}

static struct customer *
invite(const struct customer *wishes)
{
    struct customer *customer = &scene.customers[scene.customer_count];
    *customer = *wishes;
    customer->name[0] = (char)('A' + scene.customer_count++);
    sim_spawn(customer->name, 0, visit_often, customer);
    return customer;
}

/* Everything is home, and nobody was overtaken. */
static void
end(void)
{
    sim_join_all();
    if (!scene.shelf.closed)
        SIM_CHECK(drain(0), "it cannot be closed although everything is home");
    check_order();
    for (int i = 0; i < CUSTOMERS; i++)
        ticket_close(&scene.tickets[i]);
    sim_on_step(NULL, NULL);
    sim_on_quiet(NULL, NULL);
    walpool__waitq_finish(&scene.waitq);
}

void
scene_waitq_crowd(void)
{
    static const int64_t timeouts[] = {0, 1, 3, -1, -1};
    static const int64_t keeps[] = {0, 0, 300000, MS, 2500000};
    begin(1 + (int)sim_choose(3));
    for (int n = 2 + (int)sim_choose(4); n > 0; n--) {
        struct customer wishes = {.rounds = 1 + (int)sim_choose(3)};
        for (int i = 0; i < wishes.rounds; i++) {
            wishes.timeout_ms[i] = timeouts[sim_choose(5)];
            wishes.keep_ns[i] = keeps[sim_choose(5)];
        }
        if (sim_choose(3) == 0) {
            wishes.ticket = &scene.tickets[scene.customer_count];
            ticket_open(wishes.ticket);
            sim_spawn("canceller", 0, cancel, wishes.ticket);
        }
        invite(&wishes);
    }
    if (sim_choose(3) == 0)
        sim_spawn("looker", 0, look_for_free, NULL);
    if (sim_choose(3) == 0)
        sim_spawn("gate", 0, hold_for_a_while, NULL);
    if (sim_choose(2) == 0)
        sim_spawn("closer", 0, close_for_a_while,
                  (void *)&patience_ms[sim_choose(3)]);
    end();
}

/* Nobody is kept from running: how long can a wait be? The things that are
 * before him in line, and those who barged in before he had waited for long. */
void
scene_waitq_bound(void)
{
    const int64_t keep_ns = (int64_t)sim_choose(3) * 400000;
    sim_set_prompt();
    begin(1 + (int)sim_choose(2));
    for (int n = 3 + (int)sim_choose(4); n > 0; n--)
        invite(&(struct customer){
            .rounds = 4, .timeout_ms = {-1, -1, -1, -1},
            .keep_ns = {keep_ns, keep_ns, keep_ns / 2, keep_ns}});
    end();
    for (int i = 0; i < scene.visit_count; i++) {
        const struct visit *visit = &scene.visits[i];
        int64_t waited_ns = visit->left_ns - visit->came_ns;
        SIM_CHECK(waited_ns <=
                      longest_window() + (scene.customer_count + 1) * keep_ns,
                  "visit %d waited for %lld us", i,
                  (long long)waited_ns / 1000);
    }
}

/* --------------------------------------------- small ones, searched completely */

void
scene_waitq_line(void)
{
    static const int64_t timeouts[] = {0, 1, -1};
    begin(1);
    invite(&(struct customer){
        .rounds = 1, .timeout_ms = {-1}, .keep_ns = {MS}});
    invite(&(struct customer){.rounds = 1, .timeout_ms = {-1}});
    invite(&(struct customer){
        .rounds = 1, .timeout_ms = {timeouts[sim_choose(3)]}});
    end();
}

void
scene_waitq_two_things(void)
{
    begin(2);
    for (int i = 0; i < 3; i++)
        invite(&(struct customer){
            .rounds = 1, .timeout_ms = {-1}, .keep_ns = {(1 + i) * MS / 2}});
    invite(&(struct customer){.rounds = 1, .timeout_ms = {-1}});
    end();
}

void
scene_waitq_cancel(void)
{
    begin(1);
    invite(&(struct customer){
        .rounds = 1, .timeout_ms = {-1}, .keep_ns = {MS}});
    ticket_open(&scene.tickets[1]);
    invite(&(struct customer){
        .rounds = 1, .timeout_ms = {-1}, .ticket = &scene.tickets[1]});
    invite(&(struct customer){.rounds = 1, .timeout_ms = {-1}});
    sim_spawn("canceller", 0, cancel_now, &scene.tickets[1]);
    end();
}

void
scene_waitq_close(void)
{
    begin(1);
    invite(&(struct customer){
        .rounds = 1, .timeout_ms = {-1}, .keep_ns = {MS}});
    invite(&(struct customer){.rounds = 1, .timeout_ms = {1}});
    sim_spawn("closer", 0, close_for_a_while,
              (void *)&patience_ms[sim_choose(3)]);
    end();
}

void
scene_waitq_gate(void)
{
    begin(2);
    invite(&(struct customer){
        .rounds = 1, .timeout_ms = {-1}, .keep_ns = {MS}});
    invite(&(struct customer){.rounds = 1, .timeout_ms = {-1}});
    sim_spawn("gate", 0, hold_for_a_while, NULL);
    end();
}

/* All is home, and who waits for the gate is all that a close waits for. */
void
scene_waitq_gate_close(void)
{
    begin(1);
    invite(&(struct customer){.rounds = 1, .timeout_ms = {1}});
    sim_spawn("gate", 0, hold_for_a_while, NULL);
    sim_spawn("closer", 0, close_for_a_while, (void *)&patience_ms[2]);
    end();
}

void
scene_waitq_early_ends(void)
{
    sim_set_early_ends();
    scene_waitq_line();
}
