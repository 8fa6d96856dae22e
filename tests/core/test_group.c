/* group: who leads, who is taken, who leaves; nobody is lost. */
#include "group.h"

#include <sched.h>

#include "inside.h"

static struct walpool__group group;

/* One who joins on a thread of his own, and what became of him. */
struct guest {
    pthread_t thread;
    struct walpool__group_member member;
    struct walpool__call call;
    int64_t timeout_ms;
    walpool_token *token;
    void (*leave)(void *);
    bool joined, stayed;
    atomic_bool in;   /* the line */
    atomic_bool back; /* of the wait */
    atomic_bool may_go;
};

static void *
visit(void *arg)
{
    struct guest *me = arg;
    walpool_call asked = WALPOOL_CALL_INIT;
    asked.timeout_ms = me->timeout_ms;
    asked.token = me->token;
    asked.leave = me->leave;
    asked.leave_data = me;
    CHECK_INT(walpool__call_begin(&me->call, &asked, -1, NULL), WALPOOL_OK);
    me->joined = walpool__group_join(&group, &me->member, &me->call);
    atomic_store(&me->in, true);
    me->stayed = me->joined &&
                 walpool__group_wait(&group, &me->member, &me->call);
    atomic_store(&me->back, true);
    while (!atomic_load(&me->may_go))
        sched_yield();
    if (me->stayed)
        walpool__group_leave(&group, &me->member);
    walpool__call_end(&me->call);
    return NULL;
}

static int
members(void)
{
    walpool__mutex_lock(&group.mutex);
    int count = group.members;
    walpool__mutex_unlock(&group.mutex);
    return count;
}

/* Have one join, and see him in. */
static void
join(struct guest *guest, int64_t timeout_ms)
{
    guest->timeout_ms = timeout_ms;
    CHECK_INT(pthread_create(&guest->thread, NULL, visit, guest), 0);
    CHECK_EVENTUALLY(atomic_load(&guest->in));
}

static void
see_back(struct guest *guest)
{
    CHECK_EVENTUALLY(atomic_load(&guest->back));
}

static void
go(struct guest *guest)
{
    atomic_store(&guest->may_go, true);
    CHECK_INT(pthread_join(guest->thread, NULL), 0);
}

static bool
leads(struct guest *guest)
{
    see_back(guest);
    return guest->stayed && guest->member.state == WALPOOL__GROUP_LEADS;
}

static bool
is_done(struct guest *guest)
{
    see_back(guest);
    return guest->stayed && guest->member.state == WALPOOL__GROUP_DONE;
}

/* As the leader's thread would: here it is the test's. */
static bool
takes(struct guest *guest)
{
    return walpool__group_take(&group, false) == &guest->member;
}

static bool
takes_nobody(void)
{
    return walpool__group_take(&group, false) == NULL;
}

static void
answer(struct guest *guest)
{
    walpool__group_answer(&group, &guest->member);
}

static void
begin(void)
{
    walpool__group_init(&group);
}

static void
end(void)
{
    CHECK_INT(members(), 0);
    CHECK_INT(walpool__group_waiting(&group), 0);
    CHECK(!group.led);
    walpool__group_finish(&group);
}

TEST(group__one_alone_leads_and_so_does_who_comes_after_him)
{
    struct guest guests[2] = {0};
    begin();
    join(&guests[0], -1);
    CHECK(leads(&guests[0]));
    CHECK(takes(&guests[0]));
    CHECK(takes_nobody());
    join(&guests[1], -1); /* while the first is still at work */
    CHECK(leads(&guests[1]));
    CHECK(takes(&guests[1]));
    CHECK(takes_nobody());
    go(&guests[0]);
    go(&guests[1]);
    end();
}

TEST(group__a_leader_takes_all_in_their_order)
{
    struct guest guests[4] = {0};
    begin();
    for (int i = 0; i < 3; i++)
        join(&guests[i], -1);
    CHECK(leads(&guests[0]));
    CHECK_INT(walpool__group_waiting(&group), 2);
    for (int i = 0; i < 3; i++)
        CHECK(takes(&guests[i]));
    CHECK_INT(walpool__group_waiting(&group), 0);
    join(&guests[3], -1); /* one more, in time */
    CHECK_INT(walpool__group_waiting(&group), 1);
    CHECK(takes(&guests[3]));
    CHECK(takes_nobody());
    for (int i = 1; i < 4; i++) {
        CHECK(!atomic_load(&guests[i].back));
        answer(&guests[i]);
        CHECK(is_done(&guests[i]));
    }
    for (int i = 0; i < 4; i++)
        go(&guests[i]);
    end();
}

