/* SPDX-License-Identifier: MIT
 *
 * walpool: one C library that owns the SQLite persistence of a service.
 *
 * A *database* is an open walpool on one file: SQLite connections in WAL mode
 * that are configured right, N readers and one fair writer, checkpoints of its
 * own, and health that tells the truth. Opening the same file again in the
 * same process shares it. Everything else hangs below a database:
 *
 *   one crossing  walpool_read, walpool_write, walpool_batch: acquire, find
 *                 the prepared statement, bind, step, encode rows, release
 *   lease         the right to use one connection: a reader lease is one
 *                 snapshot, a writer lease is one transaction, a private
 *                 lease is a connection of the caller's own
 *   cursor        the rest of a result that did not fit the first buffer
 *   queue         the same calls, carried out by the library's threads; their
 *                 completions are polled in bulk
 *
 * A call, as seen from C:
 *
 *   walpool_error err;
 *   walpool *db = walpool_open("app.db", NULL, &err);
 *   walpool_rows rows;
 *   walpool_rows_init(&rows);
 *   walpool_statement q = {.sql = "SELECT id, name FROM user"};
 *   if (walpool_read(db, &q, NULL, &rows, &err) == WALPOOL_OK)
 *       for (size_t i = 0; i < walpool_rows_count(&rows); i++)
 *           printf("%lld\n", (long long)walpool_rows_int64(&rows, i, 0));
 *   walpool_rows_finish(&rows);
 *   walpool_close(db, -1, &err);
 *
 * Caveats, each with its remedy
 *
 *   - Never open() and close() the database, its -wal or its -shm yourself in
 *     a process that has it open: POSIX drops every lock of the process
 *     (sqlite.org/howtocorrupt.html 2.2). Use stat(), or walpool. Where the
 *     system can tell (Linux), a lost lock is noticed before the next commit:
 *     it is not applied, further writes are POISONED, reads go on, and
 *     no checkpoint is made. Close the database and open it anew.
 *   - Do not use a second copy of SQLite on the same file in one process, for
 *     the same reason. System builds share one libsqlite3. Health names it.
 *   - Never move, replace, remove or cut an open database, -wal or -shm: within
 *     a second writes are POISONED. Commits of a removed sidecar are saved in the
 *     file (`rescues`), unless another process has it open. Where the database
 *     was replaced, close names the -wal <database>-wal-of-replaced; a -wal
 *     without its database is not opened.
 *   - After fork() the child gets WALPOOL_FORKED from every call; nothing that
 *     it inherited is touched or closed. Open databases after the fork, of
 *     files that the parent had closed, or exec() first.
 *   - SQLite 3.7.0 to 3.51.2 can lose commits when a checkpoint meets a writer
 *     (sqlite.org/wal.html 11). walpool's checkpoints cannot, whatever others
 *     do; another program's can, even walpool's commits. On such an SQLite
 *     (`wal_reset_safe` of walpool_version tells) let none checkpoint beside
 *     walpool: wal_autocheckpoint=0 there, or a newer SQLite.
 *   - A page that SQLite finds damaged (CORRUPT) ends all writing: from then on
 *     it is POISONED, and reads of what is whole go on. Keep a copy, restore or
 *     recover, and open anew.
 *   - A lease or cursor that is kept keeps its snapshot, and a kept snapshot
 *     keeps the WAL from being reset. Label leases by `why`: health names it.
 *   - WAL needs one machine: all processes that use the file share memory.
 *     Network and host-bridge file systems are refused (allow_network_fs).
 *   - With durability full other readers may see a commit before it is on the
 *     disk, and before its writer got an answer (SQLite's own synchronous=FULL
 *     shows it after). Who must not act on what a power cut may undo reads
 *     with WALPOOL_CALL_DURABLE: that waits until all that was seen is synced.
 *   - Text is UTF-8. Bytes that are not are WALPOOL_ENCODING in both
 *     directions; CAST(column AS BLOB) reads them as they are.
 *   - NaN is refused as a parameter, because SQLite would store NULL.
 *
 * Handles. walpool, walpool_lease, walpool_cursor, walpool_token and
 * walpool_queue are handles: small numbers with a generation that are typed as
 * pointers so that the compiler tells them apart. They are never dereferenced.
 * A handle that is NULL, closed, of another kind or invented gives
 * WALPOOL_MISUSE or WALPOOL_CLOSED, never a crash, on any thread at any time.
 *
 * Errors. The last argument of every call that can fail is the caller's error
 * slot; it may be NULL. It is written on failure only, and holds no pointer.
 * The message of a TIMEOUT names who was waited for: in this process the label
 * (`why`), thread and age of the lease that is in the way, otherwise the number
 * and name of the process that has SQLite's lock, where the system tells.
 *
 * Threads. Every function may be called from any thread. Two calls at once on
 * one lease or one cursor give WALPOOL_BUSY to the second.
 */
#ifndef WALPOOL_H
#define WALPOOL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef WALPOOL_API
#if defined(__GNUC__)
#define WALPOOL_API __attribute__((visibility("default")))
#else
#define WALPOOL_API
#endif
#endif

/* ------------------------------------------------------------- version */

#define WALPOOL_VERSION_NUMBER 100 /* major*10000 + minor*100 + patch */
#define WALPOOL_VERSION "0.1.0"

typedef struct walpool_version_info {
    const char *walpool;          /* "0.1.0" */
    const char *sqlite;           /* run-time version, such as "3.46.1" */
    const char *sqlite_source_id; /* date and hash of SQLite's source */
    int32_t sqlite_number;        /* 3046001 */
    int32_t sqlite_bundled;       /* 1: compiled in, 0: the system's library */
    int32_t wal_reset_safe;       /* 1: SQLite has the WAL-reset fix
                                     (3.51.3, 3.50.7, 3.44.6 and newer) */
    int32_t reserved;
} walpool_version_info;

/**
 * Return walpool's version as one number, WALPOOL_VERSION_NUMBER of the
 * library that is loaded.
 * @return major*10000 + minor*100 + patch.
 * Owner: nothing. Threads: any. Blocks: never. Errors: none. Since: 0.1
 */
WALPOOL_API int32_t walpool_version_number(void);

/**
 * Fill in the versions of walpool and of the SQLite that it runs on.
 * @param out receives the answer; NULL is ignored.
 * Owner: static strings. Threads: any. Blocks: never. Errors: none. Since: 0.1
 */
WALPOOL_API void walpool_version(walpool_version_info *out);

/* -------------------------------------------------------------- errors */

/* Status codes: X(NAME, number, meaning). Numbers are never reused. */
#define WALPOOL_STATUS_LIST(X)                                                \
    X(OK, 0, "done")                                                          \
    X(MISUSE, 1, "an argument is NULL, out of range or contradicts another")  \
    X(CLOSED, 2, "the handle was closed, or its database is being closed")    \
    X(BUSY, 3, "the handle is in use by another call")                        \
    X(NOMEM, 4, "out of memory")                                              \
    X(TIMEOUT, 5, "the deadline passed; `phase` says where")                  \
    X(CANCELLED, 6, "cancelled by its token")                                 \
    X(DEADLOCK, 7, "this thread holds the writer and would wait for itself")  \
    X(FORKED, 8, "the handle was opened before fork()")                       \
    X(OPTION, 9, "an option is unknown or its value malformed")               \
    X(PARAM, 10, "a parameter is missing, surplus or cannot be stored")       \
    X(SQL, 11, "SQLite refused the statement")                                \
    X(CONSTRAINT, 12, "a constraint failed; sqlite_code says which")          \
    X(READONLY, 13, "a write through a reader or to a read-only database")    \
    X(CANTOPEN, 14, "the file cannot be opened")                              \
    X(NOTADB, 15, "the file is no SQLite database")                           \
    X(CORRUPT, 16, "the database is damaged")                                 \
    X(FULL, 17, "the disk is full")                                           \
    X(IO, 18, "the operating system failed to read or write")                 \
    X(TOOBIG, 19, "a value, text or row is larger than a limit")              \
    X(ENCODING, 20, "text is not valid UTF-8")                                \
    X(NOTWAL, 21, "the database cannot be switched to WAL")                   \
    X(UNSUPPORTED, 22, "this SQLite or system lacks what is needed")          \
    X(REFUSED, 23, "walpool does not run this statement here")                \
    X(INTERNAL, 24, "a defect in walpool; please report it")                  \
    X(POISONED, 25, "the disk, a lock or a page failed: no more writes")      \
    X(MISMATCH, 26, "a statement changed another number of rows than asked")  \
    X(STALE, 27, "a newer commit exists than what this transaction has read") \
    X(CEILING, 28, "the WAL is above wal_ceiling_frames: writes are refused")

typedef enum walpool_status {
#define WALPOOL_STATUS_ENUM(name, number, text) WALPOOL_##name = number,
    WALPOOL_STATUS_LIST(WALPOOL_STATUS_ENUM)
#undef WALPOOL_STATUS_ENUM
} walpool_status;

/* Where a deadline or a cancel struck. */
typedef enum walpool_phase {
    WALPOOL_PHASE_NONE = 0,
    WALPOOL_PHASE_QUEUE = 1,  /* waiting for a connection of this process */
    WALPOOL_PHASE_LOCK = 2,   /* waiting for another process's lock */
    WALPOOL_PHASE_EXECUTE = 3, /* running the statement */
    WALPOOL_PHASE_TURN = 4,    /* waiting for this process's turn to write */
    WALPOOL_PHASE_SYNC = 5,    /* waiting for the disk; the commit is made */
    WALPOOL_PHASE_CEILING = 6  /* waiting for the WAL to get shorter */
} walpool_phase;

/* What became of the write that failed. */
typedef enum walpool_outcome {
    WALPOOL_NOT_APPLIED = 0, WALPOOL_APPLIED = 1, WALPOOL_UNKNOWN = 2
} walpool_outcome;

/* 512 bytes, caller-owned, plain data: copy it as you like. */
typedef struct walpool_error {
    int32_t status;       /* walpool_status */
    int32_t sqlite_code;  /* SQLite's extended result code, or 0 */
    int32_t system_errno; /* errno of the failed system call, or 0 */
    int32_t sql_offset;   /* byte in the SQL text where it failed, or -1 */
    int32_t statement;    /* index of the statement in a batch, or -1 */
    int32_t phase;        /* walpool_phase, for TIMEOUT and CANCELLED */
    int32_t outcome;      /* walpool_outcome */
    int32_t reserved;
    char message[480];    /* what was tried, on what, why; NUL-terminated */
} walpool_error;

/**
 * Name a status: "WALPOOL_TIMEOUT" for WALPOOL_TIMEOUT.
 * @param status any number.
 * @return a static string; "WALPOOL_INTERNAL" for a number not in the list.
 * Owner: static. Threads: any. Blocks: never. Errors: none. Since: 0.1
 */
WALPOOL_API const char *walpool_status_name(int32_t status);

/**
 * Name an SQLite result code: "SQLITE_CONSTRAINT_UNIQUE" for 2067.
 * @param sqlite_code a primary or extended code (sqlite.org/rescode.html).
 * @return a static string; the primary code's name where the extended one is
 *   not known, "SQLITE_UNKNOWN" where neither is; "" for 0.
 * Owner: static. Threads: any. Blocks: never. Errors: none. Since: 0.1
 */
