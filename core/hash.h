/* Hash: bytes as one number of 64 bits, the same on every machine. Only spread
 * is needed, not strength. */
#ifndef WALPOOL_HASH_H
#define WALPOOL_HASH_H

#include <string.h>

#include "base.h"

/* Mix one number into a hash. */
static inline uint64_t
walpool__hash_number(uint64_t hash, uint64_t number)
{
    hash = (hash ^ number) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

static inline uint64_t
walpool__hash_load(const unsigned char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Mix bytes, and how many there are, into a hash. */
static inline uint64_t
walpool__hash_bytes(uint64_t hash, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    uint64_t rest = 0;

    hash = walpool__hash_number(hash, count);
    for (; count >= 8; count -= 8, at += 8)
        hash = walpool__hash_number(hash, walpool__hash_load(at));
    while (count > 0)
        rest = rest << 8 | at[--count];
    hash = walpool__hash_number(hash, rest);
    return hash ^ hash >> 32;
}

/* Names of columns as one number, which begins with 1, name after name. */
static inline uint64_t
walpool__hash_shape(uint64_t shape, const void *name, size_t bytes)
{
    return (shape + 1) * 31 + walpool__hash_bytes(0, name, bytes);
}

#endif
