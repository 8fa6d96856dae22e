/* Copies: is SQLite in this process more than once?
 *
 * POSIX locks belong to the process, so a second SQLite does not see those of
 * the first: it takes itself for the only user of a database, cuts the -shm
 * file that is in use to nothing, and when it closes the file all locks of the
 * first are gone (sqlite.org/howtocorrupt.html 2.2.1). One SQLite opens -shm
 * once for all its connections, so a second descriptor of it is a second
 * SQLite, or code that opens the file itself, which is as bad.
 *
 * Does: count, name.
 * Must not: open or close a descriptor of the file.
 * Lock: none. */
#include "copies.h"

#include <stdio.h>
#include <string.h>

#include <sqlite3.h>
#if defined(__linux__)
#include <link.h>
#endif

#include "posixlock.h"

#define MANY 16

int
walpool__copies_count(const struct walpool__file_id *shm)
{
    int fds[MANY];

    return (int)walpool__posixlock_descriptors(shm, fds, MANY);
}

#if defined(__linux__)

struct search {
    char *dst;
    size_t bytes;
};

/* SQLite writes these bytes to the beginning of each database. In two parts,
 * so that this file does not hold them. */
static const void *
find_mark(const void *memory, size_t bytes)
{
    char mark[16];

    memcpy(mark, "SQLite ", 7);
    memcpy(mark + 7, "format 3", 9);
    return memmem(memory, bytes, mark, sizeof mark);
}

static bool
is_ours(const struct dl_phdr_info *object)
{
    uintptr_t ours = (uintptr_t)sqlite3_libversion;

    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        uintptr_t start = object->dlpi_addr + part->p_vaddr;

        if (part->p_type == PT_LOAD && ours >= start &&
            ours - start < part->p_memsz)
            return true;
    }
    return false;
}

static bool
holds_sqlite(const struct dl_phdr_info *object)
{
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        uintptr_t start = object->dlpi_addr + part->p_vaddr;

        if (part->p_type == PT_LOAD && (part->p_flags & PF_R) &&
            !(part->p_flags & PF_W) &&
            find_mark((const void *)start, part->p_filesz))
            return true;
    }
    return false;
}

static int
add_name(struct dl_phdr_info *object, size_t bytes, void *arg)
{
    struct search *search = arg;
    const char *slash = strrchr(object->dlpi_name, '/');
    size_t used = strlen(search->dst);

    (void)bytes;
    if (is_ours(object) || !holds_sqlite(object))
        return 0;
    snprintf(search->dst + used, search->bytes - used, "%s%s",
             used ? ", " : "",
             slash               ? slash + 1
             : object->dlpi_name[0] ? object->dlpi_name
                                    : "the program itself");
    return 0;
}

void
walpool__copies_name(char *dst, size_t bytes)
{
    struct search search = {dst, bytes};

    dst[0] = '\0';
    dl_iterate_phdr(add_name, &search);
}

#else

void
walpool__copies_name(char *dst, size_t bytes)
{
    (void)bytes;
    dst[0] = '\0';
}

#endif
