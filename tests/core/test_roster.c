/* roster: who has private connections, and when all are gone. */
#include "roster.h"

#include "inside.h"

static struct walpool__roster roster;
static struct walpool__member a, b;

static void
begin(void)
{
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    walpool__roster_init(&roster);
    CHECK(walpool__roster_join(&roster, &a, "first", 10));
    CHECK(walpool__roster_join(&roster, &b, NULL, 20));
}

static void
end(void)
{
    walpool__roster_leave(&roster, &a);
    walpool__roster_leave(&roster, &b);
    walpool__roster_finish(&roster);
}

TEST(roster__knows_who_has_been_there_for_longest)
{
    struct walpool__holder first;
    begin();
    first = walpool__roster_first(&roster);
    CHECK_INT(first.since_ns, 10);
    CHECK_INT(first.thread, walpool__thread_self());
    CHECK_STR(first.why, "first");
    walpool__roster_leave(&roster, &a);
    CHECK_INT(walpool__roster_count(&roster), 1);
    CHECK_INT(walpool__roster_first(&roster).since_ns, 20);
    CHECK_STR(walpool__roster_first(&roster).why, "");
    CHECK(walpool__roster_join(&roster, &a, "again", 30));
    CHECK_INT(walpool__roster_first(&roster).since_ns, 20);
    end();
}

TEST(roster__of_nobody_has_no_first)
{
    walpool__roster_init(&roster);
    CHECK_INT(walpool__roster_first(&roster).since_ns, 0);
    CHECK(walpool__roster_drain(&roster, 0));
    walpool__roster_finish(&roster);
}

TEST(roster__finds_the_oldest_tag_and_counts_the_old)
{
    int64_t longer = 5;
    begin();
    CHECK_INT(walpool__roster_oldest(&roster, 100, 0, &longer).since_ns, 0);
    CHECK_INT(longer, 5);
    walpool__tag_set(&b.tag, "busy", 40);
    walpool__tag_set(&a.tag, "later", 60);
    CHECK_STR(walpool__roster_oldest(&roster, 100, 60, &longer).why, "busy");
    CHECK_INT(longer, 5); /* 60 is not longer than 60 */
    CHECK_INT(walpool__roster_oldest(&roster, 100, 59, &longer).since_ns, 40);
    CHECK_INT(longer, 6);
    walpool__roster_oldest(&roster, 100, 39, &longer);
    CHECK_INT(longer, 8);
    walpool__tag_keep(&b.tag, WALPOOL_HOLDER_BACKUP, -1, false);
    CHECK_STR(walpool__roster_oldest(&roster, 100, 39, &longer).why, "later");
    CHECK_INT(longer, 9);
    CHECK_STR(walpool__roster_oldest_of_all(&roster).why, "busy");
    end();
}

TEST(roster__lists_tags_up_to_the_room_there_is)
{
    walpool_lease_info infos[2];
    begin();
    CHECK_INT(walpool__roster_list(&roster, NULL, 0), 0);
    walpool__tag_set(&b.tag, "b", walpool__clock_now());
    CHECK_INT(walpool__roster_list(&roster, infos, 2), 1);
    CHECK_INT(infos[0].kind, WALPOOL_PRIVATE);
    CHECK_STR(infos[0].why, "b");
    walpool__tag_set(&a.tag, "a", walpool__clock_now());
    CHECK_INT(walpool__roster_list(&roster, infos, 1), 2);
    CHECK_STR(infos[0].why, "a");
    CHECK_INT(walpool__roster_list(&roster, NULL, 0), 2);
    end();
}

TEST(roster__that_cannot_be_drained_is_as_before)
{
    struct walpool__member c = {0};
    begin();
    CHECK(!walpool__roster_drain(&roster, walpool__clock_now()));
    CHECK(walpool__roster_join(&roster, &c, NULL, 1));
    walpool__roster_leave(&roster, &c);
    end();
}

static void *
leave_when_closing(void *argument)
{
    struct walpool__member late = {0};
    (void)argument;
    while (walpool__roster_join(&roster, &late, NULL, 1))
        walpool__roster_leave(&roster, &late);
    walpool__roster_leave(&roster, &a);
    walpool__roster_leave(&roster, &b);
    return NULL;
}

TEST(roster__is_drained_when_the_last_has_left_and_lets_nobody_in)
{
    pthread_t thread;
    begin();
    CHECK_INT(pthread_create(&thread, NULL, leave_when_closing, NULL), 0);
    CHECK(walpool__roster_drain(&roster, WALPOOL__NEVER));
    pthread_join(thread, NULL);
    CHECK(!walpool__roster_join(&roster, &a, NULL, 1));
    CHECK_INT(walpool__roster_count(&roster), 0);
    walpool__roster_reopen(&roster);
    CHECK(walpool__roster_join(&roster, &a, NULL, 1));
    walpool__roster_leave(&roster, &a);
    walpool__roster_finish(&roster);
}

CHECK_MAIN()
