/* Scenes of the writer: processes with several threads each that write, through
 * slot and turn, as the real ones do; they give up, cancel, close, and crash.
 *
 * Does: what a program does around its transactions, without these.
 * Must not: look into writer, queue or turn.
 * Lock: none, there is one real thread. */
#include "scenes.h"

#include <string.h>

#include "kernel.h"
#include "shelf.h"
#include "ticket.h"
#include "writer.h"

#define MS 1000000
#define STREAK_NS (MS + 50000) /* see scene_turn.c */

enum { HOUSES = 4, AUTHORS = 4, ROUNDS = 3 };

struct author {
    char name[8];
    int64_t timeout_ms[ROUNDS], keep_ns[ROUNDS];
    int64_t after_ns; /* when it begins */
    int rounds;
    struct ticket *ticket;
    bool leases; /* the slot is its thread's, which must not ask again */

    struct house *house;
    struct walpool__call call;
    bool takes;
};

/* A process. */
struct house {
    int process, author_count, authors_left;
    struct author authors[AUTHORS];
    struct walpool__writer writer;
    struct walpool__stats stats;
    struct walpool__conn conn;
    struct walpool__ownlocks ownlocks;
    struct shelf shelf;
    bool open, lawful, hasty; /* closes as soon as all are done */
    bool keeper_is_late;      /* it finds the turn idle, and comes at the close */
    int64_t close_after_ns, patience_ms; /* 0: only when all are done */
};

static struct {
    struct house houses[HOUSES];
    struct ticket ticket;
    int count;
    int64_t bound_ns; /* 0: waiting has none */
    int idler; /* the process that has the turn and does not write, or -1 */
    int64_t idle_ns; /* since when that has been seen */
} scene;

/* ------------------------------------------------------------------- looking */

static void
look_at_author(struct house *house, const struct author *author)
{
    if (!author->takes)
        return;
    ticket_check_asleep(author->ticket, &author->call);
    if (author->call.phase != WALPOOL_PHASE_TURN)
        return;
    house->shelf.beyond++;
    SIM_CHECK(kernel_holder(WALPOOL__SIDELOCK_TURN) >= 0 ||
                  kernel_lets_others_in(house->process),
              "%s waits although nobody has the turn", author->name);
}

/* A process may keep the turn for its next write, but not for long. */
static void
look_at_holder(int holder, bool writes)
{
    if (holder != scene.idler || writes) {
        scene.idler = writes ? -1 : holder;
        scene.idle_ns = sim_now_ns();
    }
    SIM_CHECK(holder < 0 || writes ||
                  sim_now_ns() - scene.idle_ns <= STREAK_NS,
              "process %d keeps the turn and does not write", holder);
}

static void
look_when_quiet(void *unused)
{
    int holder = kernel_holder(WALPOOL__SIDELOCK_TURN);
    int next = kernel_holder(WALPOOL__SIDELOCK_QUEUE);
    bool writes = false;
    (void)unused;
    for (int i = 0; i < scene.count; i++) {
        struct house *house = &scene.houses[i];
        if (!house->open || sim_is_crashed(house->process))
            continue;
        house->shelf.beyond = 0;
        for (int k = 0; k < house->author_count; k++)
            look_at_author(house, &house->authors[k]);
        shelf_look_when_quiet(&house->shelf);
        writes |= house->process == holder && house->shelf.held > 0;
    }
    SIM_CHECK(next < 0 || kernel_waits(next, WALPOOL__SIDELOCK_TURN),
              "process %d is the next and does not wait", next);
    look_at_holder(holder, writes);
}

static void
look_at_step(void *unused)
{
    (void)unused;
    for (int i = 0; i < scene.count; i++) {
        struct house *house = &scene.houses[i];
        if (house->open && !sim_is_crashed(house->process))
            shelf_look_at_step(&house->shelf);
    }
}

/* ------------------------------------------------------------------- authors */

static void
begins_to_write(struct author *author)
{
    struct house *house = author->house;
    int holder = kernel_holder(WALPOOL__SIDELOCK_TURN);
    house->lawful = holder == house->process;
    scene.idler = -1;
    SIM_CHECK(house->conn.call == &author->call, "the call does not run");
    SIM_CHECK(house->lawful || sim_failed_starts(house->process) > 0,
              "%s writes without the turn", author->name);
    for (int i = 0; i < scene.count; i++) {
        const struct house *other = &scene.houses[i];
        SIM_CHECK(other == house || other->shelf.held == 0 ||
                      !other->lawful || !house->lawful ||
                      sim_is_crashed(other->process),
                  "processes %d and %d write", house->process, other->process);
    }
}