TEST(group__the_oldest_that_is_left_leads_next)
{
    struct guest guests[3] = {0};
    begin();
    for (int i = 0; i < 3; i++)
        join(&guests[i], -1);
    CHECK(leads(&guests[0]));
    CHECK(takes(&guests[0]));
    CHECK(walpool__group_take(&group, true) == NULL);
    CHECK(leads(&guests[1]));
    CHECK(!atomic_load(&guests[2].back));
    CHECK(takes(&guests[1]));
    CHECK(takes(&guests[2]));
    CHECK(takes_nobody());
    answer(&guests[2]);
    for (int i = 0; i < 3; i++)
        go(&guests[i]);
    end();
}

TEST(group__a_leader_that_gets_nothing_hands_the_lead_on)
{
    struct guest guests[2] = {0};
    begin();
    join(&guests[0], -1);
    join(&guests[1], -1);
    CHECK(leads(&guests[0]));
    go(&guests[0]); /* it did not get the writer */
    CHECK(leads(&guests[1]));
    go(&guests[1]);
    end();
}

TEST(group__who_waits_leaves_at_his_deadline)
{
    struct guest guests[3] = {0};
    begin();
    join(&guests[0], -1);
    join(&guests[1], 20);
    join(&guests[2], -1);
    see_back(&guests[1]);
    CHECK(!guests[1].stayed);
    CHECK_INT(guests[1].call.stopped, WALPOOL_TIMEOUT);
    CHECK_INT(guests[1].call.phase, WALPOOL_PHASE_QUEUE);
    go(&guests[1]);
    CHECK_INT(members(), 2);
    CHECK(takes(&guests[0]));
    CHECK(takes(&guests[2]));
    CHECK(takes_nobody());
    answer(&guests[2]);
    go(&guests[0]);
    go(&guests[2]);
    end();
}

TEST(group__who_waits_leaves_when_he_is_cancelled)
{
    struct guest guests[2] = {{.token = NULL}};
    begin();
    guests[1].token = walpool_token_open(&err);
    join(&guests[0], -1);
    join(&guests[1], -1);
    CHECK_OK(walpool_cancel(guests[1].token, &err));
    see_back(&guests[1]);
    CHECK(!guests[1].stayed);
    CHECK_INT(guests[1].call.stopped, WALPOOL_CANCELLED);
    go(&guests[1]);
    CHECK(takes(&guests[0]));
    CHECK(takes_nobody());
    go(&guests[0]);
    walpool_token_close(guests[1].token);
    end();
}

TEST(group__who_is_taken_stays_whatever_happens)
{
    struct guest guests[3] = {{.token = NULL}};
    begin();
    guests[1].token = walpool_token_open(&err);
    join(&guests[0], -1);
    join(&guests[1], 50);
    CHECK(takes(&guests[0]));
    CHECK(takes(&guests[1]));
    CHECK_OK(walpool_cancel(guests[1].token, &err));
    join(&guests[2], 60); /* its deadline is later */
    see_back(&guests[2]);
    go(&guests[2]);
    CHECK(!atomic_load(&guests[1].back));
    CHECK_INT(guests[1].call.stopped, WALPOOL_OK); /* its leader's to say */
    CHECK(takes_nobody());
    answer(&guests[1]);
    CHECK(is_done(&guests[1]));
    go(&guests[0]);
    go(&guests[1]);
    walpool_token_close(guests[1].token);
    end();
}

/* ------------------------------------------------------------------- leave */

static atomic_int leavers;
static atomic_int members_then;

static void
note_leave(void *arg)
{
    struct guest *guest = arg;
    CHECK(pthread_equal(pthread_self(), guest->thread) ||
          atomic_load(&leavers) == 0);
    atomic_fetch_add(&leavers, 1);
    atomic_store(&members_then, members());
}

