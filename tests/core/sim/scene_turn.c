/* Scenes of the turn: processes that write one after the other, give up,
 * close, and crash. Each has one thread that takes the turn, as whoever has
 * the writer slot does, and the keeper that the turn starts by itself.
 *
 * Does: what processes may do with their turns, and compares with the locks
 * of the file.
 * Must not: look into a turn.
 * Lock: none, there is one real thread. */
#include "scenes.h"

#include <string.h>

#include "clock.h"
#include "kernel.h"
#include "ticket.h"
#include "turn.h"

#define MS 1000000
/* For so long a process may go on before the others: its streak, whose last
 * write may be followed closely by one that does not come. */
#define STREAK_NS (MS + 50000)

enum { PARTIES = 6, ROUNDS = 5 };

struct party {
    char name[8];
    int process;
    int64_t timeout_ms[ROUNDS], keep_ns[ROUNDS], rest_ns[ROUNDS];
    int rounds;
    bool keeps; /* gives with another thread waiting, that takes it at once */
    struct ticket *ticket;

    struct ticket *under; /* the ticket of the take under way */
    struct walpool__turn *turn;
    struct walpool__stats stats;
    struct walpool__call call;
    bool slot; /* taken, by the thread that writes or to give the turn on */
    bool takes, has;
    bool lawful; /* has the lock, and not just no keeper to wait for it */
    bool too_long;
};

static struct {
    struct party parties[PARTIES];
    struct ticket ticket;
    int64_t longest_keep_ns;
    int count;
    int idler; /* the process that has the turn and does not write, or -1 */
    int64_t idle_ns; /* since when that has been seen */
} scene;

/* ------------------------------------------------------------------- looking */

static void
look_at_callers(void)
{
    for (int i = 0; i < scene.count; i++) {
        const struct party *party = &scene.parties[i];
        if (!party->takes || sim_is_crashed(party->process))
            continue;
        ticket_check_asleep(party->under, &party->call);
        SIM_CHECK(kernel_holder(WALPOOL__SIDELOCK_TURN) >= 0 ||
                      kernel_lets_others_in(party->process),
                  "%s waits although nobody has the turn", party->name);
    }
}

/* A process may keep the turn for its next write, but not for long. */
static void
look_at_holder(int holder)
{
    for (int i = 0; i < scene.count; i++)
        if (scene.parties[i].process == holder && scene.parties[i].has)
            return;
    if (holder != scene.idler) {
        scene.idler = holder;
        scene.idle_ns = sim_now_ns();
    }
    SIM_CHECK(holder < 0 || sim_now_ns() - scene.idle_ns <= STREAK_NS,
              "process %d keeps the turn and does not write", holder);
}

static void
look_when_quiet(void *unused)
{
    int next = kernel_holder(WALPOOL__SIDELOCK_QUEUE);
    (void)unused;
    look_at_callers();
    SIM_CHECK(next < 0 || kernel_waits(next, WALPOOL__SIDELOCK_TURN),
              "process %d is the next and does not wait", next);
    look_at_holder(kernel_holder(WALPOOL__SIDELOCK_TURN));
}

/* ------------------------------------------------------------------- parties */

static void
gets_turn(struct party *party, bool may_lack_lock)
{
    party->has = true;
    scene.idler = -1;
    party->lawful = kernel_holder(WALPOOL__SIDELOCK_TURN) == party->process;
    sim_note("  has the turn%s", party->lawful ? "" : ", without the lock");
    SIM_CHECK(party->lawful || may_lack_lock, "%s has the turn without the lock", party->name);
    for (int i = 0; i < scene.count; i++) {
        const struct party *other = &scene.parties[i];
        SIM_CHECK(other == party || !other->has || !other->lawful ||
                      !party->lawful || sim_is_crashed(other->process),
                  "%s and %s have the turn", party->name, other->name);
    }
}

/* Each process that writes may be before us for one streak, whose last
 * transaction may end after it; and once more when somebody slips in between
 * a wake-up of the first in line and its try. */
static bool
is_too_long(int64_t waited_ns, int setbacks)
{
    return waited_ns >
           (1 + setbacks) * scene.count * (STREAK_NS + scene.longest_keep_ns);
}