static void
check_refusal(const struct author *author, walpool_status status,
              const walpool_error *err, int mark)
{
    const struct walpool__call *call = &author->call;
    SIM_CHECK(status == call->stopped && err->status == (int32_t)status,
              "the call ends with %d and reports %d and %d", call->stopped,
              status, err->status);
    if (status != WALPOOL_CLOSED)
        SIM_CHECK(err->phase == (int32_t)call->phase &&
                      (call->phase == WALPOOL_PHASE_QUEUE ||
                       call->phase == WALPOOL_PHASE_TURN),
                  "the phase is %d and reported as %d", call->phase,
                  err->phase);
    ticket_check_stopped(author->ticket, call,
                         shelf_may_refuse(&author->house->shelf, mark));
}

static void
check_bound(const struct author *author, int setbacks)
{
    int64_t waited_ns = sim_now_ns() - author->call.started_ns;
    setbacks = kernel_setbacks(author->house->process) - setbacks;
    SIM_CHECK(scene.bound_ns == 0 ||
                  waited_ns <= scene.bound_ns * (1 + setbacks),
              "%s waited for %lld us", author->name,
              (long long)waited_ns / 1000);
}

/* True: may write. */
static bool
take(struct author *author, int64_t timeout_ms)
{
    struct house *house = author->house;
    int setbacks = kernel_setbacks(house->process);
    int mark;
    walpool_error err;
    walpool_status status;
    if (!ticket_begin(author->ticket, &author->call, timeout_ms, NULL, NULL))
        return false;
    mark = shelf_mark(&house->shelf);
    shelf_take_begins(&house->shelf);
    author->takes = true;
    status = walpool__writer_take(&house->writer, &author->call, &err);
    author->takes = false;
    shelf_take_ends(&house->shelf, status == WALPOOL_OK ? 0 : -1);
    if (status == WALPOOL_OK)
        begins_to_write(author);
    else
        check_refusal(author, status, &err, mark);
    check_bound(author, setbacks);
    walpool__call_end(&author->call);
    return status == WALPOOL_OK;
}

static void
ask_again(struct author *author)
{
    struct walpool__call call;
    walpool__writer_own(&author->house->writer, false);
    walpool__call_begin_own(&call, -1);
    SIM_CHECK(walpool__writer_take(&author->house->writer, &call, NULL) ==
                  WALPOOL_DEADLOCK,
              "%s waits for itself", author->name);
}

static void
write_often(void *arg)
{
    struct author *author = arg;
    struct house *house = author->house;
    if (author->after_ns > 0)
        sim_nap_ns(author->after_ns);
    for (int i = 0; i < author->rounds; i++) {
        if (!take(author, author->timeout_ms[i]))
            continue;
        if (author->leases)
            ask_again(author);
        if (author->keep_ns[i] > 0)
            sim_nap_ns(author->keep_ns[i]);
        shelf_give_begins(&house->shelf, 0);
        walpool__writer_give(&house->writer);
        shelf_give_ends(&house->shelf);
    }
    house->authors_left--;
}

/* -------------------------------------------------------------------- houses */

static bool
is_empty(const void *house)
{
    return ((const struct house *)house)->authors_left == 0;
}

/* For a while nobody here wants to write. */
static void
rest(void)
{
    for (int i = 0; i < 3; i++)
        sim_nap_ns(STREAK_NS * 2 / 3);
}

static bool
is_closing(const void *arg)
{
    const struct shelf *shelf = &((const struct house *)arg)->shelf;
    return shelf->draining || shelf->closed;
}