WALPOOL_API const char *walpool_sqlite_code_name(int32_t sqlite_code);

/* ------------------------------------------------------------- handles */

typedef struct walpool_handle_s walpool;
typedef struct walpool_lease_handle_s walpool_lease;
typedef struct walpool_cursor_handle_s walpool_cursor;
typedef struct walpool_token_handle_s walpool_token;
typedef struct walpool_queue_handle_s walpool_queue;
typedef struct walpool_backup_handle_s walpool_backup;
typedef struct walpool_prepared_handle_s walpool_prepared;

/* ------------------------------------------------------------- options */

/* All times in milliseconds. -1 as a time means: no limit. */
typedef struct walpool_options {
    uint32_t version;            /* set by WALPOOL_OPTIONS_INIT */
    int32_t readers;             /* reader connections, 1..64; default 4.
                                    Open from need to a minute without use. More
                                    than twice the cores brings nothing. */
    int64_t busy_timeout_ms;     /* longest wait, for connections and locks,
                                    of a call that names no timeout; it may run
                                    longer. -1..86400000; default 5000 */
    int64_t close_timeout_ms;    /* the same for walpool_close; default 5000 */
    int64_t cache_size_kib;      /* page cache of each connection, 64..
                                    16777216; default 8192. Empty after commits of
                                    others: more pays where those are rare */
    int64_t mmap_size_bytes;     /* default 0 = off. Reads of large files gain
                                    up to 2x where few commit, and lose up to 4x
                                    beside many commits. A file that fails or is
                                    cut short then kills the process (SIGBUS) */
    int64_t journal_size_limit_bytes; /* of a reset WAL; 16 MiB; -1 never */
    int32_t checkpoint_frames;   /* WAL frames at which the checkpointer acts,
                                    1..1000000; default 1000 */
    int32_t statement_cache;     /* prepared statements kept per connection,
                                    0..10000; default 128 */
    int32_t durability;          /* 0 normal (default): survives a process
                                    kill. 1 full: a power cut, too; a commit is
                                    visible at once, and answered when one sync
                                    of the WAL, shared by all, covers it */
    int32_t foreign_keys;        /* 0 or 1; default 1 */
    int32_t temp_store_memory;   /* 0 file, 1 memory; default 1 */
    int32_t allow_attach;        /* 1: ATTACH and DETACH may be; default 0 */
    int32_t coalesce_ms;         /* small writes of many threads share a
                                    transaction: see walpool_write. It is open
                                    for others as long as some wait, and for
                                    this long at most, 0..1000; default 0, off */
    int32_t lease_trace;         /* 1: remember the stack at each acquire, some
                                    us, for walpool_leases; default 0 */
    int64_t once_keep_ms;        /* how long a once_key is remembered, by the
                                    clock of the day, 1000..31536000000 (a
                                    year); default 86400000 (a day) */
    int64_t lease_warn_ms;       /* health is degraded, and names the lease,
                                    while one is out for longer, 0..86400000,
                                    -1 = never; default 10000 */
    int64_t snapshot_keep_ms;    /* a reader that is used again within this
                                    time may keep its snapshot meanwhile: it
                                    asks for no lock, if nothing was committed.
                                    0..1000, 0 = off; default 5 */
    int32_t allow_network_fs;    /* 1: open in spite of walpool_fs_class NETWORK
                                    and BRIDGE, for one machine; default 0 */
    int32_t step_ahead;          /* threads that fetch the next blocks of large
                                    results: see walpool_cursor_next. 0..32, -1
                                    (default): CPUs - 1, at most 4 */
    int32_t mode;                /* 0 create if missing ("rwc", default), 1 must
                                    exist ("rw"), 2 and is only read ("ro") */
    int32_t permissions;         /* mode bits of a new file; default 0600 */
    int32_t reader_gate_ms;      /* new readers wait for so long at most, until
                                    older ones have gone and the WAL can start
                                    anew, 0..1000; default 100 */
    int32_t wal_ceiling_frames;  /* above it, while a reader keeps the WAL, the
                                    policy holds: checkpoint_frames..16000000,
                                    0 never, -1 (default) 16 thresholds */
    int32_t wal_ceiling_policy;  /* 0 warn (default): health names who keeps it.
                                    1 backpressure: writes wait, too. 2 fail:
                                    they get CEILING. 3 interrupt: snapshots of
                                    ours older than reader_gate_ms end (STALE);
                                    others and private leases are only named */
    int32_t checkpoint_owner;    /* 0 walpool (default). 1 external, such as
                                    Litestream: we never checkpoint, not even at
                                    close, and walpool_checkpoint is REFUSED */
    int64_t optimize_interval_ms; /* WALPOOL_OPTIMIZE after open and each time
                                    that this has passed; gives way to writers.
                                    Writes to the file, and may change how
                                    queries run. 0 never (default)..31536000000 */
} walpool_options;

#define WALPOOL_OPTIONS_VERSION 1
#define WALPOOL_OPTIONS_INIT                                                  \
    {                                                                         \
        WALPOOL_OPTIONS_VERSION, 4, 5000, 5000, 8192, 0, 16777216, 1000, 128, \
            0, 1, 1, 0, 0, 0, 86400000, 10000, 5, 0, -1, 0, 0600, 100, -1, 0, \
            0, 0                                                              \
    }

/**
 * Set every option to its default.
 * @param options receives the defaults; NULL is ignored.
 * Owner: caller. Threads: one at a time per struct. Blocks: never.
 * Errors: none. Since: 0.1
 */
WALPOOL_API void walpool_options_init(walpool_options *options);

/**
 * Set one option by name, as a DSN, a Python dict or a JS object spells it.
 * Names: readers, busy_timeout, close_timeout, cache_size_kib, cache_size
 * (SQLite's unit: pages of 4 KiB, or -KiB), mmap_size, journal_size_limit,
 * checkpoint_frames, statement_cache, durability (normal, full), foreign_keys,
 * temp_store (file, memory), allow_attach, coalesce, once_keep, lease_warn,
 * lease_trace, reader_gate, wal_ceiling_frames, wal_ceiling_policy (warn,
 * backpressure, fail, interrupt), checkpoint_owner (walpool, external),
 * optimize_interval, snapshot_keep, step_ahead, mode (rwc, rw, ro), permissions
 * (octal), allow_network_fs. A leading underscore is ignored, and the spellings
 * that Go users write are understood: timeout, journal_mode and journal (wal
 * only), synchronous and sync (normal, full, 1, 2), fk, txlock (immediate
 * only), cache (private only), pragma (`name(value)` or `name=value`).
 * Booleans: 0, 1, off, on, false, true, no, yes.
 * @param options changed on success only.
 * @param name NUL-terminated; not kept. @param value NUL-terminated; not kept.
 * @param err may be NULL. @return WALPOOL_OK or the error's status.
 * Owner: caller. Threads: one at a time per struct. Blocks: never. Errors:
 * MISUSE (NULL), OPTION (unknown name, malformed or out of range value; the
 * message names both and the allowed ones). Since: 0.1
 */
WALPOOL_API walpool_status
walpool_options_set(walpool_options *options, const char *name,
                    const char *value, walpool_error *err);

/**
 * Parse a DSN, `file:PATH?name=value&name=value`, or bare `name=value&...`.
 * Escapes (%41) are decoded in path and values. `file:/abs`, `file:rel`,
 * `file:///abs` and `file://localhost/abs` are understood, other hosts are an
 * error. A name may be repeated only for `pragma`.
 * @param options changed on success only. @param dsn NUL-terminated; not kept.
 * @param path receives the decoded path, or "" where the text has none; may be
 *   NULL if the text has none.
 * @param path_bytes room at `path`, with the NUL.
 * @param err may be NULL. @return WALPOOL_OK or the error's status.
 * Owner: caller. Threads: one at a time per struct. Blocks: never. Errors:
 * MISUSE (NULL), TOOBIG (path), OPTION (as walpool_options_set, bad escape,
 * other host, no `=`). Since: 0.1
 */
WALPOOL_API walpool_status
walpool_options_parse(walpool_options *options, const char *dsn, char *path,
                      size_t path_bytes, walpool_error *err);

/* ---------------------------------------------------------------- rows */

/* Rows: the one format in which values cross a language border, in both
 * directions: results, parameters, bulk input. Version 1. A block of bytes,
 * 8-byte aligned, numbers in the machine's byte order:
 *
 *   offset size
 *        0    4  magic: 0x31505257 ("WRP1" in little-endian memory order)
 *        4    4  flags: WALPOOL_ROWS_*
 *        8    4  column_count    12  4  row_count, without the row of names
 *       16    8  arena_start: offset in the block of the first arena byte
 *       24    8  arena_end: offset of the byte after the last
 *       32    8  shape: names of the columns as a number, never 0 in a result
 *       40    8  cursor: handle for the rest of the rows, or 0
 *       48    8  changes: rows changed by a write
 *       56    8  last_rowid: of the last INSERT on this connection, or 0
 *       64       cells, 16 bytes each, row after row
 *
 *   cell offset size
 *             0    4  type: walpool_type, WALPOOL_LARGE may be or'ed to it
 *             4    4  length of a text or blob in bytes, otherwise 0
 *             8    8  INTEGER: int64. REAL: IEEE double. TEXT and BLOB: offset
 *                     in the block (arena_start <= offset, offset+length <=
 *                     arena_end). NULL and LARGE: 0
 *
 * With WALPOOL_ROWS_NAMES the first column_count cells are TEXT, the names of
 * the columns (of the parameters, in a request), and the rows follow.
 * A cell with WALPOOL_LARGE has its bytes still in SQLite: fetch them with
 * walpool_cursor_value before the next call on the cursor. Only cells of the
 * last row of a block are large, and the block then has a cursor.
 * Text is not NUL-terminated and may hold NUL bytes. */

#define WALPOOL_ROWS_MAGIC 0x31505257u
#define WALPOOL_ROWS_HEADER_BYTES 64
#define WALPOOL_CELL_BYTES 16

enum {
    WALPOOL_ROWS_ASCII = 1, /* every text in the arena is pure ASCII */
    WALPOOL_ROWS_NAMES = 2, /* a row of names precedes the rows */
    WALPOOL_ROWS_MORE = 4,  /* more rows follow: use the cursor */
    WALPOOL_ROWS_LARGE = 8, /* some cell of the last row is WALPOOL_LARGE */
    WALPOOL_ROWS_PARTIAL = 16 /* parameters: the last row is not complete, and
                               not counted; such a block is refused */
};

typedef enum walpool_type {
    WALPOOL_NULL = 0, WALPOOL_INTEGER = 1, WALPOOL_REAL = 2, WALPOOL_TEXT = 3,
    WALPOOL_BLOB = 4
} walpool_type;

#define WALPOOL_LARGE 0x100u

/* The header at offset 0 of a block, and one cell. */
typedef struct walpool_rows_header {
    uint32_t magic, flags, column_count, row_count;
    uint64_t arena_start, arena_end, shape, cursor;
    int64_t changes, last_rowid;
} walpool_rows_header;

typedef struct walpool_cell {
    uint32_t type, length;
    union {
        int64_t integer;
        double real;
        uint64_t offset;
    } v;
} walpool_cell;

