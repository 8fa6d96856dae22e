/* UTF-8: is this text valid, is it ASCII, how is it shown.
 *
 * Must not: allocate, know rows or SQLite.
 * Lock: none, there is no state.
 *
 * What is valid is table 3-7 of the Unicode standard: the lead byte decides
 * how many bytes follow, and only the second byte's range depends on it. */
#include "utf8.h"

static uint64_t
load8(const unsigned char *at)
{
    uint64_t word;
    memcpy(&word, at, 8);
    return word;
}

bool
walpool__utf8_long_is_ascii(const void *text, size_t bytes)
{
    PRE(bytes >= 8);
    const unsigned char *at = text;
    const unsigned char *last = at + bytes - 8;
    for (; last - at >= 32; at += 32) {
        uint64_t seen =
            load8(at) | load8(at + 8) | load8(at + 16) | load8(at + 24);
        if ((seen & WALPOOL__UTF8_HIGH_BITS) != 0)
            return false;
    }
    uint64_t seen = load8(last);
    for (; at < last; at += 8)
        seen |= load8(at);
    return (seen & WALPOOL__UTF8_HIGH_BITS) == 0;
}

static size_t
bytes_after(unsigned char lead)
{
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    return lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
}

static bool
second_fits(unsigned char lead, unsigned char second)
{
    unsigned char lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    return second >= lowest && second <= highest;
}

/* Bytes of the character of two or more bytes at `at`; 0: it is not valid. */
static size_t
sequence_bytes(const unsigned char *at, size_t room)
{
    size_t after = bytes_after(at[0]);
    if (after == 0 || after >= room || !second_fits(at[0], at[1]))
        return 0;
    for (size_t i = 2; i <= after; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    return after + 1;
}

static size_t
skip_ascii(const unsigned char *at, size_t bytes)
{
    size_t i = 0;
    while (bytes - i >= 8 && (load8(at + i) & WALPOOL__UTF8_HIGH_BITS) == 0)
        i += 8;
    while (i < bytes && at[i] < 0x80)
        i++;
    return i;
}

bool
walpool__utf8_valid(const void *text, size_t bytes, size_t *bad_offset)
{
    const unsigned char *at = text;
    size_t i = 0;
    while (i < bytes) {
        i += skip_ascii(at + i, bytes - i);
        /* A text in another script is mostly long characters: stay here. */
        while (i < bytes && at[i] >= 0x80) {
            size_t length = sequence_bytes(at + i, bytes - i);
            if (length == 0) {
                if (bad_offset != NULL)
                    *bad_offset = i;
                return false;
            }
            i += length;
        }
    }
    return true;
}

size_t
walpool__utf8_label(char *dst, size_t dst_bytes, const char *text, size_t bytes)
{
    PRE(dst_bytes >= 1);
    const unsigned char *at = (const unsigned char *)text;
    size_t used = 0;
    for (size_t i = 0; i < bytes && at[i] != 0;) {
        size_t length = at[i] < 0x80 ? 1 : sequence_bytes(at + i, bytes - i);
        bool shown = length > 1 || (at[i] >= 0x20 && at[i] < 0x7F);
        size_t step = length > 1 ? length : 1;
        if (step > dst_bytes - 1 - used)
            break;
        memcpy(dst + used, shown ? (const void *)(at + i) : "?", step);
        used += step;
        i += step;
    }
    dst[used] = '\0';
    return used;
}
