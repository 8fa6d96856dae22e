/* Ticket: a token that some thread cancels at some time, and what is known
 * about it. */
#ifndef TICKET_H
#define TICKET_H

#include "call.h"
#include "sim.h"

struct ticket {
    walpool_token *token; /* NULL: there is none */
    int cancelled_at;     /* the scene's count of events then; 0: not yet */
    bool cancelled;       /* the cancel has returned */
};

void ticket_open(struct ticket *ticket);
void ticket_cancel(struct ticket *ticket, int event);
void ticket_close(struct ticket *ticket);

/* Begin a call for this ticket (or NULL). False: it was cancelled before. */
bool ticket_begin(struct ticket *ticket, struct walpool__call *call,
                  int64_t timeout_ms, void (*leave)(void *), void *leave_data);

/* The call did not get what it wanted: is there a reason, and is it told?
 * `may_close`: somebody closes, or has. */
void ticket_check_stopped(const struct ticket *ticket,
                          const struct walpool__call *call, bool may_close);

/* Nobody can run, and this call still sleeps: is there a reason to? */
void ticket_check_asleep(const struct ticket *ticket,
                         const struct walpool__call *call);

#endif
