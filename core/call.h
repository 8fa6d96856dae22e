/* One call under way: its deadline, its token, its caller's interpreter. */
#ifndef WALPOOL_CALL_H
#define WALPOOL_CALL_H

#include "base.h"
#include "token.h"

struct walpool__call {
    int64_t started_ns;
    int64_t deadline_ns;          /* WALPOOL__NEVER: none */
    int64_t timeout_ms;           /* as asked, for messages */
    struct walpool__token *token; /* pinned, or NULL */
    const void *token_handle;
    void (*leave)(void *); /* NULL once it was called */
    void *leave_data;
    const char *why;
    uint64_t shape;
    uint32_t flags;
    bool waits_only; /* the deadline is for waiting, running has none */
    bool long_running; /* it has waited, or run for thousands of steps */
    walpool_phase phase;
    walpool_status stopped; /* OK, or why the call must end */
};

/* Begin a call from what the caller asked; NULL: all defaults. */
walpool_status walpool__call_begin(struct walpool__call *call,
                                   const walpool_call *asked,
                                   int64_t default_timeout_ms,
                                   walpool_error *err);

/* A flag of ours: a queue carries it out, so nobody waits on this thread. */
#define WALPOOL__CALL_QUEUED ((uint32_t)1 << 30)

#define WALPOOL__CALL_DURABILITY                                               \
    ((uint32_t)(WALPOOL_CALL_DURABLE | WALPOOL_CALL_NORMAL))

/* See that `what` takes the durability that the call asks for: MISUSE, if it
 * asks for one that is not in `takes`. */
walpool_status walpool__call_check_durability(const struct walpool__call *call,
                                              uint32_t takes, const char *what,
                                              walpool_error *err);

/* A call of our own, without token or label. */
void walpool__call_begin_own(struct walpool__call *call, int64_t timeout_ms);

/* Does not touch err: the caller may be about to report. */
void walpool__call_end(struct walpool__call *call);

/* Let the caller's interpreter run others: we are about to wait, or have run
 * for a while. */
void walpool__call_leave(struct walpool__call *call);

/* True: the call must stop, and `stopped` says why. Looks at the token, then
 * at the clock. */
bool walpool__call_must_stop(struct walpool__call *call);

/* The same from inside a running statement, every thousand steps or so: also
 * leaves when the call has run for long. */
bool walpool__call_tick(struct walpool__call *call);

/* Report a stopped call: phase, and how long it was allowed to take. `held_by`
 * may be "". Returns TIMEOUT, CANCELLED or CLOSED. */
walpool_status walpool__call_stopped(const struct walpool__call *call,
                                     const char *doing, const char *held_by,
                                     walpool_error *err);

#endif
