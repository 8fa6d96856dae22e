/* What the hand-written extensions call: a number, in a file of its own so
 * that the call is one. */
#include <stdint.h>

int32_t bench_number(void);

int32_t
bench_number(void)
{
    return 100;
}
