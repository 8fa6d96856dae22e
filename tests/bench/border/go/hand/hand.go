// Package hand is the yardstick for a trivial call from Go: plain cgo, written
// by hand.
package hand

/*
#include <stdint.h>

__attribute__((noinline)) static int32_t
bench_number(void)
{
	__asm__ volatile("");
	return 100;
}
*/
import "C"

// Number asks C for a number.
func Number() int32 { return int32(C.bench_number()) }