/* `kept`: from the thread before us, of this process. */
static bool
take(struct party *party, int64_t timeout_ms, bool kept)
{
    int failed_before = sim_failed_starts(party->process);
    int setbacks = kernel_setbacks(party->process);
    bool lawful_before = party->lawful;
    int64_t began_ns = sim_now_ns();
    bool mine;
    party->under = kept ? NULL : party->ticket;
    if (!ticket_begin(party->under, &party->call, timeout_ms, NULL, NULL))
        return false;
    party->takes = true;
    mine = walpool__turn_take(party->turn, &party->call);
    party->takes = false;
    party->too_long |=
        is_too_long(sim_now_ns() - began_ns,
                    kernel_setbacks(party->process) - setbacks);
    if (mine) {
        gets_turn(party,
                  (kept && !lawful_before) ||
                      sim_failed_starts(party->process) > failed_before);
    } else {
        sim_note("  goes without the turn");
        SIM_CHECK(party->call.phase == WALPOOL_PHASE_TURN, "the phase is %d",
                  party->call.phase);
        ticket_check_stopped(party->under, &party->call, false);
    }
    walpool__call_end(&party->call);
    return mine;
}

static void
rest(struct party *party, bool next_waits)
{
    bool stays;
    party->has = false;
    stays = walpool__turn_stay(party->turn, next_waits, walpool__clock_now());
    sim_note("  %s the turn%s", stays ? "keeps" : "gives",
             next_waits ? ", another waits" : "");
    SIM_CHECK(!stays ||
                  kernel_holder(WALPOOL__SIDELOCK_TURN) == party->process,
              "%s keeps a turn that it has not", party->name);
    if (!stays)
        walpool__turn_give(party->turn);
}

static bool
slot_is_free(const void *party)
{
    return !((const struct party *)party)->slot;
}

static void
give_when_idle(void *arg)
{
    struct party *party = arg;
    if (party->slot) {
        scene.idler = -1; /* it will be tried again */
        return;
    }
    party->slot = true;
    sim_note("  is idle");
    walpool__turn_give(party->turn);
    party->slot = false;
}

static void
write_with_slot(struct party *party, int round)
{
    if (!take(party, party->timeout_ms[round], false))
        return;
    if (party->keep_ns[round] > 0)
        sim_nap_ns(party->keep_ns[round]);
    if (party->keeps) { /* the other thread takes it and gives it on */
        rest(party, true);
        if (!take(party, -1, true))
            return;
    }
    rest(party, false);
}

static void
write_round(struct party *party, int round)
{
    const struct sim_sleep sleep = {.what = "the slot", .ready = slot_is_free,
                                    .arg = party, .deadline_ns = SIM_NEVER};
    while (party->slot)
        sim_wait(&sleep);
    party->slot = true;
    write_with_slot(party, round);
    party->slot = false;
}

static void
write_often(void *arg)
{
    struct party *party = arg;
    party->turn = walpool__turn_open("db", &party->stats, give_when_idle, party);
    SIM_CHECK(party->turn != NULL, "no turn");
    for (int i = 0; i < party->rounds; i++) {
        write_round(party, i);
        if (party->rest_ns[i] > 0)
            sim_nap_ns(party->rest_ns[i]);
    }
    sim_note("  closes");
    walpool__turn_close(party->turn);
}

static void
invite(const struct party *wishes)
{
    struct party *party = &scene.parties[scene.count++];
    *party = *wishes;
    party->process = scene.count;
    memcpy(party->name, "P0", 3);
    party->name[1] = (char)('0' + party->process);
    sim_spawn(party->name, party->process, write_often, party);
}

static void
cancel(void *unused)
{
    (void)unused;
    ticket_cancel(&scene.ticket, 1);
}

static void
crash(void *process)
{
    sim_nap_ns((int64_t)sim_choose(4) * 400000);
    sim_crash(*(const int *)process);
}

/* -------------------------------------------------------------------- scenes */

static void
begin(void)
{
    memset(&scene, 0, sizeof scene);
    scene.idler = -1;
    sim_on_quiet(look_when_quiet, NULL);
}

/* A while later all keepers are done, too; a newcomer finds the turn free. */
static void
end(void)
{
    struct party late = {.name = "late", .process = 0};
    sim_join_all();
    sim_set_prompt();
    for (int i = 0; i < 4; i++)
        sim_nap_ns(STREAK_NS * 2 / 3);
    late.turn = walpool__turn_open("db", &late.stats, give_when_idle, &late);
    SIM_CHECK(take(&late, 0, false), "the turn cannot be had although all are gone");
    walpool__turn_give(late.turn);
    walpool__turn_close(late.turn);
    ticket_close(&scene.ticket);
}

