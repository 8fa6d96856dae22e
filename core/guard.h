/* Guard: statements that a connection must not run. */
#ifndef WALPOOL_GUARD_H
#define WALPOOL_GUARD_H

#include <sqlite3.h>

#include "base.h"

/* What a caller's text does to the transaction. */
enum walpool__verb {
    WALPOOL__VERB_NONE,
    WALPOOL__VERB_BEGIN,
    WALPOOL__VERB_COMMIT,
    WALPOOL__VERB_ROLLBACK,
    WALPOOL__VERB_SAVEPOINT,
    WALPOOL__VERB_RELEASE,
    WALPOOL__VERB_ROLLBACK_TO
};

/* Where a caller's text is run: that decides about its verb. */
enum walpool__place_of_text {
    WALPOOL__TEXT_BY_ITSELF, /* refused: in walpool_read, write and batch */
    WALPOOL__TEXT_ON_READER, /* refused */
    WALPOOL__TEXT_IN_SCRIPT, /* refused */
    WALPOOL__TEXT_ON_WRITER  /* noted: whoever prepares carries it out */
};

#define WALPOOL__SAVEPOINT_BYTES 256 /* of a name, with its NUL */
/* Of our own savepoints; no text may use it. */
#define WALPOOL__SAVEPOINT_NAME "walpool"

/* What else a text was seen to do while it was prepared, as bits. */
enum { /* on a private connection */
    WALPOOL__SEEN_TEMP = 1,    /* writes to the connection's own tables */
    WALPOOL__SEEN_WRITE = 2,   /* writes to others */
    WALPOOL__SEEN_TIMEOUT = 4, /* PRAGMA busy_timeout: for us to answer */
    /* on a pooled one */
    WALPOOL__SEEN_ROWS = 8,    /* changes rows */
    WALPOOL__SEEN_MORE = 16    /* does more than read and change rows */
};

struct walpool__guard {
    sqlite3 *db;
    bool off;          /* our own statements pass */
    bool is_private;   /* of a private connection: other rules */
    bool allow_attach;
    bool is_ours;      /* the transaction that is open: a snapshot stays */
    bool preparing;    /* a caller's text, not a step of a running VACUUM */
    bool asks_mode;    /* the text was `PRAGMA journal_mode`, no value */
    enum walpool__place_of_text place;
    enum walpool__verb verb; /* of the text that was prepared last */
    char savepoint[WALPOOL__SAVEPOINT_BYTES]; /* its name, in those verbs */
    char denied[192];  /* why the last prepare was denied, or "" */
    uint32_t seen;     /* WALPOOL__SEEN_*, since it was set to 0 */
    int64_t timeout_ms; /* that PRAGMA busy_timeout was given, or -1 */
    bool (*watch)(void *); /* may what runs go on? Asked when it prepares
                              statements of its own; NULL: always */
    void *watch_data;
    int (*authorize)(void *, int, const char *, const char *, const char *,
                     const char *); /* asked after us, or NULL */
    void *authorize_data;
};

/* Make `guard` watch what is prepared on `db`, as long as it is open. */
void walpool__guard_install(struct walpool__guard *guard, sqlite3 *db,
                            bool allow_attach);

/* The same with the rules of a private connection (guard_private.c). Again:
 * the rules stay, and what is prepared already is judged anew. */
void walpool__guard_install_private(struct walpool__guard *guard, sqlite3 *db,
                                    bool allow_attach);

/* What both have in common. The verb is of SQLITE_TRANSACTION or
 * SQLITE_SAVEPOINT, by the word that SQLite gives with it. */
enum walpool__verb walpool__guard_verb(int action, const char *word);
int walpool__guard_deny(struct walpool__guard *guard, const char *what,
                        const char *instead);
int walpool__guard_judge_attach(struct walpool__guard *guard, int action,
                                const char *file);
bool walpool__guard_may_go_on(const struct walpool__guard *guard);

#endif
