/* Ticket: a token that some thread cancels at some time.
 *
 * Does: begin calls, and judge how they ended.
 * Must not: know what the calls wait for.
 * Lock: none, there is one real thread. */
#include "ticket.h"

void
ticket_open(struct ticket *ticket)
{
    *ticket = (struct ticket){.token = walpool_token_open(NULL)};
    SIM_CHECK(ticket->token != NULL, "no token");
}

void
ticket_cancel(struct ticket *ticket, int event)
{
    sim_note("  cancels");
    ticket->cancelled_at = event;
    SIM_CHECK(walpool_cancel(ticket->token, NULL) == WALPOOL_OK,
              "a token cannot be cancelled");
    ticket->cancelled = true;
}

void
ticket_close(struct ticket *ticket)
{
    if (ticket->token != NULL)
        walpool_token_close(ticket->token);
    ticket->token = NULL;
}

bool
ticket_begin(struct ticket *ticket, struct walpool__call *call,
             int64_t timeout_ms, void (*leave)(void *), void *leave_data)
{
    walpool_call asked = WALPOOL_CALL_INIT;
    walpool_status status;
    asked.timeout_ms = timeout_ms;
    asked.token = ticket != NULL ? ticket->token : NULL;
    asked.leave = leave;
    asked.leave_data = leave_data;
    status = walpool__call_begin(call, &asked, -1, NULL);
    SIM_CHECK(status == WALPOOL_OK ||
                  (status == WALPOOL_CANCELLED && ticket->cancelled_at != 0),
              "a call does not begin: %d", status);
    return status == WALPOOL_OK;
}

void
ticket_check_stopped(const struct ticket *ticket,
                     const struct walpool__call *call, bool may_close)
{
    switch (call->stopped) {
    case WALPOOL_TIMEOUT:
        SIM_CHECK(call->timeout_ms == 0 || sim_now_ns() >= call->deadline_ns,
                  "a call with %lld ms ends before its deadline",
                  (long long)call->timeout_ms);
        return;
    case WALPOOL_CANCELLED:
        SIM_CHECK(ticket != NULL && ticket->cancelled_at != 0,
                  "a call ends as if it had been cancelled");
        return;
    case WALPOOL_CLOSED:
        SIM_CHECK(may_close, "a call is turned away and nobody closes");
        return;
    default:
        sim_fail("a call ends without a thing, and says %d", call->stopped);
    }
}

void
ticket_check_asleep(const struct ticket *ticket,
                    const struct walpool__call *call)
{
    SIM_CHECK(ticket == NULL || !ticket->cancelled,
              "a call sleeps although it was cancelled");
    SIM_CHECK(sim_now_ns() < call->deadline_ns,
              "a call sleeps beyond its deadline");
}