/* What the turn's keeper calls. */
static void
give_when_idle(void *arg)
{
    struct house *house = arg;
    struct shelf *shelf = &house->shelf;
    const struct sim_sleep sleep = {.what = "a close", .ready = is_closing,
                                    .arg = house, .deadline_ns = SIM_NEVER};
    bool must;
    int changes;
    if (house->keeper_is_late)
        sim_wait(&sleep);
    must = shelf_must_lend(shelf);
    changes = shelf->changes;
    walpool__writer_idle(&house->writer); /* nobody counts the slot as lent */
    must &= shelf->changes == changes;
    SIM_CHECK(!must || kernel_holder(WALPOOL__SIDELOCK_TURN) != house->process,
              "process %d keeps the turn and does not write", house->process);
    if (!shelf->closed)
        scene.idler = -1; /* if not now, it will be tried again */
}

/* As closing a database does, while calls may come: writes something on its
 * own, and lets go of what they need. */
static bool
close_writer(struct house *house, int64_t deadline_ns)
{
    bool drained;
    shelf_drain_begins(&house->shelf);
    drained = walpool__writer_drain(&house->writer, deadline_ns);
    shelf_drain_ends(&house->shelf, drained);
    if (!drained)
        return false;
    if (!house->hasty)
        rest();
    walpool__turn_close(house->writer.turn);
    house->writer.turn = NULL;
    house->writer.conn = NULL;
    return true;
}

static void
close_early(struct house *house)
{
    sim_nap_ns(house->close_after_ns);
    close_writer(house, house->patience_ms < 0
                            ? SIM_NEVER
                            : sim_now_ns() + house->patience_ms * MS);
}

static void
live(void *arg)
{
    struct house *house = arg;
    const struct sim_sleep sleep = {.what = "all threads of a process",
                                    .ready = is_empty, .arg = house,
                                    .deadline_ns = SIM_NEVER};
    SIM_CHECK(walpool__writer_init(&house->writer, &house->stats), "no memory");
    house->writer.conn = &house->conn;
    house->writer.ownlocks = &house->ownlocks;
    house->writer.turn = walpool__turn_open("db", &house->stats,
                                            give_when_idle, house);
    SIM_CHECK(house->writer.turn != NULL, "no turn");
    shelf_init(&house->shelf, &house->writer.queue, 1);
    house->open = true;
    house->authors_left = house->author_count;
    for (int i = 0; i < house->author_count; i++)
        sim_spawn(house->authors[i].name, house->process, write_often,
                  &house->authors[i]);
    if (house->close_after_ns > 0)
        close_early(house);
    while (!is_empty(house))
        sim_wait(&sleep);
    if (!house->hasty)
        rest();
    SIM_CHECK(house->shelf.closed || close_writer(house, 0),
              "it cannot be closed although everything is home");
    house->open = false;
    walpool__writer_finish(&house->writer);
}

static struct house *
build(void)
{
    struct house *house = &scene.houses[scene.count++];
    house->process = scene.count;
    return house;
}

static void
settle(struct house *house, const struct author *wishes)
{
    struct author *author = &house->authors[house->author_count++];
    *author = *wishes;
    author->house = house;
    memcpy(author->name, "P0A", 4);
    author->name[1] = (char)('0' + house->process);
    author->name[2] = (char)('A' + house->author_count - 1);
}

static void
cancel(void *unused)
{
    (void)unused;
    ticket_cancel(&scene.ticket, 1);
}

static void
crash(void *unused)
{
    (void)unused;
    sim_nap_ns((int64_t)sim_choose(4) * 400000);
    sim_crash(1);
}

/* -------------------------------------------------------------------- scenes */

static void
begin(void)
{
    memset(&scene, 0, sizeof scene);
    scene.idler = -1;
    sim_on_quiet(look_when_quiet, NULL);
    sim_on_step(look_at_step, NULL);
}

static void
play(void)
{
    for (int i = 0; i < scene.count; i++)
        sim_spawn("house", scene.houses[i].process, live, &scene.houses[i]);
    sim_join_all();
    ticket_close(&scene.ticket);
}

static struct author
any_author(void)
{
    static const int64_t timeouts[] = {0, 1, 3, -1, -1};
    static const int64_t keeps[] = {0, 0, 300000, MS, 2500000};
    struct author author = {.rounds = 1 + (int)sim_choose(ROUNDS),
                            .leases = sim_choose(3) == 0};
    for (int i = 0; i < author.rounds; i++) {
        author.timeout_ms[i] = timeouts[sim_choose(5)];
        author.keep_ns[i] = keeps[sim_choose(5)];
    }
    return author;
}

