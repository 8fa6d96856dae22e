/* Watch: what top counts, from looks alone. */
#include "check.h"
#include "watch.h"

static struct cli_index
index_of(uint32_t commits, uint32_t frames)
{
    return (struct cli_index){.whole = true, .known = true, .settled = true,
                              .commits = commits, .frames = frames};
}

static void
look(struct cli_watch *watch, uint32_t commits, uint32_t frames)
{
    struct cli_index index = index_of(commits, frames);

    cli_watch_index(watch, &index);
}

TEST(watch__counts_what_came_between_looks)
{
    struct cli_watch watch = {.known = false};

    look(&watch, 7, 100);
    cli_watch_begin(&watch);
    CHECK(watch.known);
    look(&watch, 9, 130);
    look(&watch, 10, 131);
    CHECK_INT(watch.commits, 3);
    CHECK_INT(watch.frames, 31);
    cli_watch_begin(&watch);
    CHECK_INT(watch.commits, 0);
    look(&watch, 10, 131);
    CHECK(watch.known);
    CHECK_INT(watch.commits, 0);
}

TEST(watch__counts_frames_of_a_WAL_that_starts_anew)
{
    struct cli_watch watch = {.known = false};

    look(&watch, UINT32_MAX, 1000);
    cli_watch_begin(&watch);
    look(&watch, 4, 12);
    CHECK(watch.known);
    CHECK_INT(watch.commits, 5); /* the counter has gone round */
    CHECK_INT(watch.frames, 12);
}

TEST(watch__does_not_know_what_it_cannot_have_seen)
{
    struct cli_watch watch = {.known = false};
    struct cli_index none = {.whole = false};

    cli_watch_begin(&watch);
    CHECK(!watch.known);
    look(&watch, 50, 10);
    CHECK(!watch.known); /* it was not there before */
    cli_watch_begin(&watch);
    look(&watch, 2, 10); /* a recovery counts anew */
    CHECK(!watch.known);
    CHECK_INT(watch.commits, 0);
    cli_watch_begin(&watch);
    cli_watch_index(&watch, &none);
    CHECK(!watch.known);
}

TEST(watch__waits_for_a_look_that_nobody_disturbs)
{
    struct cli_watch watch = {.known = false};
    struct cli_index unsettled = index_of(9, 9);

    look(&watch, 1, 1);
    cli_watch_begin(&watch);
    unsettled.settled = false;
    cli_watch_index(&watch, &unsettled);
    CHECK(watch.known);
    CHECK_INT(watch.commits, 0);
    look(&watch, 2, 3);
    CHECK_INT(watch.commits, 1);
    CHECK_INT(watch.frames, 2);
}

static void
hold(struct cli_look *look, int slot, int64_t pid, uint32_t mark)
{
    struct cli_holders *holders = &look->readers[slot];

    holders->pids[holders->count++] = pid;
    look->index.marks[slot] = mark;
}

TEST(watch__remembers_since_when_a_snapshot_is_seen)
{
    struct cli_watch watch = {.known = false};
    struct cli_look first = {.index = index_of(1, 1)}, second = first;

    hold(&first, 1, 12, 100);
    hold(&first, 1, 13, 100);
    cli_watch_pins(&watch, &first, 1000);
    hold(&second, 0, 12, 0);
    hold(&second, 2, 12, 100); /* in another slot, and the same */
    hold(&second, 3, 13, 200); /* it has taken another one */
    cli_watch_pins(&watch, &second, 3000);
    CHECK_INT(watch.pin_count, 3);
    CHECK_INT(watch.pins[0].seen_ms, 3000);
    CHECK_INT(watch.pins[1].pid, 12);
    CHECK_INT(watch.pins[1].seen_ms, 1000);
    CHECK_INT(watch.pins[2].seen_ms, 3000);
    second.readers[2].alone = true; /* it is being changed */
    cli_watch_pins(&watch, &second, 4000);
    CHECK_INT(watch.pin_count, 2);
}

TEST(watch__has_room_for_some_snapshots)
{
    struct cli_watch watch = {.known = false};
    struct cli_look full = {.index = index_of(1, 1)};

    for (int slot = 0; slot < CLI_MARKS; slot++)
        for (int i = 0; i < CLI_HOLDERS_MAX; i++)
            hold(&full, slot, 1 + slot * CLI_HOLDERS_MAX + i, 5);
    cli_watch_pins(&watch, &full, 1);
    CHECK_INT(watch.pin_count, CLI_PINS_MAX);
}

CHECK_MAIN()
