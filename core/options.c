/* Options: set one from text, check a struct that C code filled in.
 *
 * Does: read values, store what is allowed, say what is when one is not.
 * Must not: read a file, the environment or a DSN.
 * Lock: none. */
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "option_table.h"
#include "utf8.h"

enum { NAME_BYTES = 40, VALUE_BYTES = 64, ALLOWED_BYTES = 400 };

void
walpool_options_init(walpool_options *options)
{
    static const walpool_options defaults = WALPOOL_OPTIONS_INIT;
    if (options != NULL)
        *options = defaults;
}

/* ------------------------------------------------------------ messages */

static walpool_status
refuse_value(const struct walpool__option *option, const char *value,
             walpool_error *err)
{
    char allowed[ALLOWED_BYTES], shown[VALUE_BYTES];
    walpool__utf8_label(shown, sizeof shown, value, strlen(value));
    walpool__option_describe(option, allowed, sizeof allowed);
    return walpool__error_set(err, WALPOOL_OPTION,
                              "option %s: \"%s\" is not %s", option->name,
                              shown, allowed);
}

static walpool_status
refuse_name(const char *name, bool pragma, walpool_error *err)
{
    char known[ALLOWED_BYTES], shown[NAME_BYTES];
    walpool__utf8_label(shown, sizeof shown, name, strlen(name));
    walpool__option_suggest(shown, pragma, known, sizeof known);
    return walpool__error_set(err, WALPOOL_OPTION, "unknown %s \"%s\"; %s",
                              pragma ? "pragma" : "option", shown, known);
}

static walpool_status
refuse_version(const walpool_options *options, walpool_error *err)
{
    return walpool__error_set(err, WALPOOL_MISUSE,
                              "walpool_options: version is %u; begin with "
                              "WALPOOL_OPTIONS_INIT",
                              (unsigned)options->version);
}

/* ------------------------------------------------------------- numbers */

/* Digits with a sign, and nothing else: strtoll alone would take " 12". */
static bool
to_number(const char *text, int base, int64_t *number)
{
    const char *digits = text + (*text == '-' || *text == '+');
    if (*digits < '0' || *digits > '9')
        return false;
    char *end;
    errno = 0;
    *number = strtoll(text, &end, base);
    return errno == 0 && *end == '\0';
}

static bool
in_range(enum walpool__slot slot, int64_t number)
{
    struct walpool__range range = walpool__option_range(slot);
    return number >= range.lowest && number <= range.highest;
}

/* SQLite's cache_size: N pages, or -N KiB. */
static bool
pages_to_kib(int64_t *number)
{
    int64_t most = walpool__option_range(WALPOOL__SLOT_CACHE_SIZE).highest;
    if (*number > most || *number < -most)
        return false;
    *number *= *number < 0 ? -1 : WALPOOL__OPTION_PAGE_KIB;
    return true;
}

static bool
to_allowed_number(const struct walpool__option *option, const char *value,
                  int64_t *number)
{
    bool octal = option->slot == WALPOOL__SLOT_PERMISSIONS;
    return to_number(value, octal ? 8 : 10, number) &&
           (!walpool__option_in_pages(option) || pages_to_kib(number)) &&
           in_range(option->slot, *number);
}

/* Without regard to case, and to the locale: Turkish has another `i`. */
static bool
same_word(const char *known, const char *value)
{
    for (; *known != '\0'; known++, value++) {
        bool upper = *value >= 'A' && *value <= 'Z';
        if (*known != (upper ? *value - 'A' + 'a' : *value))
            return false;
    }
    return *value == '\0';
}

static bool
to_word_number(const struct walpool__option *option, const char *value,
               int64_t *number)
{
    const struct walpool__word *word = option->words;
    while (word->text != NULL && !same_word(word->text, value))
        word++;
    *number = word->number;
    return word->text != NULL;
}

/* ------------------------------------------------------------- setting */

int
walpool__options_slot(const char *name)
{
    const struct walpool__option *option = walpool__option_find(name);
    if (option == NULL || option->slot == WALPOOL__SLOT_PRAGMA)
        return -1;
    return (int)option->slot;
}

static walpool_status
set_value(walpool_options *options, const struct walpool__option *option,
          const char *value, walpool_error *err)
{
    int64_t number;
    bool good = option->words != NULL
                    ? to_word_number(option, value, &number)
                    : to_allowed_number(option, value, &number);
    if (!good)
        return refuse_value(option, value, err);
    if (option->slot < WALPOOL__SLOT_STORED)
        walpool__option_store(options, option->slot, number);
    return WALPOOL_OK;
}