static struct party
any_party(void)
{
    static const int64_t timeouts[] = {0, 1, 2, 5, -1, -1};
    static const int64_t times[] = {0, 0, 300000, MS, 2500000};
    struct party party = {.rounds = 1 + (int)sim_choose(ROUNDS),
                          .keeps = sim_choose(4) == 0};
    for (int i = 0; i < party.rounds; i++) {
        party.timeout_ms[i] = timeouts[sim_choose(6)];
        party.keep_ns[i] = times[sim_choose(5)];
        party.rest_ns[i] = times[sim_choose(5)];
    }
    return party;
}

void
scene_turn_crowd(void)
{
    static const int victim = 1;
    begin();
    sim_set_thread_failures((int)sim_choose(4) - 1);
    if (sim_choose(3) == 0) {
        ticket_open(&scene.ticket);
        sim_spawn("canceller", 0, cancel, NULL);
    }
    for (int n = 2 + (int)sim_choose(3); n > 0; n--) {
        struct party wishes = any_party();
        if (scene.ticket.token != NULL && scene.count > 0)
            wishes.ticket = &scene.ticket;
        invite(&wishes);
    }
    if (sim_choose(4) == 0)
        sim_spawn("crash", 0, crash, (void *)&victim);
    end();
}

/* Nobody is kept from running: waiting has a bound. */
void
scene_turn_bound(void)
{
    const int64_t keep_ns = 100000 + (int64_t)sim_choose(3) * 300000;
    sim_set_prompt();
    begin();
    scene.longest_keep_ns = keep_ns;
    for (int n = 2 + (int)sim_choose(3); n > 0; n--) {
        struct party wishes = {.rounds = ROUNDS, .keeps = sim_choose(2) == 0};
        for (int k = 0; k < ROUNDS; k++) {
            wishes.timeout_ms[k] = -1;
            wishes.keep_ns[k] = keep_ns;
        }
        invite(&wishes);
    }
    end();
    for (int i = 0; i < scene.count; i++)
        SIM_CHECK(!scene.parties[i].too_long, "%s waited for too long",
                  scene.parties[i].name);
}

/* --------------------------------------------- small ones, searched completely */

static const struct party writer = {.rounds = 1, .timeout_ms = {-1},
                                    .keep_ns = {2 * MS}};
static const struct party follower = {.rounds = 1, .timeout_ms = {-1}};

void
scene_turn_two(void)
{
    begin();
    invite(&writer);
    invite(&follower);
    end();
}

void
scene_turn_give_up(void)
{
    begin();
    invite(&writer);
    invite(&(struct party){.rounds = 2, .timeout_ms = {1, -1}});
    end();
}

void
scene_turn_cancel(void)
{
    begin();
    ticket_open(&scene.ticket);
    invite(&writer);
    invite(&(struct party){
        .rounds = 1, .timeout_ms = {-1}, .ticket = &scene.ticket});
    sim_spawn("canceller", 0, cancel, NULL);
    end();
}

void
scene_turn_close(void)
{
    begin();
    invite(&writer);
    invite(&(struct party){.rounds = 1, .timeout_ms = {(int64_t)sim_choose(2)}});
    end();
}

static void
crash_now(void *process)
{
    sim_crash(*(const int *)process);
}

void
scene_turn_crash(void)
{
    static const int victims[] = {1, 2};
    begin();
    invite(&writer);
    invite(&follower);
    sim_spawn("crash", 0, crash_now, (void *)&victims[sim_choose(2)]);
    end();
}

/* As a close does that comes to nothing: what was kept meanwhile is looked after
 * again. */
static void
close_in_vain(void *arg)
{
    struct party *party = arg;
    party->turn = walpool__turn_open("db", &party->stats, give_when_idle, party);
    SIM_CHECK(party->turn != NULL, "no turn");
    SIM_CHECK(take(party, -1, false), "the turn cannot be had");
    rest(party, true);
    walpool__turn_keep_none(party->turn, true);
    sim_nap_ns(MS + 20000);
    walpool__turn_keep_none(party->turn, false);
    for (int i = 0; i < 3; i++)
        sim_nap_ns(STREAK_NS * 2 / 3);
    walpool__turn_close(party->turn);
}

void
scene_turn_close_in_vain(void)
{
    struct party *party = &scene.parties[0];
    sim_set_prompt();
    begin();
    scene.count = 1;
    *party = (struct party){.name = "P1", .process = 1};
    sim_spawn(party->name, party->process, close_in_vain, party);
    end();
}

void
scene_turn_no_keeper(void)
{
    begin();
    sim_set_thread_failures(1);
    invite(&writer);
    invite(&follower);
    end();
}