/* A buffer that holds one block. Read the block through `data`. */
typedef struct walpool_rows {
    unsigned char *data; /* the block, or NULL before first use */
    size_t capacity;     /* bytes at data */
    size_t limit;        /* owned: grows up to this; wrapped: == capacity */
    int32_t owned;       /* 1: memory of walpool, 0: of the caller */
    int32_t building;    /* 1: values are being added */
} walpool_rows;

/**
 * Make an empty buffer that grows by itself: for a block of a result until it
 * holds 256 KiB (more rows come with a cursor), for parameters without limit.
 * @param rows receives the buffer; NULL is ignored. Owner: caller; end it with
 * walpool_rows_finish. Threads: one at a time per buffer. Blocks: never.
 * Errors: none. Since: 0.1
 */
WALPOOL_API void walpool_rows_init(walpool_rows *rows);

/**
 * Make a buffer of memory that the caller owns and that never grows.
 * @param rows     receives the buffer; NULL is ignored.
 * @param data     8-byte aligned; used until the caller drops the buffer.
 * @param capacity bytes at data; at least 64 + 16 per column of any result.
 * Owner: caller keeps the memory. Threads: one at a time per buffer. Blocks:
 * never. Errors: none; at its use one that is too small shows as TOOBIG, one
 * that is not aligned as MISUSE. Since: 0.1
 */
WALPOOL_API void walpool_rows_wrap(walpool_rows *rows, void *data,
                                   size_t capacity);

/**
 * Free what the buffer owns and leave it empty, ready for use again.
 * @param rows NULL is ignored. Owner: takes the buffer's memory.
 * Threads: one at a time per buffer. Blocks: never. Errors: none. Since: 0.1
 */
WALPOOL_API void walpool_rows_finish(walpool_rows *rows);

/**
 * Start a block of parameters: rows of `column_count` values each.
 * @param rows emptied first. @param column_count values in a row, 0..32766.
 * @param names column_count names with or without their `:`, `@` or `$`, or
 *   NULL for parameters by position; copied.
 * @param err may be NULL. @return WALPOOL_OK or the error's status.
 * Owner: caller. Threads: one at a time per buffer. Blocks: never. Errors:
 * MISUSE (NULL, out of range), NOMEM, TOOBIG (wrapped buffer). Since: 0.1
 */
WALPOOL_API walpool_status
walpool_rows_begin(walpool_rows *rows, uint32_t column_count,
                   const char *const *names, walpool_error *err);

/**
 * Add one NULL to the block that walpool_rows_begin started.
 * @param rows values fill row after row.
 * @param err  may be NULL. @return WALPOOL_OK or the error's status.
 * Owner: caller. Threads: one at a time per buffer. Blocks: never.
 * Errors: MISUSE (no block begun), NOMEM, TOOBIG (wrapped buffer). Since: 0.1
 */
WALPOOL_API walpool_status walpool_rows_add_null(walpool_rows *rows,
                                                 walpool_error *err);

/**
 * Add one INTEGER. As walpool_rows_add_null.
 * @param rows the buffer. @param value any 64-bit integer.
 * @param err   may be NULL. @return WALPOOL_OK or the error's status.
 * Owner: caller. Threads: one at a time per buffer. Blocks: never.
 * Errors: as walpool_rows_add_null. Since: 0.1
 */
WALPOOL_API walpool_status
walpool_rows_add_int64(walpool_rows *rows, int64_t value, walpool_error *err);

/**
 * Add one REAL. As walpool_rows_add_null.
 * @param rows  the buffer.
 * @param value infinities are kept; NaN is refused when it is bound.
 * @param err   may be NULL. @return WALPOOL_OK or the error's status.
 * Owner: caller. Threads: one at a time per buffer. Blocks: never.
 * Errors: as walpool_rows_add_null. Since: 0.1
 */
WALPOOL_API walpool_status
walpool_rows_add_double(walpool_rows *rows, double value, walpool_error *err);

/**
 * Add one TEXT. As walpool_rows_add_null.
 * @param rows  the buffer.
 * @param text  UTF-8, copied; NULL with bytes > 0 is MISUSE.
 * @param bytes length, NUL bytes included; < 4 GiB.
 * @param err   may be NULL. @return WALPOOL_OK or the error's status.
 * Owner: caller. Threads: one at a time per buffer. Blocks: never. Errors: as
 * walpool_rows_add_null; ENCODING comes when it is bound. Since: 0.1
 */
WALPOOL_API walpool_status walpool_rows_add_text(walpool_rows *rows,
                                                 const char *text, size_t bytes,
                                                 walpool_error *err);

/**
 * Add one BLOB. As walpool_rows_add_text, for any bytes.
 * @param rows the buffer.
 * @param blob copied; NULL with bytes > 0 is MISUSE. An empty blob is not NULL.
 * @param bytes length; < 4 GiB.
 * @param err may be NULL. @return WALPOOL_OK or the error's status.
 * Owner: caller. Threads: one at a time per buffer. Blocks: never. Errors: as
 * walpool_rows_add_null. Since: 0.1
 */
WALPOOL_API walpool_status walpool_rows_add_blob(walpool_rows *rows,
                                                 const void *blob, size_t bytes,
                                                 walpool_error *err);

/**
 * Count the rows in the block.
 * @param rows NULL or never filled counts as 0.
 * @return number of rows, names not counted.
 * Owner: nothing. Threads: one at a time per buffer. Blocks: never.
 * Errors: none. Since: 0.1
 */
WALPOOL_API size_t walpool_rows_count(const walpool_rows *rows);

/**
 * Return one cell, for reading it by the format above.
 * @param rows the buffer. @param row 0..row_count-1.
 * @param column 0..column_count-1.
 * @return the cell, or NULL when row or column is out of range.
 * Owner: borrowed until the buffer changes. Threads: one at a time per
 *   buffer. Blocks: never. Errors: none. Since: 0.1
 */
WALPOOL_API const walpool_cell *walpool_rows_cell(const walpool_rows *rows,
                                                  size_t row, size_t column);

/**
 * Return one value as an integer; a REAL is cut, anything else gives 0.
 * @param rows the buffer. @param row 0..row_count-1.
 * @param column 0..column_count-1. @return the value, or 0.
 * Owner: nothing. Threads: one at a time per buffer. Blocks: never. Errors:
 * none. Since: 0.1
 */
WALPOOL_API int64_t walpool_rows_int64(const walpool_rows *rows, size_t row,
                                       size_t column);

/**
 * Return one value as a double; an INTEGER is converted, any other gives 0.0.
 * @param rows the buffer. @param row 0..row_count-1.
 * @param column 0..column_count-1. @return the value, or 0.0.
 * Owner: nothing. Threads: one at a time per buffer. Blocks: never. Errors:
 * none. Since: 0.1
 */
WALPOOL_API double walpool_rows_double(const walpool_rows *rows, size_t row,
                                       size_t column);

/**
 * Return the bytes of a TEXT or BLOB.
 * @param rows the buffer. @param row 0..row_count-1.
 * @param column 0..column_count-1.
 * @param bytes  receives the length; may be NULL.
 * @return the bytes, not NUL-terminated; NULL for another type, for a LARGE
 *   cell and out of range. An empty value is not NULL.
 * Owner: borrowed until the buffer changes. Threads: one at a time per
 *   buffer. Blocks: never. Errors: none. Since: 0.1
 */
WALPOOL_API const void *walpool_rows_bytes(const walpool_rows *rows, size_t row,
                                           size_t column, size_t *bytes);

/* ---------------------------------------------------------------- calls */

/* One statement with its parameters. Nothing is kept after the call. */
typedef struct walpool_statement {
    const char *sql;     /* UTF-8; exactly one statement */
    size_t sql_bytes;    /* 0: sql is NUL-terminated */
    const void *params;  /* a rows block, or NULL for none. A write runs the
                            statement once per row; a read takes one row */
    size_t params_bytes; /* bytes of the block */
    int64_t expect;      /* with WALPOOL_STATEMENT_EXPECT: the rows that it must
                            change, over all its parameter rows, as `changes`
                            counts them (not what triggers and foreign keys
                            do). Another number is MISMATCH, and nothing of the
                            write or batch is applied; on a lease nothing of
                            the statement, and the transaction goes on. 0 or
                            more; ignored without the flag */
    uint32_t flags;      /* WALPOOL_STATEMENT_* */
    uint32_t reserved;   /* 0 */
    walpool_prepared *prepared; /* instead of sql, which is ignored then; or
                            NULL. See walpool_prepare */
} walpool_statement;

/* A statement without parameters; set the other members where you need them. */
#define WALPOOL_STATEMENT_INIT(text) {text, 0, NULL, 0, 0, 0, 0, NULL}

enum {
    WALPOOL_STATEMENT_EXPECT = 1 /* `expect` counts. MISUSE on a statement that
                                    only reads, and on a script */
};

enum {
    WALPOOL_CALL_NAMES = 1,     /* put the names of the columns in the block */
    WALPOOL_CALL_FIRST = 2,     /* one row at most; never a cursor, unless the
                                   row holds a LARGE value. A write is run to
                                   its end; of a batch: of each statement */
    WALPOOL_CALL_SCRIPT = 4,    /* the text may hold many statements; they
                                   have no parameters and give no rows */
    WALPOOL_CALL_ANY_THREAD = 8, /* the caller is no OS thread (goroutine,
                                   coroutine): do not look for DEADLOCK */
    WALPOOL_CALL_DURABLE = 16,  /* a write: as with durability=full. A read:
                                   answer when all that it saw is on the disk */
    WALPOOL_CALL_NORMAL = 32,   /* a write: as with durability=normal, also
                                   where the database has full */
    WALPOOL_CALL_IMMEDIATE = 64 /* on a private lease, or at its acquire for all
                                   its calls: a begin takes the writer */
};

/* Durability of a call. What commits (walpool_write, walpool_batch,
 * walpool_commit, walpool_run on a private lease) takes either flag;
 * walpool_acquire and walpool_begin of a writer or a private lease take it for
 * the commits of the lease that name none themselves. A write that is to be
 * durable and changes nothing waits until what it saw is on the disk. What
 * begins a snapshot (walpool_read, walpool_acquire and walpool_begin of a
 * reader, walpool_run on a private lease) takes WALPOOL_CALL_DURABLE: it sees the newest
 * state, by whatever process, and answers when a sync of the WAL has covered
 * it; if one has already, that costs nothing. It is POISONED where a sync has
 * failed, and a TIMEOUT in phase SYNC has no outcome but NOT_APPLIED. Anywhere
 * else, and both together, the flags are MISUSE. */

/* How to carry out a call. NULL instead of it means WALPOOL_CALL_INIT. */
typedef struct walpool_call {
    int64_t timeout_ms;   /* for all that the call waits for and runs; 0: wait
                             for nothing, but run; -1: wait for as long as the
                             database's busy_timeout, and run */
    walpool_token *token; /* to cancel it, or NULL */
    uint64_t shape;       /* names are put in the block unless the result has
                             this shape; 0: only WALPOOL_CALL_NAMES decides */
    const char *why;      /* label for health and errors, 47 bytes; or NULL */
    uint32_t flags;       /* WALPOOL_CALL_* */
    uint32_t spent_ms;    /* of its time, gone before the call was made: in a
                             queue of the caller's own */
    void (*leave)(void *); /* called at most once, on the calling thread, when
                             the call first waits, syncs, or has run for about
                             50 us: an interpreter gives up its lock here.
                             It must not call walpool. NULL: none */
    void *leave_data;
    const void *once_key; /* walpool_write and walpool_batch only: a name for
                             this write; see below. Any bytes; NULL: none */
    size_t once_bytes;    /* of the key: 1..255 */
} walpool_call;

