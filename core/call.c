/* One call under way.
 *
 * One deadline and one token go with a call through everything it does:
 * waiting in a queue, waiting for another process, running. `phase` is where
 * it is, so that the error can say where the time went.
 *
 * Does: know when a call must end, and say why.
 * Must not: wait, or know what the call does.
 * Lock: none; a call belongs to one thread. */
#include "call.h"

#include "clock.h"
#include "error.h"
#include "handle.h"

/* A call that has run this long lets other threads of an interpreter run. */
#define LEAVE_AFTER_NS 50000
#define LONGEST_TIMEOUT_MS 86400000
#define KNOWN_FLAGS                                                \
    ((uint32_t)(WALPOOL_CALL_NAMES | WALPOOL_CALL_FIRST |          \
                WALPOOL_CALL_SCRIPT | WALPOOL_CALL_ANY_THREAD |    \
                WALPOOL_CALL_DURABLE | WALPOOL_CALL_NORMAL |       \
                WALPOOL_CALL_IMMEDIATE | WALPOOL__CALL_QUEUED))

static const walpool_call defaults = WALPOOL_CALL_INIT;

void
walpool__call_begin_own(struct walpool__call *call, int64_t timeout_ms)
{
    *call = (struct walpool__call){.timeout_ms = timeout_ms};
    call->started_ns = walpool__clock_now();
    call->deadline_ns = timeout_ms < 0
                            ? WALPOOL__NEVER
                            : call->started_ns + timeout_ms * 1000000;
}

walpool_status
walpool__call_begin(struct walpool__call *call, const walpool_call *asked,
                    int64_t default_timeout_ms, walpool_error *err)
{
    walpool_status status = WALPOOL_OK;
    int64_t timeout_ms;

    asked = asked ? asked : &defaults;
    timeout_ms = asked->timeout_ms;
    if (timeout_ms < -1 || timeout_ms > LONGEST_TIMEOUT_MS)
        return walpool__error_set(
            err, WALPOOL_MISUSE,
            "timeout_ms is %lld: use 0 (try once) to %d, or -1 for the default",
            (long long)timeout_ms, LONGEST_TIMEOUT_MS);
    if (asked->flags & ~KNOWN_FLAGS)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "flags of the call are %#x: use only "
                                  "WALPOOL_CALL_*", (unsigned)asked->flags);
    if ((asked->flags & WALPOOL__CALL_DURABILITY) == WALPOOL__CALL_DURABILITY)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "flags of the call are WALPOOL_CALL_DURABLE "
                                  "and WALPOOL_CALL_NORMAL: use one of them");
    if (asked->once_key || asked->once_bytes)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "once_key is for write and batch only");
    walpool__call_begin_own(call, timeout_ms == -1 ? default_timeout_ms
                                                   : timeout_ms);
    /* Timeout 0 means: wait for nothing. It does not forbid to run. Nor does
     * the database's default, which is called busy_timeout. */
    call->waits_only = timeout_ms <= 0;
    if (call->deadline_ns != WALPOOL__NEVER)
        call->deadline_ns -= (int64_t)asked->spent_ms * 1000000;
    call->leave = asked->leave;
    call->leave_data = asked->leave_data;
    call->why = asked->why;
    call->shape = asked->shape;
    call->flags = asked->flags;
    if (!asked->token)
        return WALPOOL_OK;
    call->token = walpool__handle_pin(WALPOOL__HANDLE_TOKEN, asked->token, err,
                                      &status);
    call->token_handle = asked->token;
    if (!walpool__token_cancelled(call->token))
        return status;
    walpool__call_must_stop(call);
    walpool__call_end(call);
    return walpool__call_stopped(call, "begin the call", "", err);
}

walpool_status
walpool__call_check_durability(const struct walpool__call *call, uint32_t takes,
                               const char *what, walpool_error *err)
{
    uint32_t odd = call->flags & WALPOOL__CALL_DURABILITY & ~takes;

    if (LIKELY(!odd))
        return WALPOOL_OK;
    return walpool__error_set(err, WALPOOL_MISUSE,
                              "%s does not take WALPOOL_CALL_%s: %s", what,
                              odd & WALPOOL_CALL_DURABLE ? "DURABLE" : "NORMAL",
                              takes ? "it is for calls that commit"
                                    : "it is for calls that commit or begin "
                                      "a snapshot");
}

void
walpool__call_end(struct walpool__call *call)
{
    if (call->token)
        walpool__handle_unpin(call->token_handle);
    call->token = NULL;
}

void
walpool__call_leave(struct walpool__call *call)
{
    void (*leave)(void *) = call->leave;

    call->long_running = true;
    if (!leave)
        return;
    call->leave = NULL;
    leave(call->leave_data);
}

bool
walpool__call_must_stop(struct walpool__call *call)
{
    if (call->stopped != WALPOOL_OK)
        return true;
    if (walpool__token_cancelled(call->token))
        call->stopped = WALPOOL_CANCELLED;
    else if (call->deadline_ns != WALPOOL__NEVER &&
             walpool__clock_now() >= call->deadline_ns)
        call->stopped = WALPOOL_TIMEOUT;
    return call->stopped != WALPOOL_OK;
}

bool
walpool__call_tick(struct walpool__call *call)
{
    call->long_running = true;
    if (call->leave &&
        walpool__clock_now() - call->started_ns >= LEAVE_AFTER_NS)
        walpool__call_leave(call);
    if (call->waits_only)
        return walpool__token_cancelled(call->token) &&
               walpool__call_must_stop(call);
    return walpool__call_must_stop(call);
}

static const char *
phase_text(walpool_phase phase)
{
    switch (phase) {
    case WALPOOL_PHASE_QUEUE:
        return "waiting in this process's queue";
    case WALPOOL_PHASE_LOCK:
        return "waiting for another process's lock";
    case WALPOOL_PHASE_TURN:
        return "waiting for the turn among processes";
    case WALPOOL_PHASE_SYNC:
        return "waiting for the disk";
    case WALPOOL_PHASE_CEILING:
        return "waiting for the WAL to get shorter";
    case WALPOOL_PHASE_EXECUTE:
        return "running the statement";
    default:
        return "starting";
    }
}

walpool_status
walpool__call_stopped(const struct walpool__call *call, const char *doing,
                      const char *held_by, walpool_error *err)
{
    const char *comma = held_by[0] ? "; " : "";

    PRE(call->stopped != WALPOOL_OK);
    if (call->stopped == WALPOOL_CLOSED)
        return walpool__error_set(err, WALPOOL_CLOSED,
                                  "cannot %s: the database is being closed",
                                  doing);
    if (call->stopped == WALPOOL_CANCELLED)
        walpool__error_set(err, WALPOOL_CANCELLED,
                           "cannot %s: cancelled while %s%s%s", doing,
                           phase_text(call->phase), comma, held_by);
    else
        walpool__error_set(err, WALPOOL_TIMEOUT,
                           "cannot %s: %lld ms passed while %s%s%s", doing,
                           (long long)call->timeout_ms,
                           phase_text(call->phase), comma, held_by);
    if (err)
        err->phase = call->phase;
    return call->stopped;
}
