/* UTF-8: is this text valid, is it ASCII, how is it shown. */
#ifndef WALPOOL_UTF8_H
#define WALPOOL_UTF8_H

#include <string.h>

#include "base.h"

#define WALPOOL__UTF8_HIGH_BITS 0x8080808080808080u

bool walpool__utf8_long_is_ascii(const void *text, size_t bytes);

/* Inline for short text, because it runs for every text cell: two loads that
 * overlap see each byte of 8..16 bytes, and of 4..8 bytes. */
static inline bool
walpool__utf8_is_ascii(const void *text, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)text;
    if (bytes > 16)
        return walpool__utf8_long_is_ascii(text, bytes);
    if (bytes >= 8) {
        uint64_t head, tail;
        memcpy(&head, at, 8);
        memcpy(&tail, at + bytes - 8, 8);
        return ((head | tail) & WALPOOL__UTF8_HIGH_BITS) == 0;
    }
    if (bytes >= 4) {
        uint32_t head, tail;
        memcpy(&head, at, 4);
        memcpy(&tail, at + bytes - 4, 4);
        return ((head | tail) & (uint32_t)WALPOOL__UTF8_HIGH_BITS) == 0;
    }
    if (bytes == 0)
        return true;
    return ((at[0] | at[bytes / 2] | at[bytes - 1]) & 0x80) == 0;
}

/* Strict: no overlong form, no surrogate, nothing above U+10FFFF, nothing cut
 * off. `bad_offset` (may be NULL) receives where the first bad sequence
 * begins; it is not written for valid text. */
bool walpool__utf8_valid(const void *text, size_t bytes, size_t *bad_offset);

/* Copy a label: cut at a NUL and at dst_bytes - 1, never inside a character,
 * `?` for each byte that is not UTF-8 and for each control character.
 * Always NUL-terminated; returns the length. dst_bytes >= 1. */
size_t walpool__utf8_label(char *dst, size_t dst_bytes, const char *text,
                           size_t bytes);

#endif