void
scene_writer_crowd(void)
{
    static const int64_t patience_ms[] = {0, 2, -1};
    begin();
    sim_set_thread_failures((int)sim_choose(6) - 4);
    if (sim_choose(3) == 0)
        ticket_open(&scene.ticket);
    for (int n = 1 + (int)sim_choose(3); n > 0; n--) {
        struct house *house = build();
        if (sim_choose(4) == 0) {
            house->close_after_ns = 1 + (int64_t)sim_choose(4) * 700000;
            house->patience_ms = patience_ms[sim_choose(3)];
        }
        for (int k = 1 + (int)sim_choose(3); k > 0; k--) {
            struct author wishes = any_author();
            if (scene.ticket.token != NULL && scene.count > 1)
                wishes.ticket = &scene.ticket;
            settle(house, &wishes);
        }
    }
    if (scene.ticket.token != NULL)
        sim_spawn("canceller", 0, cancel, NULL);
    if (sim_choose(4) == 0)
        sim_spawn("crash", 0, crash, NULL);
    play();
}

/* Nobody is kept from running: each thread before us in the queue, and those
 * who barged in, may have to wait for one streak of each process. */
void
scene_writer_bound(void)
{
    const int64_t keep_ns = 100000 + (int64_t)sim_choose(3) * 300000;
    const int houses = 1 + (int)sim_choose(3), authors = 1 + (int)sim_choose(3);
    sim_set_prompt();
    begin();
    scene.bound_ns = (authors + 1) * houses * (STREAK_NS + keep_ns) + MS;
    for (int i = 0; i < houses; i++) {
        struct house *house = build();
        for (int k = 0; k < authors; k++)
            settle(house, &(struct author){
                .rounds = ROUNDS, .timeout_ms = {-1, -1, -1},
                .keep_ns = {keep_ns, keep_ns / 2, keep_ns}});
    }
    play();
}

/* --------------------------------------------- small ones, searched completely */

static const struct author writes = {.rounds = 1, .timeout_ms = {-1}};

/* A thread gives slot and turn while the one that it gives them to gives up:
 * the turn must not stay with a process in which nobody writes. */
void
scene_writer_kept_turn(void)
{
    struct house *house;
    begin();
    house = build();
    settle(house, &writes);
    settle(house, &(struct author){.rounds = 1, .timeout_ms = {1}});
    play();
}

/* The turn's keeper finds it idle just when it is closed. */
void
scene_writer_kept_turn_hasty(void)
{
    struct house *house;
    begin();
    house = build();
    house->hasty = true;
    settle(house, &writes);
    settle(house, &(struct author){.rounds = 1, .timeout_ms = {1}});
    play();
}

void
scene_writer_kept_turn_cancel(void)
{
    struct house *house;
    begin();
    ticket_open(&scene.ticket);
    house = build();
    settle(house, &writes);
    settle(house, &(struct author){
        .rounds = 1, .timeout_ms = {-1}, .ticket = &scene.ticket});
    sim_spawn("canceller", 0, cancel, NULL);
    play();
}

void
scene_writer_kept_turn_close(void)
{
    struct house *house;
    begin();
    house = build();
    house->close_after_ns = 1;
    house->patience_ms = -1;
    settle(house, &(struct author){
        .rounds = 1, .timeout_ms = {-1}, .keep_ns = {MS / 2}});
    settle(house, &(struct author){.rounds = 1, .timeout_ms = {1}});
    play();
}

/* The keeper finds the turn idle, and is late: the next write gives it to another
 * process, the one after it asks for it in vain, and the close must not leave
 * the keeper behind as one that only waits in the kernel. */
void
scene_writer_late_keeper(void)
{
    static const struct author often = {.rounds = ROUNDS,
                                        .timeout_ms = {-1, -1, -1}};
    struct house *house;
    sim_set_prompt();
    begin();
    house = build();
    house->hasty = house->keeper_is_late = true;
    settle(house, &often);
    settle(house, &writes);
    settle(house, &(struct author){
        .rounds = 2, .timeout_ms = {-1, 1}, .after_ns = MS + 40000});
    for (int i = 0; i < 2; i++) /* one writes, and one is the next */
        settle(build(), &(struct author){
            .rounds = 1, .timeout_ms = {-1}, .keep_ns = {3 * MS},
            .after_ns = MS / 2});
    play();
}