#define WALPOOL_CALL_INIT {-1, NULL, 0, NULL, 0, 0, NULL, NULL, NULL, 0}

/* once_key: a write that is made again and applied once.
 *
 * After an error with outcome UNKNOWN, or when the process was killed before it
 * had an answer, nobody knows whether a write was applied. With a key it can
 * simply be made again:
 *
 *   call.once_key = order->id;         // a name that no other write will get
 *   call.once_bytes = sizeof order->id;
 *   do
 *       status = walpool_batch(db, list, 3, &call, results, &rows, &err);
 *   while (status != WALPOOL_OK && err.outcome == WALPOOL_UNKNOWN);
 *
 * The key is kept with the answer in the table walpool_once of the database, in
 * the transaction of the write. A call that finds its key there writes nothing
 * and is answered as the first was: changes, last_rowid, RETURNING rows. So it
 * is at any later time, by any thread or process, in any language. With
 * durability full it is answered when the first commit is on the disk.
 *
 *   - The same call has the same SQL, values and expect; names may come in
 *     another order. Another call with the key is MISUSE.
 *   - A call that fails leaves its key free. The outcome of an error is that of
 *     this call: NOT_APPLIED does not speak of an earlier one. With APPLIED the
 *     answer is there, and could not be given.
 *   - A key is remembered for once_keep_ms; each new one drops up to four that
 *     are older. It costs a row and an index entry in the same commit.
 *   - RETURNING rows are kept, too, and may have 1 MiB in all: TOOBIG.
 *   - Attached databases have a commit of their own: no promise holds there. */

/* A request: statement and call in one block, for languages that cannot pass
 * structs with pointers. Little more than the two structs, numbers in the
 * machine's order, 8-byte aligned:
 *
 *   offset size
 *        0    4  magic 0x31515257 ("WRQ1")
 *        4    4  flags: WALPOOL_CALL_*, WALPOOL_REQUEST_*
 *        8    8  timeout_ms      16  8  token      24  8  shape
 *       32    4  sql_offset      36  4  sql_bytes (at least 1)
 *                of a prepared statement one number of 8 bytes: its handle
 *       40    4  why_offset      44  4  why_bytes (0: none)
 *       48    8  params_offset, a multiple of 8, or 0 for none
 *       56    8  request_bytes, a multiple of 8: where the next one of a
 *                batch begins. The parameters end here
 *       64    8  expect, with WALPOOL_REQUEST_EXPECT; otherwise 0
 *       72    4  once_offset (0: no once_key)      76  4  once_bytes
 */
#define WALPOOL_REQUEST_MAGIC 0x31515257u
#define WALPOOL_REQUEST_HEADER_BYTES 80
#define WALPOOL_REQUEST_EXPECT 0x10000u   /* in flags: `expect` counts */
#define WALPOOL_REQUEST_PREPARED 0x20000u /* there is a handle, no text */
#define WALPOOL_WHY_BYTES 48

/**
 * Read one request into a statement and a call.
 * @param block 8-byte aligned. @param bytes bytes at block.
 * @param statement receives sql or the handle, and parameters; NULL where only
 *   the call matters: then sql_bytes may be 0.
 * @param call receives the rest; its `why` points to `why`.
 * @param why  WALPOOL_WHY_BYTES bytes for the label, NUL-terminated.
 * @param used receives request_bytes; may be NULL. @param err may be NULL.
 * @return WALPOOL_OK or the error's status.
 * Owner: statement and call borrow from block and why. Threads: any. Blocks:
 * never. Errors: MISUSE (NULL, not aligned, an offset outside). Since: 0.1
 */
WALPOOL_API walpool_status
walpool_request_decode(const void *block, size_t bytes,
                       walpool_statement *statement, walpool_call *call,
                       char *why, size_t *used, walpool_error *err);

/* ------------------------------------------------------------- database */

/**
 * Open a database, or share the one that this process has open on the file.
 * The file is created if it is missing (unless `mode` says otherwise), opened,
 * switched to WAL if need be, and read: a success proves that WAL is on. A file
 * that it created and could not open is removed, if it is still empty.
 * A shared database keeps the options of its first opening.
 * @param name a path, or a DSN when it begins with `file:` (see
 *   walpool_options_parse; what it names wins over `options`). Not kept.
 * @param options NULL for the defaults. Not kept. @param err may be NULL.
 * @return the database, or NULL.
 * Owner: caller; end it with walpool_close. Threads: any. Blocks: up to
 * busy_timeout while another process holds an exclusive lock or recovers the
 * WAL. Errors: MISUSE (NULL, empty or `:memory:` name), OPTION, CANTOPEN
 * (missing, directory, FIFO, device, hard link, too long), NOTADB, CORRUPT,
 * NOTWAL, READONLY, TIMEOUT, IO, FULL, NOMEM, UNSUPPORTED, FORKED. Since: 0.1
 */
WALPOOL_API walpool *walpool_open(const char *name,
                                  const walpool_options *options,
                                  walpool_error *err);

/**
 * Close this handle; the last one on the file checkpoints, truncates the WAL
 * and closes the connections. Waits for running calls, leases and cursors. Past
 * the deadline it fails with TIMEOUT, names a lease that is still out, and the
 * database stays open and usable. Meanwhile calls that would take a reader or
 * the writer get CLOSED. A writer lease between two transactions keeps nothing
 * and is not waited for: its next walpool_begin gives CLOSED, and it is released
 * as ever. A private lease is waited for even when idle, and may take the writer.
 * The checkpoint waits for nobody and copies to the same deadline, a second at
 * least, as does one of the library's own that is under way; the rest stays in
 * the WAL. Not bounded: a write or sync of the disk.
 * @param db  NULL is MISUSE, a closed handle CLOSED.
 * @param timeout_ms -1: close_timeout. 0: try once. @param err may be NULL.
 * @return WALPOOL_OK or the error's status.
 * Owner: the handle ends with OK. Threads: any; not while it holds a lease.
 * Blocks: as above. Errors: MISUSE, CLOSED, FORKED, TIMEOUT. Since: 0.1
 */
WALPOOL_API walpool_status walpool_close(walpool *db, int64_t timeout_ms,
                                         walpool_error *err);

/**
 * Read: run one statement on a reader.
 * The rows are of one snapshot: the newest at the time the call begins. What
 * does not fit `rows` is fetched through the cursor in its header, which keeps
 * the reader until its end is reached or it is closed.
 * @param db the database. @param statement one statement that does not write.
 * @param call NULL: the defaults. @param rows receives the first block; NULL
 *   throws the rows away. @param err may be NULL.
 * @return WALPOOL_OK or the error's status; then rows hold no block.
 * Owner: the caller owns rows, and the cursor if there is one. Threads: any.
 * Blocks: up to the deadline. Errors: any but DEADLOCK; READONLY for a
 * statement that writes, POISONED with WALPOOL_CALL_DURABLE only, REFUSED for
 * BEGIN, COMMIT, ATTACH and pragmas that would break the pool. Since: 0.1
 */
WALPOOL_API walpool_status
walpool_read(walpool *db, const walpool_statement *statement,
             const walpool_call *call, walpool_rows *rows, walpool_error *err);

/**
 * Write: run one statement, once per row of its parameters, in one
 * transaction of the writer.
 * All of it is applied, or nothing, unless the schema itself says ON CONFLICT
 * FAIL or RAISE(FAIL): then the outcome is APPLIED beside CONSTRAINT where
 * rows before the failing one were kept. The rows of RETURNING are collected in
 * one block; `changes` and `last_rowid` are in its header.
 * With the option coalesce_ms, an INSERT, UPDATE, DELETE, REPLACE or WITH that
 * has to wait for the writer may share a transaction with others that wait,
 * each in a savepoint: whoever gets the writer first carries out all of them.
 * To its caller it is still a write of its own, which fails or holds by itself,
 * with its own deadline and token. Only a commit that fails, or a disk, fails
 * for all. The price: a write is answered when the last one of its transaction
 * has run, so it is for writes that are all short. Batches, scripts, and writes
 * with once_key, timeout_ms 0 or over 64 KiB of parameters do not share.
 * @param db        the database.
 * @param statement one statement, or a script by WALPOOL_CALL_SCRIPT.
 * @param call      NULL for the defaults.
 * @param rows      receives the block; NULL throws the rows away. RETURNING
 *   rows that do not fit a wrapped buffer are TOOBIG and nothing is applied.
 * @param err       may be NULL; its outcome says what became of the write.
 * @return WALPOOL_OK or the error's status.
 * Owner: caller owns rows. Threads: any; a thread that holds a writer lease
 * gets DEADLOCK. Blocks: up to the deadline, then on the disk for the commit.
 * Errors: any; REFUSED as for walpool_read, and for what would stay with the
 * connection: temporary tables, views and triggers (use a private lease),
 * PRAGMA defer_foreign_keys outside of a batch or script. Since: 0.1
 */
WALPOOL_API walpool_status
walpool_write(walpool *db, const walpool_statement *statement,
              const walpool_call *call, walpool_rows *rows, walpool_error *err);

/* What one statement of a batch did. */
typedef struct walpool_result {
    int64_t changes;      /* rows changed, over all its parameter rows */
    int64_t last_rowid;   /* after it */
    uint64_t rows_offset; /* its block of RETURNING rows, as an offset in the
                             buffer given to walpool_batch */
    uint64_t rows_bytes;  /* of that block; 0: the statement gives no rows */
} walpool_result;

/**
 * Batch: many statements with their parameters in one transaction and one
 * crossing; all of it is applied, or nothing.
 * @param db the database. @param statements the list; not kept.
 * @param count 1 or more. @param call NULL for the defaults.
 * @param results count of them, or NULL.
 * @param rows receives the RETURNING blocks one after the other (see
 *   walpool_result), or NULL.
 * @param err may be NULL; `statement` says which one failed.
 * @return WALPOOL_OK or the error's status.
 * Owner: caller owns results and rows. Threads: as walpool_write. Blocks: as
 * walpool_write. Errors: any; MISUSE for count 0. Since: 0.1
 */
WALPOOL_API walpool_status
walpool_batch(walpool *db, const walpool_statement *statements, size_t count,
              const walpool_call *call, walpool_result *results,
              walpool_rows *rows, walpool_error *err);

/* ---------------------------------------------------------------- lease */

typedef enum walpool_kind {
    WALPOOL_READ = 0,   /* a reader on one snapshot, the newest at acquire */
    WALPOOL_WRITE = 1,  /* the writer, in a transaction (BEGIN IMMEDIATE) */
    WALPOOL_PRIVATE = 2 /* a connection of the caller's own, see below */
} walpool_kind;

