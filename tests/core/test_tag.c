/* tag, trace: who has a connection, as everybody may see at any time. */
#include "tag.h"

#include <sched.h>

#include "inside.h"
#include "trace.h"

static struct walpool__tag tag;
static struct walpool__holder view;

static bool
look(void)
{
    view = walpool__tag_read(&tag);
    return view.since_ns != 0;
}

static void
begin(void)
{
    memset(&tag, 0, sizeof tag);
    memset(&view, 0x55, sizeof view);
}

TEST(tag__says_that_nobody_has_it)
{
    begin();
    CHECK(!look());
    CHECK_INT(view.since_ns, 0);
    CHECK_STR(view.why, "");
    walpool__tag_set(&tag, "report", 7);
    walpool__tag_clear(&tag);
    CHECK(!look());
}

TEST(tag__shows_the_call_that_has_it)
{
    begin();
    walpool__tag_set(&tag, "report", 7);
    CHECK(look());
    CHECK_INT(view.since_ns, 7);
    CHECK_INT(view.kind, WALPOOL_HOLDER_CALL);
    CHECK_INT(view.thread, walpool__thread_self());
    CHECK_INT(view.frames, -1);
    CHECK_INT(view.stack_depth, 0);
    CHECK_STR(view.why, "report");
}

TEST(tag__shows_who_keeps_it_until_the_next_has_it)
{
    begin();
    walpool__tag_set(&tag, "report", 7);
    walpool__tag_keep(&tag, WALPOOL_HOLDER_CURSOR, 12, false);
    CHECK(look());
    CHECK_INT(view.kind, WALPOOL_HOLDER_CURSOR);
    CHECK_INT(view.frames, 12);
    CHECK_INT(view.since_ns, 7);
    CHECK_STR(view.why, "report");
    walpool__tag_set(&tag, NULL, 8);
    CHECK(look());
    CHECK_INT(view.kind, WALPOOL_HOLDER_CALL);
    CHECK_INT(view.frames, -1);
    CHECK_STR(view.why, "");
}

TEST(tag__cuts_a_label_between_two_characters)
{
    char label[80];
    begin();
    memset(label, 'x', sizeof label);
    label[79] = 0;
    memcpy(label + 46, "\xc3\xa4", 2);
    walpool__tag_set(&tag, label, 1);
    CHECK(look());
    CHECK_INT(strlen(view.why), 46);
}

TEST(tag__remembers_the_stack_if_asked)
{
    char name[256];
    begin();
    walpool__tag_set(&tag, NULL, 1);
    walpool__tag_keep(&tag, WALPOOL_HOLDER_LEASE, -1, true);
    CHECK(look());
    if (view.stack_depth == 0) {
        check_skip("the C library cannot tell the stack");
        return;
    }
    CHECK(view.stack_depth <= WALPOOL_STACK_DEPTH);
    for (uint32_t i = 0; i < view.stack_depth; i++) {
        walpool__trace_name(view.stack[i], name, sizeof name);
        CHECK_CONTAINS(name, "0x");
    }
    walpool__tag_set(&tag, NULL, 2);
    CHECK(look());
    CHECK_INT(view.stack_depth, 0);
}

TEST(trace__takes_no_more_than_asked_and_names_any_address)
{
    void *stack[2];
    char name[64], short_name[8];
    CHECK(walpool__trace_take(stack, 2) <= 2);
    walpool__trace_name(0, name, sizeof name);
    CHECK(name[0] != 0);
    walpool__trace_name(UINT64_MAX, short_name, sizeof short_name);
    CHECK_INT(strlen(short_name), 7);
}

/* ------------------------------------------------------------- many threads */

static atomic_bool over;

TEST(tag__that_changes_for_long_shows_no_name)
{
    begin();
    walpool__tag_set(&tag, "report", 7);
    walpool__tag_keep(&tag, WALPOOL_HOLDER_LEASE, 12, true);
    walpool__tag_begin(&tag); /* and its thread is held up */
    CHECK(look());
    CHECK_INT(view.since_ns, 7);
    CHECK_INT(view.thread, 0);
    CHECK_INT(view.kind, WALPOOL_HOLDER_CALL);
    CHECK_INT(view.frames, -1);
    CHECK_INT(view.stack_depth, 0);
    CHECK_STR(view.why, "");
    walpool__tag_end(&tag);
    CHECK(look());
    CHECK_INT(view.thread, walpool__thread_self());
    CHECK_STR(view.why, "report");
}

/* Two holders in turn, whose every field says which it is. */
static void *
hold_in_turn(void *unused)
{
    static const char *const labels[2] = {
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"};
    (void)unused;
    for (int64_t i = 0; !atomic_load(&over); i++) {
        walpool__tag_set(&tag, labels[i % 2], 1 + i % 2);
        walpool__tag_keep(&tag, WALPOOL_HOLDER_LEASE, 1 + i % 2, false);
        sched_yield();
    }
    return NULL;
}

TEST(tag__never_shows_a_mixture_of_two)
{
    pthread_t thread;
    int seen[2] = {0};
    begin();
    atomic_store(&over, false);
    CHECK_INT(pthread_create(&thread, NULL, hold_in_turn, NULL), 0);
    CHECK_EVENTUALLY(look());
    for (int looks = 0; looks < 200000 || seen[0] == 0 || seen[1] == 0;
         looks++) {
        CHECK(look());
        if (view.thread == 0) /* held up in the middle of a change */
            continue;
        seen[view.since_ns - 1]++;
        CHECK_INT(view.why[0], view.since_ns == 1 ? 'a' : 'b');
        CHECK_INT(view.why[46], view.why[0]);
        if (view.kind == WALPOOL_HOLDER_LEASE)
            CHECK_INT(view.frames, view.since_ns);
        else
            CHECK_INT(view.frames, -1);
    }
    atomic_store(&over, true);
    CHECK_INT(pthread_join(thread, NULL), 0);
}

CHECK_MAIN()
