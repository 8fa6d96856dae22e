/* Mutated input from a fixed seed: the same bytes in every run.
 *
 * The copy that a test hands in has exactly its size on the heap, so that the
 * address sanitizer sees a read of one byte too many. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct fuzz {
    uint64_t state; /* not 0 */
};

static inline uint64_t
fuzz_next(struct fuzz *fuzz)
{
    fuzz->state ^= fuzz->state << 13;
    fuzz->state ^= fuzz->state >> 7;
    fuzz->state ^= fuzz->state << 17;
    return fuzz->state * 0x2545F4914F6CDD1Du >> 8;
}

static inline size_t
fuzz_below(struct fuzz *fuzz, size_t limit)
{
    return (size_t)(fuzz_next(fuzz) % limit);
}

/* Numbers that layouts go wrong with. */
static inline uint64_t
fuzz_number(struct fuzz *fuzz)
{
    static const uint64_t edges[] = {
        0,          1,          7,           8,         16,        63,
        64,         65,         0x7FFF,      0x8000,    0xFFFF,    0x7FFFFFFF,
        0x80000000, 0xFFFFFFFF, 0x100000000, INT64_MAX, UINT64_MAX};
    size_t count = sizeof edges / sizeof edges[0];
    size_t pick = fuzz_below(fuzz, count + 2);
    return pick < count ? edges[pick] - fuzz_below(fuzz, 2)
                        : fuzz_next(fuzz) % 512;
}

/* Change one to three places: a byte, or a number where numbers stand. */
static inline void
fuzz_mutate(struct fuzz *fuzz, void *bytes, size_t count)
{
    unsigned char *at = bytes;
    for (size_t n = fuzz_below(fuzz, 3) + 1; n > 0; n--) {
        uint64_t number = fuzz_number(fuzz);
        size_t width = (size_t)4 << fuzz_below(fuzz, 2);
        if (fuzz_below(fuzz, 2) == 0 || count < 8)
            at[fuzz_below(fuzz, count)] = (unsigned char)fuzz_next(fuzz);
        else
            memcpy(at + fuzz_below(fuzz, count / width) * width, &number,
                   width);
    }
}

/* A mutated copy of `from`, sometimes cut short; the caller frees it. */
static inline void *
fuzz_copy(struct fuzz *fuzz, const void *from, size_t count, size_t *bytes)
{
    *bytes = fuzz_below(fuzz, 4) == 0 ? fuzz_below(fuzz, count) + 1 : count;
    void *copy = malloc(*bytes);
    memcpy(copy, from, *bytes);
    fuzz_mutate(fuzz, copy, *bytes);
    return copy;
}

#endif