/* Private leases are for modules that take the place of an SQLite driver. Each
 * is an SQLite connection that nobody else uses: temporary tables, functions
 * and pragmas stay on it. There may be any number; one that is idle costs the
 * others nothing, however long it is kept. Acquiring it takes as long as
 * opening the file with SQLite does, 0.1 to 0.2 ms.
 *
 *   - walpool_run runs any statement, or a script, with any number of cursors
 *     open. BEGIN, COMMIT, END, ROLLBACK, SAVEPOINT and RELEASE do what they
 *     do in SQLite, as text or by the calls; without them each statement
 *     commits by itself, also in a script.
 *   - Before a statement that is about to write, the writer is taken as by any
 *     other lease: in the fair queue, with deadline, cancel and DEADLOCK. At
 *     the end of the transaction it is given back, and the commit is as
 *     durable as the database or the call asks. What only writes temporary
 *     tables takes nothing. So no write fails because the database is locked.
 *   - BEGIN takes the writer at the first write. If another commit came after
 *     what the transaction has read, that write is STALE: the transaction is
 *     left as it is, and may read on; to write it must be rolled back and begun
 *     again. BEGIN IMMEDIATE and WALPOOL_CALL_IMMEDIATE never meet that.
 *     Outside a transaction an open cursor is what has read.
 *   - REFUSED is what would harm those who use the same file or process:
 *     journal_mode other than wal, locking_mode=exclusive, synchronous=off,
 *     setting wal_autocheckpoint, wal_checkpoint (use walpool_checkpoint), the
 *     pragmas that act on a whole process, and ATTACH without allow_attach.
 *     PRAGMA busy_timeout sets the timeout of calls that name none. All other
 *     pragmas act as in SQLite.
 *   - VACUUM INTO holds the writer for as long as it runs, as VACUUM does. */

/**
 * Acquire a lease: a reader with its snapshot taken, the writer with its
 * transaction begun, or a private connection, newly opened.
 * @param db the database. @param kind a walpool_kind.
 * @param call deadline, token, durability, `why` (a private lease: label of
 *   all its calls that have none); NULL for the defaults.
 * @param err may be NULL. @return the lease, or NULL.
 * Owner: caller; end it with walpool_release. Threads: any may acquire, use and
 * release it. Blocks: up to the deadline. Errors: MISUSE, CLOSED, FORKED,
 * TIMEOUT, CANCELLED, DEADLOCK (this thread holds the writer), READONLY (writer
 * of a read-only database), POISONED, NOMEM, and what SQLite says. Since: 0.1
 */
WALPOOL_API walpool_lease *walpool_acquire(walpool *db, walpool_kind kind,
                                           const walpool_call *call,
                                           walpool_error *err);

/**
 * Give a lease back. Its cursors end; an open transaction is rolled back and
 * counted in health as dirty. The connection of a private lease is closed.
 * @param lease the lease.
 * @param err   may be NULL. @return WALPOOL_OK or the error's status.
 * Owner: the lease ends, unless BUSY. Threads: any. Blocks: never for long (a
 * rollback writes nothing to the disk). Errors: MISUSE, CLOSED, FORKED, BUSY
 * (a call on it is running). Since: 0.1
 */
WALPOOL_API walpool_status walpool_release(walpool_lease *lease,
                                           walpool_error *err);

/**
 * Run one statement on a lease, in its snapshot or transaction.
 * A failing statement is undone by itself; the transaction goes on, unless
 * SQLite had to roll it back (disk full, I/O error, a write that was timed out
 * or cancelled while it ran): then the lease has no transaction and the error
 * says so. One that does not change the rows that it expects has failed, too.
 * BEGIN, COMMIT, END and ROLLBACK as text on a writer lease are carried out as
 * by the calls, also when the transaction has ended; they are about the whole
 * transaction. SAVEPOINT, RELEASE and ROLLBACK TO nest with walpool_savepoint
 * by their names: what text has opened in one of its savepoints ends with it.
 * In a script, and on a reader, such statements are REFUSED.
 * A private lease needs no transaction: there a write without one has its
 * outcome in `err`, as with walpool_write. A script that fails leaves what ran
 * before, and `sql_offset` tells how far it came.
 * @param lease the lease. @param statement as in walpool_read or walpool_write.
 * @param call NULL for the defaults.
 * @param rows receives the first block; NULL throws the rows away.
 * @param err may be NULL. @return WALPOOL_OK or the error's status.
 * Owner: caller owns rows and the cursor. Threads: one at a time per lease.
 * Blocks: up to the deadline. Errors: any; MISUSE where the transaction has
 * ended. Since: 0.1
 */
WALPOOL_API walpool_status
walpool_run(walpool_lease *lease, const walpool_statement *statement,
            const walpool_call *call, walpool_rows *rows, walpool_error *err);

/**
 * Begin the next transaction on a writer lease whose last one has ended, or
 * take the newest snapshot on a reader lease, or BEGIN on a private one.
 * @param lease no transaction may be open, and no cursor on a reader.
 * @param call  deadline, token, durability; NULL for the defaults.
 * @param err   may be NULL. @return WALPOOL_OK or the error's status; then a
 *   reader has no snapshot, but after MISUSE, BUSY, and CANCELLED before the
 *   call began it has the one that it had.
 * Owner: nothing. Threads: one at a time per lease. Blocks: up to the deadline.
 * Errors: MISUSE (a transaction is open), BUSY (also: a cursor is open), CLOSED,
 * FORKED, TIMEOUT, CANCELLED, POISONED, and what SQLite says. Since: 0.1
 */
WALPOOL_API walpool_status walpool_begin(walpool_lease *lease,
                                         const walpool_call *call,
                                         walpool_error *err);

/**
 * Open a savepoint: a nested transaction that walpool_commit keeps and
 * walpool_rollback undoes by itself.
 * @param lease a writer lease with a transaction open, or a private one: there
 *   the first savepoint begins a transaction if none is open, as in SQLite.
 * @param err   may be NULL. @return WALPOOL_OK or the error's status.
 * Owner: nothing. Threads: one at a time per lease. Blocks: never. Errors:
 * MISUSE (reader, no transaction), BUSY, CLOSED, FORKED, NOMEM. Since: 0.1
 */
WALPOOL_API walpool_status walpool_savepoint(walpool_lease *lease,
                                             walpool_error *err);

/**
 * Commit the innermost: release the newest savepoint, or commit the
 * transaction. Savepoints that text has opened are text's to release.
 * @param lease a writer or private lease with a transaction open.
 * @param call  deadline and durability of the commit; NULL for the defaults.
 * @param err   may be NULL; outcome APPLIED, NOT_APPLIED or UNKNOWN.
 * @return WALPOOL_OK or the error's status.
 * Owner: nothing. Threads: one at a time per lease. Blocks: on the disk.
 * Errors: MISUSE (reader, no transaction), BUSY (also: a cursor of the
 * transaction is open, unless it is private), CLOSED, FORKED, CONSTRAINT
 * (deferred foreign key; the transaction stays open), FULL, IO, TIMEOUT and
 * CANCELLED (in phase SYNC: the commit is made, its outcome UNKNOWN), POISONED
 * (undone: the outcome is NOT_APPLIED; or UNKNOWN). Since: 0.1
 */
WALPOOL_API walpool_status walpool_commit(walpool_lease *lease,
                                          const walpool_call *call,
                                          walpool_error *err);

/**
 * Roll back the innermost: undo to the newest savepoint and end it, or undo
 * the transaction. Cursors of the lease end; a private one's go on.
 * @param lease a writer or private lease with a transaction open.
 * @param err   may be NULL. @return WALPOOL_OK or the error's status.
 * Owner: nothing. Threads: one at a time per lease. Blocks: never for long.
 * Errors: MISUSE (reader, no transaction), BUSY, CLOSED, FORKED. Since: 0.1
 */
WALPOOL_API walpool_status walpool_rollback(walpool_lease *lease,
                                            walpool_error *err);

/**
 * Tell how deep a writer or private lease is in transactions: what
 * walpool_commit or walpool_rollback would have to be called so many times for.
 * @param lease the lease.
 * @return 0: no transaction is open, also for a reader and for what is no
 *   lease; 1: a transaction; more: in savepoints of walpool_savepoint.
 * Owner: nothing. Threads: any; it tells the state after the newest call that
 *   has ended. Blocks: never. Errors: none. Since: 0.1
 */
WALPOOL_API int32_t walpool_lease_depth(walpool_lease *lease);

/* -------------------------------------------------------------- private */

/**
 * Return the SQLite connection of a private lease, for what walpool has no
 * call for: functions, collations, limits, open blobs, backups.
 * Use it while no call runs on the lease, on one thread at a time, and not
 * after the release. Finalize before the release what was made of it.
 * Statements of its own should only read, or run inside a transaction that
 * holds the writer: by themselves they do not queue, and find the database
 * locked. Leave its authorizer, its handlers (busy, progress) and its hooks
 * for commits and the WAL alone: see walpool_private_hooks.
 * @param lease a private lease.
 * @param source_id what sqlite3_sourceid() returns to the caller. The pointer
 *   tells whether the caller has the copy of SQLite that walpool uses: the
 *   system's library, or with a bundled one, whose names are hidden, only what
 *   is linked together with it. Not kept.
 * @param err may be NULL. @return an sqlite3 *, or NULL.
 * Owner: the lease; never close it. Threads: one at a time per lease. Blocks:
 * never. Errors: MISUSE (no private lease), UNSUPPORTED (another copy of
 * SQLite), CLOSED, FORKED, BUSY. Since: 0.1
 */
WALPOOL_API void *walpool_private_sqlite3(walpool_lease *lease,
                                          const char *source_id,
                                          walpool_error *err);

/* What is called beside walpool's own where SQLite has room for one. Each runs
 * on the thread of a call on the lease, and must not call walpool with it. */
typedef struct walpool_hooks {
    int (*authorize)(void *data, int action, const char *, const char *,
                     const char *, const char *); /* as for
                                     sqlite3_set_authorizer, after walpool */
    int (*progress)(void *data); /* every 1000 steps of a statement; other
                                    than 0 stops it: CANCELLED */
    int (*commit)(void *data);   /* before a commit; other than 0 turns it
                                    into a rollback: CONSTRAINT */
    void *data;
} walpool_hooks;

/**
 * Have hooks called on a private lease from now on.
 * @param lease a private lease.
 * @param hooks copied; NULL for none, as is each function in it.
 * @param err   may be NULL. @return WALPOOL_OK or the error's status.
 * Owner: caller owns `data`, and keeps it until other hooks are set or the
 *   lease is released. Threads: one at a time per lease. Blocks: never.
 * Errors: MISUSE (no private lease), CLOSED, FORKED, BUSY. Since: 0.1
 */
WALPOOL_API walpool_status walpool_private_hooks(walpool_lease *lease,
                                                 const walpool_hooks *hooks,
                                                 walpool_error *err);

/* --------------------------------------------------------------- cursor */

