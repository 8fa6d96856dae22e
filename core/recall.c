/* Recall: the right to end the snapshot of a reader that is out.
 *
 * A lease or a cursor that nobody calls has a connection that nobody uses, and
 * its snapshot can be ended from outside; one on which a call runs can only be
 * asked, and its own thread does it. Which of the two it is changes at any
 * moment, and so does whose the reader is. So one word has all of it: the
 * number of the lending, the state, and whether it was asked.
 *
 *   state     on                           to
 *   HOME      lent                         RUNNING, of the next number
 *   RUNNING   the call ends, kept          KEPT
 *   RUNNING   asked                        RUNNING, asked
 *   RUNNING   the call ends, asked         ENDING by its own thread
 *   RUNNING   dropped by the call          ENDED
 *   KEPT      the next call                RUNNING
 *   KEPT      seized                       ENDING by another thread
 *   ENDING    done                         ENDED
 *   ENDED     a new snapshot               RUNNING, of the next number
 *   any       given back                   HOME
 *
 * Does: decide between two threads.
 * Must not: touch the connection.
 * Lock: none; whoever has moved the word to RUNNING or ENDING has the
 * connection. */
#include "recall.h"

#include "thread.h"

enum { HOME, RUNNING, KEPT, ENDING, ENDED, STATES = 7, ASKED = 8, NUMBER = 16 };

/* To end a snapshot takes some microseconds. */
#define NAP_US 50

static uint64_t
load(const struct walpool__recall *recall)
{
    return atomic_load_explicit(&recall->word, memory_order_acquire);
}

static bool
move(struct walpool__recall *recall, uint64_t from, uint64_t to)
{
    return atomic_compare_exchange_strong_explicit(
        &recall->word, &from, to, memory_order_acq_rel, memory_order_acquire);
}

static uint64_t
in_state(uint64_t word, uint64_t state)
{
    return (word & ~(uint64_t)(NUMBER - 1)) | state;
}

static void
set(struct walpool__recall *recall, uint64_t state)
{
    atomic_store_explicit(&recall->word, in_state(load(recall), state),
                          memory_order_release);
}

void
walpool__recall_begin(struct walpool__recall *recall)
{
    atomic_store_explicit(&recall->word,
                          in_state(load(recall) + NUMBER, RUNNING),
                          memory_order_release);
}

bool
walpool__recall_keep(struct walpool__recall *recall)
{
    uint64_t word = load(recall);

    if ((word & STATES) == ENDED)
        return true;
    if (!(word & ASKED) && move(recall, word, in_state(word, KEPT)))
        return true;
    set(recall, ENDING);
    return false;
}

bool
walpool__recall_resume(struct walpool__recall *recall)
{
    for (;;) {
        uint64_t word = load(recall);

        if ((word & STATES) == ENDED)
            return false;
        if ((word & STATES) == RUNNING ||
            ((word & STATES) == KEPT &&
             move(recall, word, in_state(word, RUNNING))))
            return true;
        walpool__thread_nap_us(NAP_US); /* ENDING by another thread */
    }
}

void
walpool__recall_ended(struct walpool__recall *recall)
{
    INVARIANT((load(recall) & STATES) == ENDING);
    set(recall, ENDED);
}

void
walpool__recall_drop(struct walpool__recall *recall)
{
    set(recall, ENDED);
}

void
walpool__recall_home(struct walpool__recall *recall)
{
    set(recall, HOME);
}

uint64_t
walpool__recall_look(const struct walpool__recall *recall)
{
    return load(recall);
}

bool
walpool__recall_has_snapshot(uint64_t seen)
{
    return (seen & STATES) == RUNNING || (seen & STATES) == KEPT;
}

bool
walpool__recall_is_ended(uint64_t seen)
{
    return (seen & STATES) == ENDED;
}

enum walpool__recall_answer
walpool__recall_seize(struct walpool__recall *recall, uint64_t seen)
{
    for (;;) {
        uint64_t word = load(recall);

        if (in_state(word, HOME) != in_state(seen, HOME) ||
            !walpool__recall_has_snapshot(word))
            return WALPOOL__RECALL_GONE;
        if ((word & STATES) == KEPT &&
            move(recall, word, in_state(word, ENDING)))
            return WALPOOL__RECALL_SEIZED;
        if ((word & STATES) == RUNNING &&
            (word & ASKED || move(recall, word, word | ASKED)))
            return WALPOOL__RECALL_ASKED;
    }
}
