/* recall: one word between a reader's holder and who wants its snapshot. */
#include "recall.h"

#include "check.h"
#include "thread.h"

static struct walpool__recall recall;

TEST(recall__seizes_what_is_kept)
{
    walpool__recall_begin(&recall);
    CHECK(walpool__recall_keep(&recall));
    uint64_t seen = walpool__recall_look(&recall);
    CHECK(walpool__recall_has_snapshot(seen));
    CHECK_INT(walpool__recall_seize(&recall, seen), WALPOOL__RECALL_SEIZED);
    CHECK_INT(walpool__recall_seize(&recall, seen), WALPOOL__RECALL_GONE);
    walpool__recall_ended(&recall);
    CHECK(!walpool__recall_has_snapshot(walpool__recall_look(&recall)));
    CHECK(!walpool__recall_resume(&recall));
    CHECK(walpool__recall_keep(&recall)); /* nothing is left to end */
    CHECK(!walpool__recall_resume(&recall));
    walpool__recall_begin(&recall);
    CHECK(walpool__recall_keep(&recall));
    CHECK(walpool__recall_resume(&recall));
}

TEST(recall__asks_what_runs_and_its_holder_ends_it)
{
    walpool__recall_begin(&recall);
    uint64_t seen = walpool__recall_look(&recall);
    CHECK(!walpool__recall_is_asked(&recall));
    CHECK_INT(walpool__recall_seize(&recall, seen), WALPOOL__RECALL_ASKED);
    CHECK_INT(walpool__recall_seize(&recall, seen), WALPOOL__RECALL_ASKED);
    CHECK(walpool__recall_is_asked(&recall));
    CHECK(!walpool__recall_keep(&recall));
    CHECK_INT(walpool__recall_seize(&recall, seen), WALPOOL__RECALL_GONE);
    walpool__recall_ended(&recall);
    CHECK(!walpool__recall_is_asked(&recall));
    CHECK(!walpool__recall_resume(&recall));
}

TEST(recall__strikes_nobody_but_the_holder_that_was_seen)
{
    walpool__recall_begin(&recall);
    uint64_t seen = walpool__recall_look(&recall);
    walpool__recall_home(&recall);
    CHECK_INT(walpool__recall_seize(&recall, seen), WALPOOL__RECALL_GONE);
    CHECK(!walpool__recall_has_snapshot(walpool__recall_look(&recall)));
    walpool__recall_begin(&recall);
    CHECK_INT(walpool__recall_seize(&recall, seen), WALPOOL__RECALL_GONE);
    CHECK(!walpool__recall_is_asked(&recall));
    walpool__recall_home(&recall);
}

TEST(recall__drops_a_snapshot_that_its_holder_ended_unasked)
{
    walpool__recall_begin(&recall);
    uint64_t seen = walpool__recall_look(&recall);
    CHECK_INT(walpool__recall_seize(&recall, seen), WALPOOL__RECALL_ASKED);
    CHECK(!walpool__recall_is_ended(seen));
    walpool__recall_drop(&recall);
    CHECK(walpool__recall_is_ended(walpool__recall_look(&recall)));
    CHECK_INT(walpool__recall_seize(&recall, seen), WALPOOL__RECALL_GONE);
    CHECK(!walpool__recall_is_asked(&recall));
    walpool__recall_begin(&recall);
    CHECK(!walpool__recall_is_ended(walpool__recall_look(&recall)));
    walpool__recall_home(&recall);
    CHECK(!walpool__recall_is_ended(walpool__recall_look(&recall)));
}

TEST(recall__forgets_a_question_with_the_lending)
{
    walpool__recall_begin(&recall);
    walpool__recall_seize(&recall, walpool__recall_look(&recall));
    walpool__recall_home(&recall);
    CHECK(!walpool__recall_is_asked(&recall));
    walpool__recall_begin(&recall);
    CHECK(!walpool__recall_is_asked(&recall));
    CHECK(walpool__recall_keep(&recall));
}

/* A holder that calls all the time, and one that wants each snapshot: what only
 * the owner of the word may touch is touched by one of them at a time. */
static int owned;           /* no atomic: a thread checker sees two at once */
static atomic_bool over;
static atomic_int seized;

static void *
seize_all_the_time(void *unused)
{
    (void)unused;
    while (!atomic_load(&over)) {
        uint64_t seen = walpool__recall_look(&recall);
        if (walpool__recall_seize(&recall, seen) == WALPOOL__RECALL_SEIZED) {
            CHECK_INT(owned, 1);
            owned = 0;
            walpool__recall_ended(&recall);
            atomic_fetch_add(&seized, 1);
        } else {
            walpool__thread_nap_us(1);
        }
    }
    return NULL;
}

static bool
call_once(void)
{
    if (!walpool__recall_resume(&recall)) {
        CHECK_INT(owned, 0);
        return false;
    }
    CHECK_INT(owned, 1);
    owned = 2;
    owned = 1;
    if (walpool__recall_keep(&recall))
        return true;
    owned = 0;
    walpool__recall_ended(&recall);
    return true;
}

TEST(recall__lets_one_of_two_threads_have_the_connection)
{
    pthread_t thread;
    int lent = 0;
    owned = 0;
    walpool__recall_home(&recall); /* whatever a case before has left */
    CHECK_INT(pthread_create(&thread, NULL, seize_all_the_time, NULL), 0);
    while (lent < 1000 || atomic_load(&seized) < 100) {
        owned = 1;
        walpool__recall_begin(&recall);
        if (!walpool__recall_keep(&recall)) {
            owned = 0;
            walpool__recall_ended(&recall);
        }
        for (int i = 0; i < 50 && call_once(); i++)
            continue;
        lent++;
        if (walpool__recall_resume(&recall))
            CHECK_INT(owned, 1);
        walpool__recall_home(&recall);
    }
    atomic_store(&over, true);
    CHECK_INT(pthread_join(thread, NULL), 0);
}

CHECK_MAIN()