/**
 * Fetch the next block of rows. The last one's cursor is 0: it is closed then.
 * From the second on a thread (option step_ahead) fetches up to two more blocks
 * of a walpool_read meanwhile, each of the size of `rows`.
 * @param cursor from the header of a block. @param call NULL: the defaults.
 * @param rows receives the block; not NULL. @param err may be NULL.
 * @return WALPOOL_OK or the error's status; an error ends the cursor, except
 * BUSY, and TOOBIG: a row, or a block fetched for a larger buffer, has no room.
 * Owner: caller owns rows. Threads: one at a time per cursor and its lease.
 * Blocks: up to the deadline. Errors: MISUSE, CLOSED, FORKED, BUSY, TIMEOUT,
 * CANCELLED, TOOBIG, and what SQLite says. Since: 0.1
 */
WALPOOL_API walpool_status
walpool_cursor_next(walpool_cursor *cursor, const walpool_call *call,
                    walpool_rows *rows, walpool_error *err);

/**
 * Copy bytes of a LARGE cell of the last row of the newest block.
 * @param cursor from the header of that block.
 * @param column 0..column_count-1, a TEXT or BLOB. @param offset first byte.
 * @param dst receives the bytes. @param bytes ends within the cell's length.
 * @param err may be NULL. @return WALPOOL_OK or the error's status.
 * Owner: caller. Threads: one at a time per cursor and lease. Blocks: never.
 * Errors: MISUSE (out of range, no such row), CLOSED, FORKED, BUSY, NOMEM.
 * Since: 0.1
 */
WALPOOL_API walpool_status
walpool_cursor_value(walpool_cursor *cursor, size_t column, size_t offset,
                     void *dst, size_t bytes, walpool_error *err);

/**
 * Close a cursor before its end, and give its reader back.
 * @param cursor the cursor. @param err may be NULL.
 * @return WALPOOL_OK or the error's status.
 * Owner: the cursor ends, unless BUSY. Threads: any. Blocks: never.
 * Errors: MISUSE, CLOSED (also: it reached its end), FORKED, BUSY. Since: 0.1
 */
WALPOOL_API walpool_status walpool_cursor_close(walpool_cursor *cursor,
                                                walpool_error *err);

/* --------------------------------------------------------------- cancel */

/**
 * Make a token. One token may be given to many calls.
 * @param err may be NULL. @return the token, or NULL.
 * Owner: caller; end it with walpool_token_close. Threads: any. Blocks: never.
 * Errors: NOMEM. Since: 0.1
 */
WALPOOL_API walpool_token *walpool_token_open(walpool_error *err);

/**
 * Cancel every call that has the token, now and later: it ends with CANCELLED
 * wherever it is. What has ended, or runs on its connection now, is not touched.
 * @param token the token; a closed one changes nothing.
 * @param err   may be NULL. @return WALPOOL_OK or the error's status.
 * Owner: nothing. Threads: any. Blocks: never. Errors: MISUSE (NULL), CLOSED,
 *   FORKED. Since: 0.1
 */
WALPOOL_API walpool_status walpool_cancel(walpool_token *token,
                                          walpool_error *err);

/**
 * Close a token. Calls that have it run on, and cannot be cancelled any more.
 * @param token NULL is ignored.
 * Owner: the token ends. Threads: any. Blocks: never. Errors: none. Since: 0.1
 */
WALPOOL_API void walpool_token_close(walpool_token *token);

/* ----------------------------------------------------------- checkpoint */

/* SQLite's four modes (sqlite.org/c3ref/wal_checkpoint_v2.html). */
typedef enum walpool_checkpoint_mode {
    WALPOOL_PASSIVE = 0, WALPOOL_FULL_CHECKPOINT = 1, WALPOOL_RESTART = 2,
    WALPOOL_TRUNCATE = 3
} walpool_checkpoint_mode;

typedef enum walpool_checkpoint_outcome {
    WALPOOL_CHECKPOINT_COMPLETE = 0, /* all frames are in the database, and
                                        the WAL was reset if the mode asks */
    WALPOOL_CHECKPOINT_PARTIAL = 1,  /* a reader keeps frames back */
    WALPOOL_CHECKPOINT_NOT_RESET = 2, /* all copied; a reader or writer keeps
                                        the WAL from being reset */
    WALPOOL_CHECKPOINT_OTHER = 3     /* another process checkpoints just now */
} walpool_checkpoint_outcome;

typedef struct walpool_checkpoint_result {
    int32_t outcome;             /* walpool_checkpoint_outcome */
    int32_t busy;                /* 1 unless COMPLETE */
    int32_t log_frames;          /* frames in the WAL */
    int32_t checkpointed_frames; /* of these, in the database */
    int64_t pinned_pid;          /* the process whose snapshot is in the way of
                                    PARTIAL or NOT_RESET, maybe this one; -1:
                                    one without a number here, 0: none found */
    int32_t pinned_frame;        /* the WAL keeps what came after that frame */
    int32_t reserved;
    char pinned_why[48];         /* label, if it is this process's, or "" */
} walpool_checkpoint_result;

/**
 * Checkpoint now. No mode holds the write lock while it waits for readers.
 * What is left is told with who is in the way.
 * @param db   the database.
 * @param mode PASSIVE does what it can at once. FULL retries until all frames
 *   are copied, RESTART until the WAL starts anew, TRUNCATE until it is empty,
 *   each at most to the deadline.
 * @param call deadline and token; NULL for the defaults.
 * @param out  receives counters and outcome; may be NULL.
 * @param err  may be NULL.
 * @return WALPOOL_OK, also when partial (see `outcome`), or the error's status.
 * Owner: caller. Threads: any; a thread that holds a writer lease gets
 *   DEADLOCK. Blocks: up to the deadline and on the disk.
 * Errors: MISUSE, CLOSED, FORKED, TIMEOUT (the writer was not to be had),
 *   CANCELLED, DEADLOCK, READONLY, IO, FULL, CORRUPT, POISONED, REFUSED
 *   (checkpoint_owner=external). Since: 0.1
 */
WALPOOL_API walpool_status
walpool_checkpoint(walpool *db, walpool_checkpoint_mode mode,
                   const walpool_call *call, walpool_checkpoint_result *out,
                   walpool_error *err);

/* ---------------------------------------------------------- maintenance */

typedef enum walpool_task {
    WALPOOL_OPTIMIZE = 0, /* ANALYZE some rows of the tables that need it */
    WALPOOL_VACUUM = 1,   /* build the file anew; holds the writer. Needs twice
                             on the disk what the database holds, or is FULL */
    WALPOOL_INCREMENTAL_VACUUM = 2, /* cut free pages off in short writes; with
                             auto_vacuum=incremental, which VACUUM makes true */
    WALPOOL_QUICK_CHECK = 3, /* look for damage and rows without a parent, on
                             a reader: it keeps its snapshot */
    WALPOOL_FULL_CHECK = 4   /* the same, and compare indexes with tables */
} walpool_task;

/**
 * Maintain the database now.
 * A check answers with a row for each problem, at most 100 of each kind: kind
 * ("damage", "foreign_key"), message, table, parent, rows. The others answer
 * with one row of numbers: page_size, pages_before, pages_after, free_pages
 * (afterwards), tables (to measure), wal_frames and wal_frames_checkpointed (of
 * the checkpoint that follows a vacuum), complete (0: time was up, or a reader
 * keeps the WAL as it is).
 * @param db the database. @param task what to do.
 * @param pages of INCREMENTAL_VACUUM: as many at most, 0: all. Otherwise 0.
 * @param call  deadline, token, durability; `leave` is called at once.
 * @param rows  receives the answer, always with names; NULL throws it away.
 * @param err   may be NULL.
 * @return WALPOOL_OK, also with problems, or the error's status.
 * Owner: caller owns rows. Threads: any; as walpool_write, but for checks.
 * Blocks: up to the deadline, and on the disk. Errors: as walpool_write, or as
 *   walpool_read; FULL (see above), MISUSE (auto_vacuum is none), APPLIED as
 *   outcome where only what followed a vacuum has failed. Since: 0.1
 */
WALPOOL_API walpool_status
walpool_maintain(walpool *db, walpool_task task, int64_t pages,
                 const walpool_call *call, walpool_rows *rows,
                 walpool_error *err);

/* --------------------------------------------------------------- backup */

enum { /* flags of walpool_backup_start */
    WALPOOL_BACKUP_REPLACE = 1,    /* a file that is there may be replaced */
    WALPOOL_BACKUP_FULL_CHECK = 2, /* by integrity_check, not quick_check */
    WALPOOL_BACKUP_NO_CHECK = 4    /* by neither */
};

typedef enum walpool_backup_phase { /* what the next step does */
    WALPOOL_BACKUP_COPY = 0, WALPOOL_BACKUP_CHECK = 1,
    WALPOOL_BACKUP_PLACE = 2, /* sync the copy, and give it its name */
    WALPOOL_BACKUP_DONE = 3   /* nothing: the backup is there */
} walpool_backup_phase;

typedef struct walpool_backup_progress {
    int32_t phase, page_size; /* walpool_backup_phase; bytes */
    int64_t pages, copied;    /* of the snapshot; of these */
} walpool_backup_progress;

/**
 * Begin a backup: a copy of one snapshot, made in steps while others write.
 * The snapshot, on a connection of its own, keeps the WAL until all is copied.
 * walpool_leases lists it, labelled "backup" unless `why` says else; lease_warn
 * is not for it. The copy is one file that opens anywhere (not in WAL mode), with
 * the database's permissions. It grows in `<to>.walpool-partial` and takes its
 * name when complete; what a crash leaves, the next backup to that path removes.
 * @param db the database. @param to path of the copy; not kept.
 * @param flags WALPOOL_BACKUP_*, or 0.
 * @param call deadline and token of this call, and the label; may be NULL.
 * @param err may be NULL. @return the backup, or NULL.
 * Owner: caller; end it with walpool_backup_finish. A close of the database
 * waits for that. Threads: any. Blocks: on the disk. Errors: as walpool_read;
 * MISUSE (the database's own path), CANTOPEN (a file or stray sidecar is
 * there), BUSY (another backup to it), FULL. Since: 0.1
 */
WALPOOL_API walpool_backup *
walpool_backup_start(walpool *db, const char *to, int32_t flags,
                     const walpool_call *call, walpool_error *err);

/**
 * Do a part of a backup, until `phase` is DONE. Pause between for the writers.
 * @param backup after TIMEOUT, CANCELLED, BUSY it goes on, others are final.
 * @param pages  to be copied at most, 1 or more; -1: all.
 * @param call   deadline and token of this step; may be NULL.
 * @param out    receives how far it is; may be NULL.
 * @param err    may be NULL. @return WALPOOL_OK or the error's status.
 * Owner: caller. Threads: any. Blocks: on the disk, up to the deadline.
 * Errors: as walpool_read; BUSY, FULL, CANTOPEN (the path is taken by now), IO
 *   (outcome UNKNOWN: there, but a power cut may undo its name). Since: 0.1
 */
WALPOOL_API walpool_status walpool_backup_step(
    walpool_backup *backup, int32_t pages, const walpool_call *call,
    walpool_backup_progress *out, walpool_error *err);

/**
 * End a backup. One that is not DONE is cancelled: nothing is left of it.
 * @param backup the backup.
 * @param err    may be NULL. @return WALPOOL_OK or the error's status.
 * Owner: the backup ends. Threads: any. Blocks: never for long.
 * Errors: MISUSE, CLOSED, FORKED, BUSY (a step is running). Since: 0.1
 */
