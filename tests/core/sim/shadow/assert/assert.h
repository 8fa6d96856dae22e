/* Stands before the system's <assert.h> for what runs in the simulator: an
 * assertion that fails ends the schedule, with a report of how it came to it.
 * It stays on where NDEBUG is defined. No include guard, as in C's own. */
#undef assert
#define assert(holds) \
    ((holds) ? (void)0 : sim_assert_failed(__FILE__, __LINE__, #holds))

#ifndef static_assert
#define static_assert _Static_assert
#endif

_Noreturn void sim_assert_failed(const char *file, int line, const char *text);
