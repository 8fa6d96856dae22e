/* What the tests of the wait queue share: things to lend, and customers that
 * stand in line for them on threads of their own. */
#ifndef LINE_H
#define LINE_H

#include <sched.h>

#include "inside.h"
#include "waitq.h"

enum { MOST = 4 };

static struct walpool__waitq waitq;
static int things[MOST];

static inline void
begin(int count)
{
    void *items[MOST];
    for (int i = 0; i < count; i++)
        items[i] = &things[i];
    CHECK(walpool__waitq_init(&waitq, items, count));
}

/* Take as somebody who waits for nothing; NULL: nothing is to be had. */
static inline int *
try_take(void)
{
    struct walpool__call call;
    walpool__call_begin_own(&call, 0);
    return walpool__waitq_take(&waitq, &call, NULL, NULL);
}

static inline int
waiters(void)
{
    int lent, waiting;
    walpool__waitq_count(&waitq, &lent, &waiting);
    return waiting;
}

static inline int
lent(void)
{
    int out, waiting;
    walpool__waitq_count(&waitq, &out, &waiting);
    return out;
}

/* A thread that waits for a thing and says when it has it. */
struct customer {
    pthread_t thread;
    struct walpool__call call;
    int64_t timeout_ms;
    walpool_token *token;
    void (*leave)(void *);
    void *leave_data;
    void *item;
    bool waited;
    atomic_bool done;
};

static inline void *
wait_in_line(void *arg)
{
    struct customer *me = arg;
    walpool_call asked = WALPOOL_CALL_INIT;
    asked.timeout_ms = me->timeout_ms;
    asked.token = me->token;
    asked.leave = me->leave;
    asked.leave_data = me->leave_data;
    CHECK_INT(walpool__call_begin(&me->call, &asked, -1, NULL), WALPOOL_OK);
    me->item = walpool__waitq_take(&waitq, &me->call, NULL, &me->waited);
    walpool__call_end(&me->call);
    atomic_store(&me->done, true);
    return NULL;
}

/* Start one, and see it in the line. */
static inline void
line_up(struct customer *customer, int64_t timeout_ms)
{
    int before = waiters();
    customer->timeout_ms = timeout_ms;
    CHECK_INT(pthread_create(&customer->thread, NULL, wait_in_line, customer),
              0);
    CHECK_EVENTUALLY(waiters() > before);
}

static inline void
leave_line(struct customer *customer)
{
    CHECK_INT(pthread_join(customer->thread, NULL), 0);
}

/* The customer is held in its `leave` and cannot take what is free. */
struct gate {
    atomic_bool open, reached;
};

static inline void
pass_gate(void *arg)
{
    struct gate *gate = arg;
    atomic_store(&gate->reached, true);
    while (!atomic_load(&gate->open))
        sched_yield();
}

static inline void
line_up_behind(struct customer *customer, struct gate *gate)
{
    customer->leave = pass_gate;
    customer->leave_data = gate;
    line_up(customer, -1);
    CHECK_EVENTUALLY(atomic_load(&gate->reached));
}

#endif
