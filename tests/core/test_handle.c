/* handle: stale, recycled, of another kind, invented, raced for. */
#include "handle.h"

#include <sched.h>

#include "check.h"
#include "mem.h"

static walpool_error err;
static atomic_int destroyed;

struct thing {
    int number;
    atomic_int ended;
};

static void
destroy(void *object)
{
    struct thing *thing = object;
    atomic_fetch_add(&thing->ended, 1);
    atomic_fetch_add(&destroyed, 1);
}

static struct thing *
pin(enum walpool__handle_kind kind, const void *handle, walpool_status want)
{
    walpool_status status = WALPOOL_INTERNAL;
    struct thing *thing = walpool__handle_pin(kind, handle, &err, &status);
    CHECK_STR(walpool_status_name(status), walpool_status_name(want));
    CHECK((thing != NULL) == (want == WALPOOL_OK));
    return thing;
}

/* The pins of a database are counted in another way than those of the rest. */
static enum walpool__handle_kind made = WALPOOL__HANDLE_LEASE;

static void *
make(struct thing *thing)
{
    void *handle = walpool__handle_open(made, thing, destroy);
    CHECK(handle != NULL);
    return handle;
}

static void
end(const void *handle)
{
    pin(made, handle, WALPOOL_OK);
    CHECK(walpool__handle_close(handle));
    walpool__handle_unpin(handle);
}

TEST(handle__leads_to_its_object)
{
    struct thing thing = {.number = 7};
    void *handle = make(&thing);
    CHECK(pin(WALPOOL__HANDLE_LEASE, handle, WALPOOL_OK) == &thing);
    walpool__handle_unpin(handle);
    CHECK_INT(atomic_load(&thing.ended), 0);
    end(handle);
    CHECK_INT(atomic_load(&thing.ended), 1);
}

TEST(handle__fits_a_double)
{
    struct thing thing = {0};
    void *handle = make(&thing);
    CHECK((uint64_t)(uintptr_t)handle < (uint64_t)1 << 53);
    end(handle);
}

TEST(handle__is_closed_after_its_end)
{
    struct thing thing = {0};
    void *handle = make(&thing);
    end(handle);
    pin(WALPOOL__HANDLE_LEASE, handle, WALPOOL_CLOSED);
    CHECK_STR(err.message, "the lease is closed");
}

TEST(handle__does_not_reach_the_next_object_in_its_slot)
{
    struct thing first = {0}, second = {0};
    void *stale = make(&first);
    end(stale);
    void *fresh = make(&second);
    CHECK(fresh != stale);
    pin(WALPOOL__HANDLE_LEASE, stale, WALPOOL_CLOSED);
    CHECK(pin(WALPOOL__HANDLE_LEASE, fresh, WALPOOL_OK) == &second);
    walpool__handle_unpin(fresh);
    end(fresh);
}

TEST(handle__of_another_kind_is_named)
{
    struct thing thing = {0};
    void *handle = make(&thing);
    pin(WALPOOL__HANDLE_DATABASE, handle, WALPOOL_MISUSE);
    CHECK_STR(err.message, "a database is needed, this handle is a lease");
    pin(WALPOOL__HANDLE_CURSOR, handle, WALPOOL_MISUSE);
    pin(WALPOOL__HANDLE_TOKEN, NULL, WALPOOL_MISUSE);
    CHECK_STR(err.message, "the token is NULL");
    end(handle);
}

/* Every bit that is turned makes another number, and no living handle. */
TEST(handle__is_not_found_by_a_number_near_it)
{
    struct thing thing = {0};
    void *handle = make(&thing);
    for (int bit = 0; bit < (int)sizeof handle * 8; bit++) {
        uintptr_t near = (uintptr_t)handle ^ (uintptr_t)1 << bit;
        walpool_status status = WALPOOL_OK;
        for (int kind = 0; kind < WALPOOL__HANDLE_KINDS; kind++) {
            CHECK(walpool__handle_pin(kind, (void *)near, &err, &status) ==
                  NULL);
            CHECK(status == WALPOOL_MISUSE || status == WALPOOL_CLOSED);
        }
    }
    end(handle);
}

TEST(handle__that_was_invented_is_refused)
{
    static const uintptr_t numbers[] = {1,          2,    7,     8,
                                        0x7FFFFFFF, 4096, 1u << 20,
                                        UINTPTR_MAX, UINTPTR_MAX - 5};
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++)
        for (int kind = 0; kind < WALPOOL__HANDLE_KINDS; kind++) {
            walpool_status status = WALPOOL_OK;
            void *object = walpool__handle_pin(kind, (void *)numbers[i], &err,
                                               &status);
            CHECK(object == NULL);
            CHECK(status == WALPOOL_MISUSE || status == WALPOOL_CLOSED);
        }
}

static void *
end_it(void *handle)
{
    end(handle);
    return NULL;
}

static void *
unpin_it(void *handle)
{
    walpool__handle_unpin(handle);
    return NULL;
}

static void
on_a_thread(void *(*run)(void *), void *handle)
{
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, run, handle), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
}

/* Closed by one thread, unpinned by others than have pinned it. */
static void
keep_while_pinned(void)
{
    struct thing thing = {0};
    void *handle = make(&thing);
    for (int i = 0; i < 3; i++)
        pin(made, handle, WALPOOL_OK);
    on_a_thread(end_it, handle);
    for (int i = 0; i < 3; i++) {
        pin(made, handle, WALPOOL_CLOSED);
        CHECK_INT(atomic_load(&thing.ended), 0);
        on_a_thread(unpin_it, handle);
    }
    pin(made, handle, WALPOOL_CLOSED);
    CHECK_INT(atomic_load(&thing.ended), 1);
}