/* Cut `name(value)` or `name=value` in two, in place. */
static bool
cut_pragma(char *text, char **value)
{
    size_t name_bytes = strcspn(text, "(=");
    char *end = text + strlen(text);
    if (text[name_bytes] == '\0')
        return false;
    if (text[name_bytes] == '(') {
        if (end[-1] != ')')
            return false;
        end[-1] = '\0';
    }
    text[name_bytes] = '\0';
    *value = text + name_bytes + 1;
    return true;
}

static walpool_status
set_pragma(walpool_options *options, const char *text, walpool_error *err)
{
    char copy[NAME_BYTES + VALUE_BYTES];
    char *value;
    size_t bytes = walpool__utf8_label(copy, sizeof copy, text, strlen(text));
    if (bytes < strlen(text) || !cut_pragma(copy, &value))
        return walpool__error_set(err, WALPOOL_OPTION,
                                  "option pragma: "
                                  "\"%s\" is neither name(value) nor "
                                  "name=value",
                                  copy);
    const struct walpool__option *option = walpool__option_find(copy);
    if (option == NULL || !option->pragma)
        return refuse_name(copy, true, err);
    return set_value(options, option, value, err);
}

walpool_status
walpool_options_set(walpool_options *options, const char *name,
                    const char *value, walpool_error *err)
{
    if (options == NULL || name == NULL || value == NULL)
        return walpool__error_set(err, WALPOOL_MISUSE,
                                  "walpool_options_set: %s is NULL",
                                  options == NULL ? "options"
                                  : name == NULL  ? "name"
                                                  : "value");
    if (options->version != WALPOOL_OPTIONS_VERSION)
        return refuse_version(options, err);
    const struct walpool__option *option = walpool__option_find(name);
    if (option == NULL)
        return refuse_name(name, false, err);
    if (option->slot == WALPOOL__SLOT_PRAGMA)
        return set_pragma(options, value, err);
    return set_value(options, option, value, err);
}

/* C code wrote a number: so does the answer, mode bits in octal. */
static walpool_status
refuse_field(enum walpool__slot slot, int64_t number,
             struct walpool__range range, walpool_error *err)
{
    const char *name = walpool__option_of(slot)->name;
    if (slot == WALPOOL__SLOT_PERMISSIONS)
        return walpool__error_set(err, WALPOOL_OPTION,
                                  "walpool_options: %s "
                                  "is 0%o, allowed are 0%o to 0%o",
                                  name, (unsigned)number,
                                  (unsigned)range.lowest,
                                  (unsigned)range.highest);
    return walpool__error_set(err, WALPOOL_OPTION,
                              "walpool_options: %s is %lld, allowed are "
                              "%lld to %lld",
                              name, (long long)number, (long long)range.lowest,
                              (long long)range.highest);
}

/* Options that contradict each other. */
static walpool_status
check_ceiling(const walpool_options *options, walpool_error *err)
{
    if (options->wal_ceiling_frames > 0 &&
        options->wal_ceiling_frames < options->checkpoint_frames)
        return walpool__error_set(err, WALPOOL_OPTION,
                                  "option wal_ceiling_frames is %d, below "
                                  " checkpoint_frames, %d: give more, or "
                                  "0 for none", (int)options->wal_ceiling_frames,
                                  (int)options->checkpoint_frames);
    if (options->wal_ceiling_policy &&
        options->checkpoint_owner == WALPOOL__OWNER_EXTERNAL)
        return walpool__error_set(err, WALPOOL_OPTION,
                                  "option wal_ceiling_policy is not warn, and checkpoint_owner is external: "
                                  "walpool cannot make the WAL shorter then");
    return WALPOOL_OK;
}

walpool_status
walpool__options_check(const walpool_options *options, walpool_error *err)
{
    PRE(options != NULL);
    if (options->version != WALPOOL_OPTIONS_VERSION)
        return refuse_version(options, err);
    for (int slot = 0; slot < WALPOOL__SLOT_STORED; slot++) {
        int64_t number = walpool__option_load(options, slot);
        struct walpool__range range = walpool__option_range(slot);
        if (number < range.lowest || number > range.highest)
            return refuse_field(slot, number, range, err);
    }
    return check_ceiling(options, err);
}