WALPOOL_API walpool_status walpool_backup_finish(walpool_backup *backup,
                                                 walpool_error *err);

/**
 * Replace what is in a database by what is in another file, in one transaction.
 * The file passes integrity_check first. Readers keep their snapshots, others
 * see a commit, and whatever cuts it off leaves all as it was.
 * @param db   the database.
 * @param from path of an SQLite database, such as a backup; not kept.
 * @param call deadline, token, durability and label; NULL for the defaults.
 * @param err  may be NULL. @return WALPOOL_OK or the error's status.
 * Owner: caller. Threads: any. Blocks: as walpool_write.
 * Errors: as walpool_write; CANTOPEN, NOTADB, CORRUPT (the file), MISUSE (it is
 *   the database), UNSUPPORTED (other page size or encoding). Since: 0.1
 */
WALPOOL_API walpool_status walpool_restore(
    walpool *db, const char *from, const walpool_call *call, walpool_error *err);

/* --------------------------------------------------------------- health */

/* On what the file lies, by the mount table: a disk, a tmpfs, the layer of a
 * container, NFS and its like, the host's files in a virtual machine (virtiofs,
 * 9p and others), a program of unknown ways. */
typedef enum walpool_fs_class {
    WALPOOL_FS_UNKNOWN = 0, WALPOOL_FS_LOCAL = 1, WALPOOL_FS_MEMORY = 2,
    WALPOOL_FS_OVERLAY = 3, WALPOOL_FS_NETWORK = 4, WALPOOL_FS_BRIDGE = 5,
    WALPOOL_FS_FUSE = 6
} walpool_fs_class;

/* Every number of health: X(name, meaning). Counters only grow. Times are in
 * microseconds. Struct, JSON and all languages use these names. */
#define WALPOOL_HEALTH_LIST(X)                                                \
    X(readers_limit, "readers that may be open")                              \
    X(readers_open, "reader connections that are open")                       \
    X(readers_leased, "readers in use")                                       \
    X(snapshots_warm, "readers whose snapshot stays between uses; -1: off")   \
    X(private_open, "private connections that are open")                      \
    X(reader_waiters, "calls that wait for a reader")                         \
    X(writer_leased, "1 while the writer is in use")                          \
    X(writer_waiters, "calls that wait for the writer")                       \
    X(oldest_lease_us, "age of the oldest lease or cursor that is out")       \
    X(reads, "counter: read calls that succeeded")                            \
    X(writes, "counter: committed transactions")                              \
    X(rollbacks, "counter: transactions rolled back")                         \
    X(once_replays, "counter: writes answered from their once_key")           \
    X(coalesced, "counter: writes that shared a transaction")                 \
    X(errors, "counter: calls that failed")                                   \
    X(timeouts, "counter: of these, past their deadline")                     \
    X(cancels, "counter: of these, cancelled")                                \
    X(dirty_leases, "counter: leases given back with an open transaction")    \
    X(leases_long, "leases, cursors, calls out for longer than lease_warn")   \
    X(leases_overdue, "counter: leases and cursors that were out for longer") \
    X(lock_waits, "counter: sleeps of 1 ms for another process's lock")       \
    X(turn_waits, "counter: waits for the turn of another process")           \
    X(fs_class, "walpool_fs_class of where the file lies")                    \
    X(turns, "1: writers take turns with other processes; 0: mode=ro, or no") \
    X(moved_files, "files that are not in place: moved, replaced, removed, cut") \
    X(rescues, "counter: commits saved from a -wal or -shm that was removed") \
    X(second_sqlite, "1: another SQLite of this process uses the file")       \
    X(lost_locks, "counter: locks of SQLite's that were found lost")          \
    X(lock_checks, "1: lost locks are noticed; 0: this system cannot tell")   \
    X(optimizes, "counter: times that tables were measured, or need not be")  \
    X(statement_hits, "counter: prepared statement found in the cache")       \
    X(statement_misses, "counter: statement had to be prepared")              \
    X(wal_bytes, "size of the -wal file")                                     \
    X(wal_bytes_highest, "highest wal_bytes seen by this database")           \
    X(wal_frames, "frames in the WAL that hold commits")                      \
    X(wal_frames_checkpointed, "of these, in the database file")              \
    X(pin_frames, "frames that the oldest snapshot in use has; -1: none is")  \
    X(pin_pid, "process that keeps it; 0: none, or not known")                \
    X(pin_age_us, "for how long, where it is a lease of this database")       \
    X(disk_free_bytes, "room on the disk; -1: not known")                     \
    X(wal_reset_safe, "1: this SQLite has the WAL-reset fix; 0: guarded")     \
    X(checkpoints, "counter: checkpoints of this process")                    \
    X(checkpoint_failures, "counter: checkpoints that ended in an error")     \
    X(reader_gates, "counter: times that new readers waited for old ones")    \
    X(checkpoint_external, "1: checkpoint_owner=external, so there are none") \
    X(wal_ceiling_frames, "the option's frames; 0: there is no ceiling")      \
    X(wal_over_ceiling, "1: the WAL has more, and something keeps it")        \
    X(backups, "counter: backups that came to their end")                     \
    X(backup_running, "backups that were started and not finished")           \
    X(writer_wait_count, "counter: times the writer was asked for")           \
    X(writer_wait_p50_us, "wait for the writer, median")                      \
    X(writer_wait_p99_us, "wait for the writer, 99th percentile")             \
    X(writer_wait_max_us, "wait for the writer, longest")                     \
    X(writer_hold_p50_us, "use of the writer, median")                        \
    X(writer_hold_p99_us, "use of the writer, 99th percentile")               \
    X(writer_hold_max_us, "use of the writer, longest")                       \
    X(commit_p50_us, "write or commit behind the queue, median")              \
    X(commit_p99_us, "write or commit behind the queue, 99th percentile")     \
    X(commit_max_us, "write or commit behind the queue, longest")             \
    X(query_p50_us, "read, of each 16th and those that take long, median")    \
    X(query_p99_us, "such a read, 99th percentile")                           \
    X(query_max_us, "such a read, longest")                                   \
    X(syncs, "counter: syncs of the WAL for durable commits and reads")       \
    X(sync_p50_us, "such a sync, median")                                     \
    X(sync_p99_us, "such a sync, 99th percentile")                            \
    X(sync_max_us, "such a sync, longest")                                    \
    X(checkpoint_p50_us, "checkpoint, median")                                \
    X(checkpoint_p99_us, "checkpoint, 99th percentile")                       \
    X(checkpoint_max_us, "longest checkpoint")                                \
    X(checkpoint_hold_max_us, "longest use of the writer by a checkpoint")

/* Why health is not ok: X(NAME, code, number, meaning). In `reasons` it is the
 * bit 1 << number, in JSON and elsewhere the code. */
#define WALPOOL_REASON_LIST(X)                                                \
    X(POISONED, "poisoned", 0, "writes are refused for good")                 \
    X(LOST_LOCK, "lost_lock", 1, "a lock of SQLite's was lost")               \
    X(WAL_BROKEN, "wal_broken", 2, "a checkpoint has met a WAL reset")        \
    X(CHECKPOINT_FAILING, "checkpoint_failing", 3, "the newest one failed")   \
    X(DISK_LOW, "disk_low", 4, "under 64 MiB are left, or 4: failing")        \
    X(WRITER_STUCK, "writer_stuck", 5, "calls wait; for a second none wrote") \
    X(READER_EXHAUSTED, "reader_exhausted", 6, "the same, of readers")        \
    X(WAL_PINNED, "wal_pinned", 7, "a reader keeps a long WAL")               \
    X(WAL_LONG, "wal_long", 8, "ten thresholds are not in the database")      \
    X(LEASE_OVERDUE, "lease_overdue", 9, "out for longer than lease_warn")    \
    X(NO_TURNS, "no_turns", 10, "the -turn file cannot be opened")            \
    X(DIRTY_LEASES, "dirty_leases", 11, "one came back so, a minute ago at most") \
    X(SECOND_SQLITE, "second_sqlite", 12, "another one uses the file")        \
    X(RISKY_FS, "risky_fs", 13, "fs_class is NETWORK, BRIDGE or FUSE")        \
    X(WAL_CEILING, "wal_ceiling", 14, "the WAL is above wal_ceiling_frames")

typedef enum walpool_reason {
#define WALPOOL_REASON_ENUM(name, code, n, text) WALPOOL_REASON_##name = n,
    WALPOOL_REASON_LIST(WALPOOL_REASON_ENUM)
#undef WALPOOL_REASON_ENUM
} walpool_reason;

typedef enum walpool_verdict {
    WALPOOL_HEALTH_OK = 0, WALPOOL_HEALTH_DEGRADED = 1, WALPOOL_HEALTH_FAILING = 2
} walpool_verdict;

typedef struct walpool_health {
#define WALPOOL_HEALTH_FIELD(name, text) int64_t name;
    WALPOOL_HEALTH_LIST(WALPOOL_HEALTH_FIELD)
#undef WALPOOL_HEALTH_FIELD
    int32_t verdict;        /* walpool_verdict: of the gravest reason */
    uint32_t reasons;       /* all of them, as bits 1 << walpool_reason */
    char oldest_why[48];    /* label of the oldest lease, or "" */
    char dirty_why[48];     /* label of the newest that was dirty, or "" */
    char reason[256];       /* the gravest and what to do, or "" */
} walpool_health;

/**
 * Take one snapshot of the database's health. Takes no connection, pins
 * nothing. What is known of pins and of the disk is up to 100 ms old.
 * @param db the database. @param out receives the snapshot.
 * @param err may be NULL. @return WALPOOL_OK or the error's status.
 * Owner: caller. Threads: any. Blocks: never on SQLite or on a lease.
 * Errors: MISUSE, CLOSED, FORKED. Since: 0.1
 */
WALPOOL_API walpool_status walpool_health_get(walpool *db, walpool_health *out,
                                              walpool_error *err);

/**
 * The same as one JSON object: the names above, "verdict" ("ok", "degraded",
 * "failing"), "reason", "reasons" (a list of objects with "code", "verdict",
 * "text", "remedy"), "oldest_why", "dirty_why", "path", "leases" (as
 * walpool_leases_json, without "stack"), and the versions.
 * @param db  the database.
 * @param dst receives NUL-terminated JSON; may be NULL if capacity is 0.
 * @param capacity bytes at dst.
 * @param need receives the bytes needed with the NUL; may be NULL.
 * @param err may be NULL. @return WALPOOL_OK, or TOOBIG when capacity was too
 *   small.
 * Owner: caller. Threads: any. Blocks: as walpool_health_get.
 * Errors: MISUSE, CLOSED, FORKED, TOOBIG. Since: 0.1
 */
WALPOOL_API walpool_status walpool_health_json(walpool *db, char *dst,
                                               size_t capacity, size_t *need,
                                               walpool_error *err);

/**
 * The same as text for Prometheus, with histograms; label `database`: the path.
 * @param db  the database. @param dst as walpool_health_json, as are the next.
 * @param capacity bytes at dst. @param need bytes needed, with the NUL.
 * @param err may be NULL. @return as walpool_health_json.
 * Owner: caller. Threads: any. Blocks: as walpool_health_get.
 * Errors: MISUSE, CLOSED, FORKED, TOOBIG. Since: 0.1
 */