TEST(group__who_has_to_wait_leaves_his_interpreter_before_he_can_be_taken)
{
    struct guest guests[2] = {{.leave = note_leave}, {.leave = note_leave}};
    begin();
    atomic_store(&leavers, 0);
    join(&guests[0], -1);
    CHECK(leads(&guests[0]));
    CHECK_INT(atomic_load(&leavers), 0); /* it has not waited yet */
    join(&guests[1], -1);
    CHECK_INT(atomic_load(&leavers), 1);
    CHECK_INT(atomic_load(&members_then), 1);
    CHECK(takes(&guests[0]));
    CHECK(takes(&guests[1]));
    CHECK(takes_nobody());
    answer(&guests[1]);
    go(&guests[0]);
    go(&guests[1]);
    end();
}

/* ------------------------------------------------------------------- drain */

static void *
drain(void *arg)
{
    *(bool *)arg = walpool__group_drain(&group, WALPOOL__NEVER);
    return NULL;
}

static bool
is_closing(void)
{
    walpool__mutex_lock(&group.mutex);
    bool closing = group.closing;
    walpool__mutex_unlock(&group.mutex);
    return closing;
}

TEST(group__a_drain_waits_for_all_and_turns_newcomers_away)
{
    struct guest guests[3] = {0};
    pthread_t closer;
    bool drained = false;
    begin();
    join(&guests[0], -1);
    join(&guests[1], -1);
    CHECK_INT(pthread_create(&closer, NULL, drain, &drained), 0);
    CHECK_EVENTUALLY(is_closing());
    join(&guests[2], -1);
    see_back(&guests[2]);
    CHECK(!guests[2].joined);
    CHECK_INT(guests[2].call.stopped, WALPOOL_CLOSED);
    go(&guests[2]);
    go(&guests[0]); /* who was in may still lead */
    CHECK(leads(&guests[1]));
    CHECK(takes(&guests[1]));
    CHECK(takes_nobody());
    CHECK(is_closing());
    go(&guests[1]);
    CHECK_INT(pthread_join(closer, NULL), 0);
    CHECK(drained);
    end();
}

TEST(group__a_drain_that_takes_too_long_leaves_it_open)
{
    struct guest guests[2] = {0};
    begin();
    join(&guests[0], -1);
    CHECK(!walpool__group_drain(&group, walpool__clock_now() + 1000000));
    join(&guests[1], -1);
    CHECK_INT(members(), 2);
    go(&guests[0]);
    CHECK(leads(&guests[1]));
    go(&guests[1]);
    CHECK(walpool__group_drain(&group, 0));
    walpool__group_reopen(&group);
    CHECK(!is_closing());
    end();
}

/* ------------------------------------------------------------------ crowds */

enum { CROWD = 8, ROUNDS = 400 };

static struct walpool__mutex writer; /* what leaders compete for */
static atomic_int led, answered, gave_up;

static void
lead_as(struct walpool__group_member *me, int round)
{
    struct walpool__group_member *taken[CROWD + 1];
    int count = 0, most = 1 + round % 3;
    walpool__mutex_lock(&writer);
    while ((taken[count] = walpool__group_take(&group, count == most)) != NULL)
        count++;
    CHECK(taken[0] == me);
    walpool__mutex_unlock(&writer);
    for (int i = 0; i < count; i++)
        if (taken[i] != me)
            walpool__group_answer(&group, taken[i]);
}

static void *
write_much(void *unused)
{
    (void)unused;
    for (int round = 0; round < ROUNDS; round++) {
        struct walpool__group_member me;
        struct walpool__call call;
        walpool__call_begin_own(&call, round % 5 ? -1 : 0);
        CHECK(walpool__group_join(&group, &me, &call));
        if (!walpool__group_wait(&group, &me, &call)) {
            atomic_fetch_add(&gave_up, 1);
            continue;
        }
        if (me.state == WALPOOL__GROUP_LEADS) {
            atomic_fetch_add(&led, 1);
            if (round % 7) /* otherwise it does not get the writer */
                lead_as(&me, round);
        } else {
            CHECK_INT(me.state, WALPOOL__GROUP_DONE);
            atomic_fetch_add(&answered, 1);
        }
        walpool__group_leave(&group, &me);
    }
    return NULL;
}

TEST(group__nobody_is_lost_in_a_crowd)
{
    pthread_t threads[CROWD];
    begin();
    walpool__mutex_init(&writer);
    for (int i = 0; i < CROWD; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, write_much, NULL), 0);
    for (int i = 0; i < CROWD; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK_INT(led + answered + gave_up, CROWD * ROUNDS);
    CHECK(led > 0);
    walpool__mutex_finish(&writer);
    end();
}

CHECK_MAIN()