TEST(handle__keeps_its_object_while_it_is_pinned)
{
    keep_while_pinned();
    made = WALPOOL__HANDLE_DATABASE;
    keep_while_pinned();
    made = WALPOOL__HANDLE_LEASE;
}

TEST(handle__is_closed_by_one_only)
{
    struct thing thing = {0};
    void *handle = make(&thing);
    pin(WALPOOL__HANDLE_LEASE, handle, WALPOOL_OK);
    CHECK(!walpool__handle_is_closed(handle));
    CHECK(walpool__handle_close(handle));
    CHECK(walpool__handle_is_closed(handle));
    CHECK(!walpool__handle_close(handle));
    walpool__handle_unpin(handle);
    CHECK_INT(atomic_load(&thing.ended), 1);
}

TEST(handle__grows_its_table)
{
    enum { MANY = 3000 };
    static struct thing things[MANY];
    static void *handles[MANY];
    memset(things, 0, sizeof things);
    for (int i = 0; i < MANY; i++)
        handles[i] = make(&things[i]);
    for (int i = 0; i < MANY; i++) {
        CHECK(pin(WALPOOL__HANDLE_LEASE, handles[i], WALPOOL_OK) ==
              &things[i]);
        walpool__handle_unpin(handles[i]);
    }
    for (int i = 0; i < MANY; i++)
        end(handles[i]);
    for (int i = 0; i < MANY; i++)
        CHECK_INT(atomic_load(&things[i].ended), 1);
}

/* Slots of ended handles serve again, so the table stays as it is. */
TEST(handle__needs_no_memory_for_one_after_the_other)
{
    struct thing thing = {0};
    end(make(&thing));
    walpool__mem_fail_after(0);
    for (int i = 0; i < 1000; i++)
        end(make(&thing));
    CHECK_INT(walpool__mem_fail_after(-1), 0);
}

/* Those that are free now may have been a database's, and have what it needs. */
TEST(handle__of_a_database_needs_memory_for_its_pins)
{
    static struct thing things[16];
    static void *others[16];
    memset(things, 0, sizeof things);
    for (size_t i = 0; i < ARRAY_COUNT(others); i++)
        others[i] = make(&things[i]);
    walpool__mem_fail_after(0);
    CHECK(walpool__handle_open(WALPOOL__HANDLE_DATABASE, things, destroy) ==
          NULL);
    CHECK(walpool__mem_fail_after(-1) > 0);
    made = WALPOOL__HANDLE_DATABASE;
    end(make(&things[0]));
    walpool__mem_fail_after(0);
    end(make(&things[0]));
    CHECK_INT(walpool__mem_fail_after(-1), 0);
    made = WALPOOL__HANDLE_LEASE;
    for (size_t i = 0; i < ARRAY_COUNT(others); i++)
        end(others[i]);
}

TEST(handle__cannot_be_made_without_memory)
{
    enum { MANY = 4000 };
    static struct thing things[MANY];
    static void *handles[MANY];
    int count = 0;
    walpool__mem_fail_after(0);
    while (count < MANY &&
           (handles[count] = walpool__handle_open(
                WALPOOL__HANDLE_LEASE, &things[count], destroy)) != NULL)
        count++;
    walpool__mem_fail_after(-1);
    CHECK(count < MANY);
    handles[count] = make(&things[count]);
    for (int i = 0; i <= count; i++)
        end(handles[i]);
}

/* ------------------------------------------------------------- many threads */

enum { THREADS = 4, ROUNDS = 3000 };

static _Atomic(void *) shared[ROUNDS];
static struct thing objects[ROUNDS];
static atomic_int closes;

/* Pin, look, sometimes close, as everybody else does with the same handle. */
static void *
pin_and_close(void *arg)
{
    uintptr_t me = (uintptr_t)arg;
    for (int i = 0; i < ROUNDS; i++) {
        walpool_status status;
        void *handle;
        while ((handle = atomic_load(&shared[i])) == NULL)
            sched_yield();
        struct thing *thing =
            walpool__handle_pin(made, handle, NULL, &status);
        if (thing == NULL) {
            CHECK_INT(status, WALPOOL_CLOSED);
            continue;
        }
        CHECK_INT(thing->number, i);
        CHECK_INT(atomic_load(&thing->ended), 0);
        if ((i + (int)me) % 2 == 0 && walpool__handle_close(handle))
            atomic_fetch_add(&closes, 1);
        CHECK_INT(atomic_load(&thing->ended), 0);
        walpool__handle_unpin(handle);
    }
    return NULL;
}

static void
race(void)
{
    pthread_t threads[THREADS];
    memset(objects, 0, sizeof objects);
    memset(shared, 0, sizeof shared);
    atomic_store(&destroyed, 0);
    atomic_store(&closes, 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, pin_and_close, (void *)i),
                  0);
    for (int i = 0; i < ROUNDS; i++) {
        objects[i].number = i;
        atomic_store(&shared[i], make(&objects[i]));
    }
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK_INT(atomic_load(&closes), ROUNDS);
    CHECK_INT(atomic_load(&destroyed), ROUNDS);
    for (int i = 0; i < ROUNDS; i++)
        CHECK_INT(atomic_load(&objects[i].ended), 1);
}

TEST(handle__destroys_exactly_once_when_threads_race)
{
    race();
    made = WALPOOL__HANDLE_DATABASE;
    race();
    made = WALPOOL__HANDLE_LEASE;
}

CHECK_MAIN()