WALPOOL_API walpool_status walpool_metrics(walpool *db, char *dst,
                                           size_t capacity, size_t *need,
                                           walpool_error *err);

/**
 * Probe the database: write what is there already, by a commit of one page that
 * goes the way of all others, and read it; with mode=ro only read. Answers with
 * one row, in us: writer_us (until it was had), write_us, commit_us, read_us,
 * total_us; -1: not done.
 * @param db   the database. @param call as for walpool_commit, for all of it.
 * @param rows as walpool_maintain. @param err may be NULL.
 * @return WALPOOL_OK or the error's status.
 * Owner: caller owns rows. Threads: any; as walpool_write. Blocks: up to the
 *   deadline, and on the disk. Errors: as walpool_write. Since: 0.1
 */
WALPOOL_API walpool_status walpool_probe(walpool *db, const walpool_call *call,
                                         walpool_rows *rows, walpool_error *err);

/* ------------------------------------------------- prepared statements */

/**
 * Prepare a statement that is run often, so that its text is not copied, hashed
 * and compared each time. It is checked now, on a reader. Each connection
 * prepares it when it first runs it, and again after the schema has changed.
 * Any threads run it by `prepared` of walpool_statement; no script, and nothing
 * that only a private lease may run (BEGIN, temporary tables).
 * @param db the database; with another one it is MISUSE.
 * @param sql UTF-8; exactly one statement. Not kept.
 * @param sql_bytes 0: sql is NUL-terminated. @param call NULL for the defaults.
 * @param err may be NULL. @return the prepared statement, or NULL.
 * Owner: caller; end it with walpool_prepared_close. It does not keep the
 * database open. Threads: any. Blocks: as walpool_read. Errors: as
 * walpool_read. Since: 0.1
 */
WALPOOL_API walpool_prepared *
walpool_prepare(walpool *db, const char *sql, size_t sql_bytes,
                const walpool_call *call, walpool_error *err);

/**
 * Describe it as JSON: "readonly", "parameters" (names, or null) and "columns".
 * @param prepared the statement. @param dst as walpool_health_json, as are
 *   the next. @param capacity bytes at dst. @param need bytes, with the NUL.
 * @param err may be NULL. @return WALPOOL_OK, or TOOBIG: capacity was too small.
 * Owner: caller. Threads: any. Blocks: never. Errors: as there. Since: 0.1
 */
WALPOOL_API walpool_status
walpool_prepared_json(walpool_prepared *prepared, char *dst, size_t capacity,
                      size_t *need, walpool_error *err);

/**
 * End it. Calls that run it go on; later ones get CLOSED.
 * @param prepared NULL and a closed one are ignored.
 * Owner: it ends. Threads: any. Blocks: never. Errors: none. Since: 0.1
 */
WALPOOL_API void walpool_prepared_close(walpool_prepared *prepared);

/* --------------------------------------------------------------- leases */

typedef enum walpool_holder {
    WALPOOL_HOLDER_CALL = 0, /* a call that is running */
    WALPOOL_HOLDER_LEASE = 1, WALPOOL_HOLDER_CURSOR = 2, /* of a walpool_read */
    WALPOOL_HOLDER_BACKUP = 3
} walpool_holder;

#define WALPOOL_STACK_DEPTH 24

/* One connection that is out. */
typedef struct walpool_lease_info {
    int32_t kind;         /* walpool_kind */
    int32_t holder;       /* walpool_holder */
    int64_t thread; /* that took it, as the system knows it (gettid); 0: it
                       passes from one to another right now */
    int64_t age_us; /* of a private lease: of its snapshot, or its call */
    int64_t frames; /* of the WAL when its snapshot was taken: it keeps what came
                       after; -1: a writer, or not known */
    char why[48];   /* label, or "" */
    uint32_t stack_depth, reserved; /* addresses in stack; 0 for calls, without
                       lease_trace=1, and where the system cannot tell */
    uint64_t stack[WALPOOL_STACK_DEPTH]; /* at the acquire, newest first */
} walpool_lease_info;

/**
 * List the connections that are out: who has them, and since when. Readers
 * first, then the writer. A writer lease between two transactions has none, a
 * private one that is idle is not listed, and one that writes is the writer.
 * Takes no connection, and stops nobody. What changes meanwhile may be missed.
 * @param db       the database.
 * @param out      receives up to capacity of them; NULL if that is 0.
 * @param capacity `readers` + 1 is enough for all but private leases.
 * @param err      may be NULL.
 * @return how many are out, which may be more than capacity; 0 also on an
 *   error, which err then tells.
 * Owner: caller. Threads: any. Blocks: never. Errors: MISUSE, CLOSED, FORKED.
 * Since: 0.1
 */
WALPOOL_API size_t walpool_leases(walpool *db, walpool_lease_info *out,
                                  size_t capacity, walpool_error *err);

/**
 * The same as a JSON list of objects: "kind" ("read", "write", "private"), "holder"
 * ("call", "lease", "cursor", "backup"), "why", "thread", "age_us", "frames",
 * and "stack", a list of strings that name function and address.
 * @param db  the database. @param dst as walpool_health_json, as are the next.
 * @param capacity bytes at dst. @param need bytes needed, with the NUL.
 * @param err may be NULL. @return WALPOOL_OK, or TOOBIG when capacity was too
 *   small: ask again, with some room to spare, for the list changes.
 * Owner: caller. Threads: any. Blocks: never.
 * Errors: MISUSE, CLOSED, FORKED, TOOBIG. Since: 0.1
 */
WALPOOL_API walpool_status walpool_leases_json(walpool *db, char *dst,
                                               size_t capacity, size_t *need,
                                               walpool_error *err);

/* ---------------------------------------------------------------- queue */

/* A queue carries calls to the library's own threads and brings back their
 * completions: for event loops. The threads start with the first job. */

typedef enum walpool_op {
    WALPOOL_OP_OPEN = 0,         /* name, options -> result: walpool */
    WALPOOL_OP_CLOSE = 1,        /* target: walpool; call.timeout_ms */
    WALPOOL_OP_READ = 2,         /* target: walpool */
    WALPOOL_OP_WRITE = 3,        /* target: walpool */
    WALPOOL_OP_BATCH = 4,        /* target: walpool; statements, results */
    WALPOOL_OP_ACQUIRE_READ = 5, /* target: walpool -> result: lease */
    WALPOOL_OP_ACQUIRE_WRITE = 6,
    WALPOOL_OP_RELEASE = 7,      /* target: lease, and so on below */
    WALPOOL_OP_RUN = 8,
    WALPOOL_OP_BEGIN = 9,
    WALPOOL_OP_SAVEPOINT = 10,
    WALPOOL_OP_COMMIT = 11,
    WALPOOL_OP_ROLLBACK = 12,
    WALPOOL_OP_CURSOR_NEXT = 13, /* target: cursor */
    WALPOOL_OP_CURSOR_CLOSE = 14,
    WALPOOL_OP_CHECKPOINT = 15,  /* target: walpool; mode */
    WALPOOL_OP_ACQUIRE_PRIVATE = 16, /* target: walpool -> result: lease */
    WALPOOL_OP_MAINTAIN = 17,    /* target: walpool; mode, pages, rows */
    WALPOOL_OP_BACKUP_START = 18, /* name, flags in mode -> result: backup */
    WALPOOL_OP_BACKUP_STEP = 19,  /* target: backup; pages in mode */
    WALPOOL_OP_BACKUP_FINISH = 20,
    WALPOOL_OP_RESTORE = 21,      /* target: walpool; name */
    WALPOOL_OP_PROBE = 22,        /* target: walpool; rows */
    WALPOOL_OP_PREPARE = 23       /* target: walpool -> result: prepared */
} walpool_op;

typedef struct walpool_job {
    uint64_t id;     /* comes back in the completion */
    int32_t op;      /* walpool_op */
    int32_t mode;    /* walpool_checkpoint_mode, walpool_task, or as op says */
    void *target;    /* a handle */
    const char *name;               /* WALPOOL_OP_OPEN, or a path */
    const walpool_options *options; /* the same; NULL: defaults */
    const walpool_statement *statements;
    size_t statement_count;
    const walpool_call *call;       /* its `leave` is ignored */
    walpool_result *results;
    walpool_rows *rows;
    int64_t pages;   /* WALPOOL_OP_MAINTAIN */
} walpool_job;

typedef struct walpool_completion {
    uint64_t id;
    void *result; /* handle that the job made, or NULL */
    walpool_checkpoint_result checkpoint;
    walpool_error error; /* status WALPOOL_OK: the job succeeded */
    walpool_backup_progress backup;
} walpool_completion;

/**
 * Open a queue, one for each event loop.
 * @param err may be NULL. @return the queue, or NULL.
 * Owner: caller; end it with walpool_queue_close. Threads: any. Blocks: never.
 * Errors: NOMEM, IO (no descriptor to be had). Since: 0.1
 */
WALPOOL_API walpool_queue *walpool_queue_open(walpool_error *err);

/**
 * Return the descriptor that becomes readable when completions wait. Poll it;
 * do not read from it or close it.
 * @param queue the queue.
 * @return the descriptor, or -1 for no queue, or one from before a fork.
 * Owner: the queue. Threads: any. Blocks: never. Errors: none. Since: 0.1
 */
WALPOOL_API int32_t walpool_queue_fd(walpool_queue *queue);

/**
 * Hand in a job.
 * Jobs on one lease or cursor are carried out in their order; so are the
 * writes on one database. Others may overtake each other. The deadline begins.
 * @param queue the queue.
 * @param job   the struct is copied; what it points to must stay as it is
 *   until its completion was taken.
 * @param err   may be NULL.
 * @return WALPOOL_OK, or the error's status; then there is no completion.
 * Owner: caller. Threads: any. Blocks: never. Errors: MISUSE, CLOSED, FORKED,
 * NOMEM, BUSY (100000 jobs are waiting, or done and not taken). Since: 0.1
 */
WALPOOL_API walpool_status walpool_submit(walpool_queue *queue,
                                          const walpool_job *job,
                                          walpool_error *err);

/**
 * Take completions.
 * @param queue the queue. @param out receives up to capacity completions.
 * @param capacity   1 or more.
 * @param timeout_ms 0: only what is there. Otherwise wait that long for one;
 *   -1: until there is one, or no job is under way.
 * @param err        may be NULL.
 * @return the number taken; 0 also on an error, which err then tells.
 * Owner: caller owns results and handles in them. Threads: any.
 * Blocks: up to timeout_ms. Errors: MISUSE, CLOSED, FORKED. Since: 0.1
 */
WALPOOL_API size_t walpool_completions(walpool_queue *queue,
                                       walpool_completion *out, size_t capacity,
                                       int64_t timeout_ms, walpool_error *err);

/**
 * Close a queue: jobs that have not begun are dropped, running ones awaited,
 * handles that they made and nobody took are closed.
 * @param queue NULL is ignored.
 * Owner: the queue ends. Threads: any but one inside walpool_completions.
 * Blocks: until running jobs have ended. Errors: none. Since: 0.1
 */
WALPOOL_API void walpool_queue_close(walpool_queue *queue);

#ifdef __cplusplus
}
#endif

#endif
