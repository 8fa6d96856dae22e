/* The judge: is what a power cut left a whole database that holds the first
 * so many of the commits, each of them complete? Plain SQLite and walpool are
 * asked, each with the image as the cut left it. */
#ifndef JUDGE_H
#define JUDGE_H

#include <stdint.h>

#define JUDGE_WRITERS 8

/* What the writers use; each of the statements is one commit. An entry is the
 * kth of its writer; kind 1 and 2 are two in one transaction. */
#define JUDGE_SCHEMA                                                         \
    "CREATE TABLE entry(id INTEGER PRIMARY KEY, writer INT, k INT, kind INT," \
    " pad);"                                                                 \
    "CREATE UNIQUE INDEX entry_by_writer ON entry(writer, k);"               \
    "CREATE TABLE total(writer INTEGER PRIMARY KEY, entries INT, sum INT);"  \
    "CREATE TABLE undone(v);"                                                \
    "CREATE TRIGGER entry_counts AFTER INSERT ON entry BEGIN"                \
    " INSERT INTO total VALUES (new.writer, 1, new.k)"                       \
    "  ON CONFLICT(writer) DO UPDATE SET entries = entries + 1,"             \
    "  sum = sum + new.k;"                                                   \
    "END;"

struct verdict {
    int64_t last[JUDGE_WRITERS]; /* k of the newest entry of each writer */
    int64_t entries;             /* -1: not even the tables are there */
    char problem[400];           /* "" if it is sound */
};

void judge_by_sqlite(const char *path, struct verdict *verdict);

/* Also writes to it, as the next program would. */
void judge_by_walpool(const char *path, struct verdict *verdict);

#endif
