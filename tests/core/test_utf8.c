/* utf8: what is valid, what is ASCII, how a label is shown. */
#include "utf8.h"

#include "check.h"

/* A decoder by the definition, one code point at a time, to compare with. */
static size_t
decode_slowly(const unsigned char *at, size_t room)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = at[0] < 0x80             ? 1
                    : (at[0] & 0xE0) == 0xC0 ? 2
                    : (at[0] & 0xF0) == 0xE0 ? 3
                    : (at[0] & 0xF8) == 0xF0 ? 4
                                             : 0;
    if (length == 0 || length > room)
        return 0;
    uint32_t point = length == 1 ? at[0] : at[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 0;
        point = point << 6 | (at[i] & 0x3F);
    }
    bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    if (point < lowest[length] || point > 0x10FFFF || surrogate)
        return 0;
    return length;
}

static bool
valid_slowly(const unsigned char *text, size_t bytes, size_t *bad)
{
    for (*bad = 0; *bad < bytes;) {
        size_t length = decode_slowly(text + *bad, bytes - *bad);
        if (length == 0)
            return false;
        *bad += length;
    }
    return true;
}

TEST(utf8__agrees_with_the_definition_on_every_sequence_of_three_bytes)
{
    for (uint32_t n = 0; n < 1u << 24; n++) {
        unsigned char text[3] = {(unsigned char)(n >> 16),
                                 (unsigned char)(n >> 8), (unsigned char)n};
        size_t bad = 99, want_bad;
        bool want = valid_slowly(text, 3, &want_bad);
        if (walpool__utf8_valid(text, 3, &bad) != want ||
            (!want && bad != want_bad)) {
            printf("# bytes %06x\n", n);
            CHECK(0);
        }
    }
}

TEST(utf8__agrees_with_the_definition_on_sequences_of_four_bytes)
{
    for (uint32_t n = 0; n < 16u * 64 * 66 * 66; n++) {
        unsigned char text[4] = {(unsigned char)(0xEF + n / (64 * 66 * 66)),
                                 (unsigned char)(0x80 + n / (66 * 66) % 64),
                                 (unsigned char)(0x7F + n / 66 % 66),
                                 (unsigned char)(0x7F + n % 66)};
        size_t bad = 99, want_bad;
        bool want = valid_slowly(text, 4, &want_bad);
        if (walpool__utf8_valid(text, 4, &bad) != want ||
            (!want && bad != want_bad)) {
            printf("# bytes %02x %02x %02x %02x\n", text[0], text[1], text[2],
                   text[3]);
            CHECK(0);
        }
    }
}

TEST(utf8__names_where_the_first_bad_sequence_begins)
{
    static const struct {
        const char *text;
        size_t bad;
    } cases[] = {
        {"\xC0\x80", 0},                 /* NUL, overlong */
        {"a\xC1\xBF", 1},                /* overlong */
        {"ab\xE0\x9F\xBF", 2},           /* overlong */
        {"\xF0\x8F\xBF\xBF", 0},         /* overlong */
        {"\xED\xA0\x80", 0},             /* first surrogate */
        {"x\xED\xBF\xBF", 1},            /* last surrogate */
        {"\xF4\x90\x80\x80", 0},         /* U+110000 */
        {"\xF5\x80\x80\x80", 0},         /* no lead byte */
        {"\x80", 0},                     /* no lead byte */
        {"12345678\xE2\x82", 8},         /* cut off */
        {"\xE2\x82\xAC\xF0\x9F\x98", 3}, /* cut off */
        {"1234567890123456\xFF", 16},    /* behind two words of ASCII */
        {"\xC3\xA4\xC3", 2},             /* cut off */
        {"\xC3\xA4 12345678 \xC3\xA4\xE4", 14},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        size_t bad = 99;
        CHECK(!walpool__utf8_valid(cases[i].text, strlen(cases[i].text), &bad));
        CHECK_INT(bad, cases[i].bad);
        CHECK(!walpool__utf8_valid(cases[i].text, strlen(cases[i].text), NULL));
    }
}

TEST(utf8__accepts_text_with_nul_bytes_and_from_every_plane)
{
    static const char text[] = "a\0b \xC2\x80 \xDF\xBF \xE0\xA0\x80 \xED\x9F"
                               "\xBF \xEE\x80\x80 \xEF\xBF\xBF \xF0\x90\x80"
                               "\x80 \xF4\x8F\xBF\xBF end of the text";
    size_t bad = 99;
    CHECK(walpool__utf8_valid(text, sizeof text - 1, &bad));
    CHECK_INT(bad, 99);
    CHECK(walpool__utf8_valid(text, 0, &bad));
    CHECK(walpool__utf8_valid(NULL, 0, &bad));
}

TEST(utf8__finds_one_high_byte_at_any_place_of_any_length)
{
    for (size_t bytes = 0; bytes <= 130; bytes++) {
        char *text = malloc(bytes + 1); /* malloc(0) may be NULL */
        memset(text, 0x7F, bytes);
        CHECK(walpool__utf8_is_ascii(text, bytes));
        for (size_t at = 0; at < bytes; at++) {
            text[at] = (char)0x80;
            CHECK(!walpool__utf8_is_ascii(text, bytes));
            text[at] = 0;
        }
        CHECK(walpool__utf8_is_ascii(text, bytes));
        free(text);
    }
}

TEST(utf8__shows_a_label_whole_or_cut_between_characters)
{
    static const struct {
        const char *text;
        size_t room;
        const char *want;
    } cases[] = {
        {"", 8, ""},
        {"nightly", 8, "nightly"},
        {"nightly!", 8, "nightly"},
        {"abc", 1, ""},
        {"\xC3\xA4\xC3\xB6\xC3\xBC", 6, "\xC3\xA4\xC3\xB6"},
        {"ab\xF0\x9F\x98\x80", 6, "ab"},
        {"ab\xF0\x9F\x98\x80", 7, "ab\xF0\x9F\x98\x80"},
        {"a\nb\x7F"
         "c\xFF"
         "d",
         16, "a?b?c?d"},
        {"\xE2\x82", 16, "??"},
        {"\xED\xA0\x80", 16, "???"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char *dst = malloc(cases[i].room);
        size_t used = walpool__utf8_label(dst, cases[i].room, cases[i].text,
                                          strlen(cases[i].text));
        CHECK_STR(dst, cases[i].want);
        CHECK_INT(used, strlen(cases[i].want));
        free(dst);
    }
}

TEST(utf8__ends_a_label_at_a_nul_byte)
{
    char dst[8];
    CHECK_INT(walpool__utf8_label(dst, sizeof dst, "ab\0cd", 5), 2);
    CHECK_STR(dst, "ab");
}

CHECK_MAIN()
