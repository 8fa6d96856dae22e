/* mem: the heap's one door, and the one allocation that a test lets fail. */
#include "mem.h"

#include "check.h"

TEST(mem__gives_memory_for_no_bytes)
{
    void *memory = walpool__mem_alloc(0);
    CHECK(memory != NULL);
    walpool__mem_free(memory);
    memory = walpool__mem_zalloc(0);
    CHECK(memory != NULL);
    walpool__mem_free(memory);
    walpool__mem_free(NULL);
}

TEST(mem__clears_what_it_was_asked_to_clear)
{
    unsigned char *memory = walpool__mem_zalloc(100);
    for (int i = 0; i < 100; i++)
        CHECK_INT(memory[i], 0);
    walpool__mem_free(memory);
}

TEST(mem__keeps_the_bytes_when_it_resizes)
{
    char *memory = walpool__mem_realloc(NULL, 4);
    CHECK(memory != NULL);
    memcpy(memory, "abc", 4);
    memory = walpool__mem_realloc(memory, 4000);
    CHECK_STR(memory, "abc");
    walpool__mem_free(memory);
}

TEST(mem__copies_text_and_ends_it)
{
    char *copy = walpool__mem_copy_text("abcdef", 3);
    CHECK_STR(copy, "abc");
    walpool__mem_free(copy);
    copy = walpool__mem_copy_text(NULL, 0);
    CHECK_STR(copy, "");
    walpool__mem_free(copy);
}

TEST(mem__fails_the_one_allocation_that_was_named)
{
    void *memory[3];
    walpool__mem_fail_after(1);
    memory[0] = walpool__mem_alloc(8);
    memory[1] = walpool__mem_alloc(8);
    memory[2] = walpool__mem_alloc(8);
    CHECK_INT(walpool__mem_fail_after(-1), 2);
    CHECK(memory[0] != NULL);
    CHECK(memory[1] == NULL);
    CHECK(memory[2] != NULL);
    walpool__mem_free(memory[0]);
    walpool__mem_free(memory[2]);
}

TEST(mem__keeps_the_old_memory_when_a_resize_fails)
{
    char *memory = walpool__mem_copy_text("abc", 3);
    walpool__mem_fail_after(0);
    CHECK(walpool__mem_realloc(memory, 4000) == NULL);
    walpool__mem_fail_after(-1);
    CHECK_STR(memory, "abc");
    walpool__mem_free(memory);
}

TEST(mem__counts_and_fails_every_kind)
{
    walpool__mem_fail_after(0);
    CHECK(walpool__mem_alloc(1) == NULL);
    walpool__mem_fail_after(0);
    CHECK(walpool__mem_zalloc(1) == NULL);
    walpool__mem_fail_after(0);
    CHECK(walpool__mem_copy_text("a", 1) == NULL);
    CHECK_INT(walpool__mem_fail_after(-1), 1);
    CHECK_INT(walpool__mem_fail_after(-1), 0);
}

CHECK_MAIN()
