/**
 * walpool: SQLite in WAL mode for a service. One database has reader
 * connections, one fair writer, checkpoints of its own, and health.
 *
 * ```js
 * import walpool from 'walpool';
 *
 * const db = await walpool.open('app.db');
 * await db.execute('INSERT INTO user(name) VALUES (?)', ['Ada']);
 * const users = await db.query('SELECT id, name FROM user');
 * await db.close();
 * ```
 *
 * {@link open} gives promises and never blocks the event loop: calls run on
 * threads of the library. {@link openSync} gives the same names without
 * promises, and runs every call on the calling thread. Both may be open on one
 * file at once, in any number of worker threads: all share one pool of
 * connections. An object belongs to the thread that made it.
 *
 * Times are milliseconds. Errors are {@link WalpoolError}s.
 *
 * Caveats, each with its remedy:
 *
 * - Do not open the file, its `-wal` or its `-shm` by `fs`, nor by a driver that
 *   carries an SQLite of its own, in a process that has it open here: closing them
 *   drops the locks of the whole process.
 * - Do not move, replace or remove them while they are open: writes are then refused
 *   ({@link PoisonedError}). To put another database in its place, use `restore()`;
 *   to copy it, `backup()`.
 * - After a failed sync, a lost lock or a damaged page writes are refused, too, until
 *   the database was closed and opened anew; reads go on, and the error and
 *   `health()` say what to do first.
 * - A lease or iterator that is kept keeps the WAL from being reset: label long ones
 *   by `why`, and health names them.
 * - With `durability: 'full'` others may see a commit before it is on the disk. Who
 *   must not act on what a power cut may undo reads with `durability: 'full'`.
 * - The file must be on a disk of this machine: network file systems are refused,
 *   unless `allowNetworkFs` takes the risk.
 */

/** A value in a result. An INTEGER is a number; with `bigint: true` it is a
 * bigint. One beyond ±2^53 is never rounded: it is an error unless `bigint` was
 * asked for. A BLOB is a new `Buffer`. A TEXT may share memory with the other
 * texts of its block, of at most 128 KiB: copy the few that you keep of many. */
export type Value = null | number | bigint | string | Buffer;

/** A value that can be stored. A whole number within ±2^53 becomes an INTEGER,
 * any other number a REAL (`NaN` is refused), a bigint an INTEGER of 64 bits, a
 * boolean 0 or 1, bytes a BLOB (an empty one is not NULL). `undefined`, `Date`
 * and other objects are refused: convert them. */
export type Param =
    | null | number | bigint | string | boolean
    | ArrayBufferView | ArrayBuffer | SharedArrayBuffer;

/** Parameters by position, or by name, with or without the `:`, `@` or `$`.
 * Names that the statement does not use are ignored; all else must fit. They are
 * read when the call is made. */
export type Params = readonly Param[] | { readonly [name: string]: Param };

/** The text of one statement, or what {@link Database.prepare} made of it. */
export type Sql = string | Prepared | PreparedSync;

/** A row: the columns by name. Of two columns with one name, the last counts. */
export type Row = Record<string, any>;

/** How to carry out a call. */
export interface CallOptions {
    /**
     * For all that the call waits for and runs, in milliseconds; at most a day,
     * `Infinity` for no limit. 0 waits for nothing, but runs. By default a call
     * waits for connections and locks as long as the database's `busyTimeout`,
     * and runs without limit. Past it: {@link TimeoutError}.
     */
    timeout?: number;
    /**
     * Cancels the call wherever it is: {@link CancelledError}, whose `cause` is
     * the signal's reason. A synchronous call looks at it when it begins.
     */
    signal?: AbortSignal;
    /** A label for health and errors; its first 47 bytes count. */
    why?: string;
    /**
     * Of what commits: `'full'` answers when the commit is on the disk, `'normal'`
     * without waiting for that, whatever the database's `durability`; of a write
     * lease for its commits. Of a read or read lease `'full'`: answer when all that
     * it saw is on the disk. Not of calls on a lease.
     */
    durability?: 'full' | 'normal';
}

/** How to carry out a call that may give rows. */
export interface RowOptions extends CallOptions {
    /** `'array'`: each row is an array of its values. Default `'object'`. */
    rows?: 'object' | 'array';
    /** INTEGERs are bigints, all of them. Default false. */
    bigint?: boolean;
}

/** How to carry out a call that writes. */
export interface WriteOptions extends RowOptions {
    /** The rows that the statement must change, over all rows of parameters. With
     * any other number it is undone: {@link MismatchError}. */
    expect?: number;
    /**
     * A name of 1 to 255 bytes for this one write: made again with it, after an
     * error whose `outcome` is `'unknown'` or by another process, it is applied
     * once and answered as the first time. It is remembered for `onceKeep`. Not of
     * calls on a lease, nor of an `executeMany` of more than some thousand rows.
     */
    onceKey?: string | Uint8Array;
}

/** The same, with arrays. */
export interface ArrayRowOptions extends RowOptions {
    rows: 'array';
}

/** What a write did. */
export interface WriteResult<R = Row> {
    /** Rows that were changed, over all rows of parameters. */
    changes: number;
    /** Of the last INSERT on the writer; a bigint beyond ±2^53, or if asked for. */
    lastRowid: number | bigint;
    /** What RETURNING gave. */
    rows: R[];
    /** The names of its columns. */
    columns: readonly string[];
}

/** Rows as arrays, with the names of their columns. */
export interface RawResult {
    columns: readonly string[];
    rows: Value[][];
}

/** One statement of a batch. `many`: it is run once per row of parameters. */
export type BatchStatement =
    | Sql
    | readonly [sql: Sql, params?: Params]
    | {
        readonly sql: Sql; readonly params?: Params; readonly many?: Iterable<Params>;
        /** The rows that it must change, or nothing of the batch is applied:
         * {@link MismatchError}. */
        readonly expect?: number;
    };

/** A connection that somebody has. */
export interface LeaseInfo {
    kind: 'read' | 'write';
    /** `'cursor'`: an iterator. `'lease'`: a lease or block. */
    holder: 'call' | 'lease' | 'cursor' | 'backup';
    /** Its label. */
    why: string;
    /** That took it, as the system numbers threads. */
    thread: number;
    /** Since when it is out, in microseconds. */
    age_us: number;
    /** Frames of the WAL when its snapshot was taken; -1: a writer, or not known. */
    frames: number;
    /** Functions of C at that time, where the database has `leaseTrace`. */
    stack: string[];
}

/** What a checkpoint did. */
export interface CheckpointResult {
    /** `'complete'`: all frames are in the database file, and the WAL was reset
     * if the mode asks for it. `'partial'`: a reader keeps frames back.
     * `'not_reset'`: all are copied, but somebody keeps the WAL from a reset.
     * `'other'`: another process checkpoints just now. */
    outcome: 'complete' | 'partial' | 'not_reset' | 'other';
    /** True unless `'complete'`. */
    busy: boolean;
    /** Frames in the WAL. */
    logFrames: number;
    /** Of these, in the database file. */
    checkpointedFrames: number;
    /** The process, maybe this one, whose snapshot is in the way where it is
     * `'partial'` or `'not_reset'`; -1: one without a number here, 0: none found. */
    pinnedPid: number;
    /** The WAL keeps what came after this frame. */
    pinnedFrame: number;
    /** Its label, if it is of this process, or `''`. */
    pinnedWhy: string;
}

/** SQLite's modes (sqlite.org/c3ref/wal_checkpoint_v2.html): `'passive'` does what
 * it can at once, `'full'` goes on until all frames are copied, `'restart'` until
 * the WAL starts anew, `'truncate'` until it is empty, each up to the timeout. None
 * of them holds the write lock while it waits for readers. */
export type CheckpointMode = 'passive' | 'full' | 'restart' | 'truncate';

/** How far a backup is. */
export interface BackupProgress {
    /** What comes next: `'copy'` pages, `'check'` the copy, `'place'` it: sync it
     * and give it its name. `'done'`: it is there. */
    phase: 'copy' | 'check' | 'place' | 'done';
    /** In bytes. */
    pageSize: number;
    /** Of the snapshot. */
    pages: number;
    /** Of these. */
    copied: number;
}

/** How a backup is made. `timeout` is for all of it. */
export interface BackupOptions extends CallOptions {
    /** Called after each step, and awaited. An error from it cancels the backup
     * and comes out of the call. */
    progress?: (at: BackupProgress) => unknown;
    /** Copied in one step, 1 to 2147483647. Default 1000. */
    pages?: number;
    /** Milliseconds between two steps, which leave the disk to others, 0 to a day.
     * Default 5. */
    pause?: number;
    /** SQLite's quick check of the copy, its full one, which compares indexes with
     * their tables, or none. Default `'quick'`. */
    check?: 'quick' | 'full' | 'none';
    /** Whether a file that is there is replaced. Default false: an error. */
    replace?: boolean;
}

/** How long each step of a probe took, in microseconds; -1: it was not done,
 * since the database is read only. */
export interface ProbeResult {
    /** Until the writer, the turn and SQLite's lock were had. */
    writerUs: number;
    /** The write. */
    writeUs: number;
    /** Its commit, with the sync where the durability is full. */
    commitUs: number;
    /** The read, on a reader. */
    readUs: number;
    /** All of it. */
    totalUs: number;
}

/** One reason why a database is not `ok`. */
export interface HealthReason {
    /** Its name, which stays the same. */
    code: 'poisoned' | 'lost_lock' | 'wal_broken' | 'checkpoint_failing' | 'disk_low'
        | 'writer_stuck' | 'reader_exhausted' | 'wal_pinned' | 'wal_long'
        | 'lease_overdue' | 'no_turns' | 'dirty_leases' | 'second_sqlite' | 'risky_fs'
        | 'wal_ceiling';
    /** How grave it is. */
    verdict: 'degraded' | 'failing';
    /** What is wrong, with its name and numbers. */
    text: string;
    /** What to do. */
    remedy: string;
}

/** One snapshot of a database's health, with the names that all languages use.
 * Times are in microseconds; counters only grow. */
export interface Health {
    /** That of the gravest reason. */
    verdict: 'ok' | 'degraded' | 'failing';
    /** The gravest reason, and what to do; or `''`. */
    reason: string;
    /** All that apply. */
    reasons: HealthReason[];
    /** Label of the oldest lease or cursor that is out, or `''`. */
    oldest_why: string;
    /** Label of the newest lease that came back with an open transaction. */
    dirty_why: string;
    /** Absolute path of the file. */
    path: string;
    /** Version of walpool. */
    walpool: string;
    /** Version of SQLite. */
    sqlite: string;
    /** It is compiled in; otherwise it is the system's library. */
    sqlite_bundled: boolean;
    /** Who has connections, without stacks: see `leases()`. */
    leases: Omit<LeaseInfo, 'stack'>[];
    /** Readers that may be open. */
    readers_limit: number;
    /** Reader connections that are open. */
    readers_open: number;
    /** Readers in use. */
    readers_leased: number;
    /** Readers whose snapshot stays between uses; -1: off. */
    snapshots_warm: number;
    /** Private connections that are open. */
    private_open: number;
    /** Calls that wait for a reader. */
    reader_waiters: number;
    /** 1 while the writer is in use. */
    writer_leased: number;
    /** Calls that wait for the writer. */
    writer_waiters: number;
    /** Age of the oldest lease or cursor that is out. */
    oldest_lease_us: number;
    /** Counter: read calls that succeeded. */
    reads: number;
    /** Counter: committed transactions. */
    writes: number;
    /** Counter: transactions rolled back. */
    rollbacks: number;
    /** Counter: writes answered from their once key. */
    once_replays: number;
    /** Counter: writes that shared a transaction. */
    coalesced: number;
    /** Counter: calls that failed. */
    errors: number;
    /** Counter: of these, past their deadline. */
    timeouts: number;
    /** Counter: of these, cancelled. */
    cancels: number;
    /** Counter: leases given back with an open transaction. */
    dirty_leases: number;
    /** Leases, cursors, calls out for longer than `leaseWarn`. */
    leases_long: number;
    /** Counter: leases and cursors that were out for longer. */
    leases_overdue: number;
    /** Counter: sleeps of 1 ms for another process's lock. */
    lock_waits: number;
    /** Counter: waits for the turn of another process. */
    turn_waits: number;
    /** 0 unknown, 1 local disk, 2 memory, 3 overlay of a container, 4 network, 5 the
     * host of this machine, 6 FUSE. */
    fs_class: number;
    /** 1: writers take turns with other processes; 0: read-only, or no. */
    turns: number;
    /** Files that are not in place: moved, replaced, removed, cut. */
    moved_files: number;
    /** Counter: commits saved from a -wal or -shm that was removed. */
    rescues: number;
    /** 1: another SQLite of this process uses the file. */
    second_sqlite: number;
    /** Counter: locks of SQLite's that were found lost. */
    lost_locks: number;
    /** 1: lost locks are noticed; 0: this system cannot tell. */
    lock_checks: number;
    /** Counter: times that tables were measured, or need not be. */
    optimizes: number;
    /** Counter: prepared statement found in the cache. */
    statement_hits: number;
    /** Counter: statement had to be prepared. */
    statement_misses: number;
    /** Size of the -wal file. */
    wal_bytes: number;
    /** Highest wal_bytes seen by this database. */
    wal_bytes_highest: number;
    /** Frames in the WAL that hold commits. */
    wal_frames: number;
    /** Of these, in the database file. */
    wal_frames_checkpointed: number;
    /** Frames that the oldest snapshot in use has; -1: none is. */
    pin_frames: number;
    /** Process that keeps it; 0: none, or not known. */
    pin_pid: number;
    /** For how long, where it is a lease of this database. */
    pin_age_us: number;
    /** -1: not known. */
    disk_free_bytes: number;
    /** 1: this SQLite has the fix of the WAL-reset bug; 0: walpool guards it. */
    wal_reset_safe: number;
    /** Counter: checkpoints of this process. */
    checkpoints: number;
    /** Counter: checkpoints that ended in an error. */
    checkpoint_failures: number;
    /** Counter: times that new readers waited for old ones. */
    reader_gates: number;
    /** 1: `checkpointOwner` is `'external'`. */
    checkpoint_external: number;
    /** 0: there is no ceiling. */
    wal_ceiling_frames: number;
    /** 1: the WAL has more, and something keeps it. */
    wal_over_ceiling: number;
    /** Counter: backups that came to their end. */
    backups: number;
    /** Started, and not finished. */
    backup_running: number;
    /** Counter: times the writer was asked for. */
    writer_wait_count: number;
    /** Wait for the writer, median. */
    writer_wait_p50_us: number;
    /** Wait for the writer, 99th percentile. */
    writer_wait_p99_us: number;
    /** Wait for the writer, longest. */
    writer_wait_max_us: number;
    /** Use of the writer, median. */
    writer_hold_p50_us: number;
    /** Use of the writer, 99th percentile. */
    writer_hold_p99_us: number;
    /** Use of the writer, longest. */
    writer_hold_max_us: number;
    /** Write or commit behind the queue, median. */
    commit_p50_us: number;
    /** Write or commit behind the queue, 99th percentile. */
    commit_p99_us: number;
    /** Write or commit behind the queue, longest. */
    commit_max_us: number;
    /** Of reads one in 16 is measured, and those that take long. */
    query_p50_us: number;
    /** Such a read, 99th percentile. */
    query_p99_us: number;
    /** Such a read, longest. */
    query_max_us: number;
    /** Counter: syncs of the WAL for durable commits and reads. */
    syncs: number;
    /** Such a sync, median. */
    sync_p50_us: number;
    /** Such a sync, 99th percentile. */
    sync_p99_us: number;
    /** Such a sync, longest. */
    sync_max_us: number;
    /** Checkpoint, median. */
    checkpoint_p50_us: number;
    /** Checkpoint, 99th percentile. */
    checkpoint_p99_us: number;
    /** Longest checkpoint. */
    checkpoint_max_us: number;
    /** Longest use of the writer by a checkpoint. */
    checkpoint_hold_max_us: number;
}

/** What `optimize`, `vacuum` or `incrementalVacuum` did. */
export interface Maintenance {
    /** Bytes of a page. */
    pageSize: number;
    /** Pages of the database. */
    pagesBefore: number;
    /** Its pages afterwards. */
    pagesAfter: number;
    /** Of these, without content. */
    freePages: number;
    /** That needed to be measured, and were. */
    tables: number;
    /** Frames in the WAL after the checkpoint that follows a vacuum. */
    walFrames: number;
    /** Of these, in the database file. */
    walFramesCheckpointed: number;
    /** Nothing is left to do: time was enough, and no reader keeps the WAL as it is. */
    complete: boolean;
}

/** What `check` has found. */
export interface Problem {
    /** `'damage'`: restore a backup. `'foreign_key'`: rows without their parent. */
    kind: 'damage' | 'foreign_key';
    /** What is wrong, as SQLite says it. */
    message: string;
    /** Of rows without their parent; the next two, too. */
    table: string | null;
    parent: string | null;
    rows: number | null;
}

/** How to carry out a check. */
export interface CheckOptions extends CallOptions {
    /** Compare indexes with their tables, too. Default false. */
    full?: boolean;
}

interface NamedOptions {
    /** Reader connections, 1 to 64, opened when needed; all but one are closed after
     * a minute without use. Default 4. */
    readers?: number;
    /** The longest wait of a call that names no timeout; -1 or `Infinity`: none.
     * Default 5000. */
    busyTimeout?: number;
    /** The same for closing. Default 5000. */
    closeTimeout?: number;
    /** Page cache of each connection, 64 to 16777216 KiB. Default 8192. Each
     * commit empties those of readers: a larger one pays where they are rare. */
    cacheSizeKib?: number;
    /** Bytes of the file to read by memory mapping. Default 0: a file that fails
     * or is cut short would end the process. Reads of large files gain up to 2x
     * where few commit, and lose up to 4x beside many commits. */
    mmapSize?: number;
    /** A WAL that starts anew is cut to so many bytes; -1: never. Default 16 MiB. */
    journalSizeLimit?: number;
    /** Frames in the WAL at which the checkpointer acts, 1 to 1000000. Default 1000. */
    checkpointFrames?: number;
    /** Prepared statements kept per connection, 0 to 10000. Default 128. */
    statementCache?: number;
    /** `'normal'`: what was committed survives the end of the process. `'full'`:
     * a loss of power, too; a commit waits for the disk. Default `'normal'`. */
    durability?: 'normal' | 'full';
    /** Default true. */
    foreignKeys?: boolean;
    /** Default `'memory'`. */
    tempStore?: 'file' | 'memory';
    /** Allow ATTACH and DETACH. Default false. */
    allowAttach?: boolean;
    /** Small writes of many callers share one transaction, which stays open for
     * others to join for so many milliseconds, 0 to 1000. Default 0: off. */
    coalesce?: number;
    /** Milliseconds that a once key is remembered, 1000 to 31536000000. Default a
     * day. */
    onceKeep?: number;
    /** Milliseconds that a lease may be out until health reports it; -1 or
     * `Infinity`: never. Default 10000. */
    leaseWarn?: number;
    /** Remember the stack at each acquire, for that report. Default false. */
    leaseTrace?: boolean;
    /** Milliseconds that a reader's snapshot stays open between two uses, if nothing
     * was committed since: a read that follows soon then takes no lock. 0 to 1000;
     * 0: off. Default 5. Results are as new as without it. */
    snapshotKeep?: number;
    /** Threads of the library that fetch the next rows of large results of
     * synchronous calls while the program uses those that it has, 0 to 32; 0: none.
     * Default -1: one less than the CPUs, 4 at most. */
    stepAhead?: number;
    /** Milliseconds that new readers are made to wait at most, until older ones have
     * gone and the WAL can start anew, 0 to 1000. Default 100. */
    readerGate?: number;
    /** Frames of the WAL above which `walCeilingPolicy` holds, while a reader keeps
     * it from starting anew: `checkpointFrames` to 16000000; 0: no ceiling. Default
     * -1: 16 times `checkpointFrames`. */
    walCeilingFrames?: number;
    /** `'warn'`: health names who keeps it (default). `'backpressure'`: writes wait,
     * too. `'fail'`: they get {@link CeilingError}. `'interrupt'`: snapshots of this
     * process that are older than `readerGate` are ended: {@link StaleError}. */
    walCeilingPolicy?: 'warn' | 'backpressure' | 'fail' | 'interrupt';
    /** `'external'`: a replicator such as Litestream checkpoints, and walpool never
     * does, not even when it closes. Default `'walpool'`. */
    checkpointOwner?: 'walpool' | 'external';
    /** `'rwc'`: create a missing file (default). `'rw'`: it must exist. `'ro'`: it
     * must exist and is only read. */
    mode?: 'rwc' | 'rw' | 'ro';
    /** Permission bits of a new file: a number, or octal digits. Default `0o600`. */
    permissions?: number | string;
    /** Open also on a network or host-bridge file system, where the WAL is damaged
     * as soon as two machines use it. Default false. */
    allowNetworkFs?: boolean;
    /** After the opening and each time that so many milliseconds have passed,
     * measure tables as `optimize()` does, when nobody writes. Default 0: never. */
    optimizeInterval?: number;
}

type SnakeCase<Name extends string> = Name extends `${infer Head}${infer Tail}`
    ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${SnakeCase<Tail>}`
    : '';

/** Options of a database. The library's own spelling (`busy_timeout`) is
 * understood as well. What the library does not know is an {@link OptionError}. A
 * database that the process has open already keeps its options. */
export type OpenOptions = NamedOptions & {
    [Name in keyof NamedOptions as SnakeCase<Name>]?: NamedOptions[Name];
};

/**
 * Open a database, or share the one that this process has open on the file.
 *
 * The file is created if it is missing, unless `mode` says otherwise, and is
 * switched to WAL.
 *
 * @param name a path, or a DSN such as `file:app.db?busy_timeout=2000`; what a
 *   DSN names wins over `options`.
 * @throws {OptionError} @throws {CantOpenError} @throws {NotADatabaseError}
 * @throws {CorruptError} @throws {NotWalError} @throws {TimeoutError} and others.
 */
export function open(name: string | URL, options?: OpenOptions): Promise<Database>;

/** The same for the synchronous interface. Blocks while it opens. */
export function openSync(name: string | URL, options?: OpenOptions): DatabaseSync;

/** The versions of walpool and of the SQLite that it runs on. */
export function version(): {
    walpool: string;
    sqlite: string;
    sqliteSourceId: string;
    /** 3046001 for 3.46.1. */
    sqliteNumber: number;
    /** Compiled into the addon; otherwise it is the system's library. */
    sqliteBundled: boolean;
    /** SQLite has the fix of the WAL-reset bug (3.51.3, 3.50.7, 3.44.6 and newer). */
    walResetSafe: boolean;
};

/** walpool's version as one number: major * 10000 + minor * 100 + patch. */
export function versionNumber(): number;

/* ------------------------------------------------------------------ promises */

/** Rows one by one. While one block of them is consumed, the next one is fetched,
 * never more. A loop that ends early gives the connection back. */
export interface Rows<R> extends AsyncIterableIterator<R> {
    /** The names of the columns; empty before the first row was there. */
    readonly columns: readonly string[];
    return(value?: any): Promise<IteratorResult<R>>;
}

interface Calls {
    /**
     * Run a statement and return all its rows. On a database it runs on a reader
     * and must not write; the rows are of one snapshot, the newest.
     *
     * @throws {ReadonlyError} if it would write. @throws {RefusedError} for BEGIN,
     * COMMIT and what would harm the pool. @throws {SqlError} @throws {ParamError}
     * @throws {TimeoutError} @throws {TooBigError} for an INTEGER that a number
     * cannot hold.
     */
    query(sql: Sql, params: Params | undefined, options: ArrayRowOptions): Promise<Value[][]>;
    query<R = Row>(sql: Sql, params?: Params, options?: RowOptions): Promise<R[]>;

    /** The first row, or null. No more than one is read. */
    queryOne(sql: Sql, params: Params | undefined, options: ArrayRowOptions): Promise<Value[] | null>;
    queryOne<R = Row>(sql: Sql, params?: Params, options?: RowOptions): Promise<R | null>;

    /** All rows as arrays, and the names of the columns: also of no row, and of
     * columns with the same name. */
    queryRaw(sql: Sql, params?: Params, options?: Omit<RowOptions, 'rows'>): Promise<RawResult>;

    /**
     * Rows one by one, for `for await`. The statement is sent with the first row
     * that is asked for; its errors come there. Until the end, or `return()`, a
     * reader and its snapshot are kept: on a database that holds the WAL back.
     */
    iterate(sql: Sql, params: Params | undefined, options: ArrayRowOptions): Rows<Value[]>;
    iterate<R = Row>(sql: Sql, params?: Params, options?: RowOptions): Rows<R>;

    /**
     * Run one statement that writes. On a database it is a transaction of its own.
     *
     * @throws {ConstraintError} whose `sqliteName` says which. @throws
     * {DeadlockError} from inside a write block on the same file.
     */
    execute<R = Row>(sql: Sql, params?: Params, options?: WriteOptions): Promise<WriteResult<R>>;

    /**
     * Run one statement once per row of parameters; all of it is applied, or
     * nothing. Rows are all arrays of one length, or all objects that have the
     * names of the first. They may come from a generator: they are read as they
     * are needed, some thousand at a time, while the writer is held.
     */
    executeMany<R = Row>(sql: Sql, rows: Iterable<Params>, options?: WriteOptions): Promise<WriteResult<R>>;

    /** Run a text of many statements, without parameters or rows; all of it is
     * applied, or nothing. */
    script(sql: string, options?: CallOptions & Pick<WriteOptions, 'onceKey'>): Promise<void>;
}

/** What a prepared statement is. As it was when it was prepared. */
interface PreparedFacts extends Disposable {
    readonly sql: string;
    /** It leaves the database as it is: then `query()` runs it. */
    readonly readonly: boolean;
    /** Names as in the text, such as `':id'`; null for one without. */
    readonly parameters: readonly (string | null)[];
    readonly columns: readonly string[];
    /** End it: calls that run it go on, later ones throw {@link ClosedError}. A
     * second time does nothing. A dropped one is closed some day. */
    close(): void;
}

/** A statement that is run often, made by {@link Database.prepare}. Its calls are
 * those of the database without the SQL. On leases and in batches it takes the
 * place of the SQL. */
export class Prepared {
    private constructor();
}
export interface Prepared extends PreparedFacts {
    query(params: Params | undefined, options: ArrayRowOptions): Promise<Value[][]>;
    query<R = Row>(params?: Params, options?: RowOptions): Promise<R[]>;
    queryOne(params: Params | undefined, options: ArrayRowOptions): Promise<Value[] | null>;
    queryOne<R = Row>(params?: Params, options?: RowOptions): Promise<R | null>;
    queryRaw(params?: Params, options?: Omit<RowOptions, 'rows'>): Promise<RawResult>;
    iterate(params: Params | undefined, options: ArrayRowOptions): Rows<Value[]>;
    iterate<R = Row>(params?: Params, options?: RowOptions): Rows<R>;
    execute<R = Row>(params?: Params, options?: WriteOptions): Promise<WriteResult<R>>;
    executeMany<R = Row>(rows: Iterable<Params>, options?: WriteOptions): Promise<WriteResult<R>>;
}

/** A database with promises, made by {@link open}. Every call returns at once;
 * writes of a thread are carried out in their order, reads may overtake each
 * other. A dropped database is closed some day; close it yourself. */
export class Database {
    private constructor();
}
export interface Database extends Calls, AsyncDisposable {
    /** Absolute path of the file. */
    readonly path: string;

    /**
     * Prepare a statement that is run often: its text is not written, hashed and
     * compared each time. What is wrong with it is told now: it is checked on a
     * reader, by what is committed. It survives changes of the schema.
     *
     * @throws {SqlError} also where a table is missing. @throws {RefusedError} for
     * BEGIN and the like.
     */
    prepare(sql: string, options?: CallOptions): Promise<Prepared>;

    /**
     * Run statements in one transaction: all of them are applied, or nothing.
     *
     * @returns one result per statement.
     * @throws an error whose `statement` is the index of the one that failed.
     */
    batch(statements: readonly BatchStatement[], options?: Omit<WriteOptions, 'expect'>): Promise<WriteResult[]>;

    /** Read from one snapshot: all calls of the lease see the same database. The
     * lease is given back when the callback's promise settles. The signal covers
     * all calls of the block, the timeout only the wait for a reader. */
    read<T>(callback: (reader: ReadLease) => T | Promise<T>, options?: CallOptions): Promise<T>;

    /**
     * Write in one transaction: committed when the callback's promise is
     * fulfilled, rolled back when it is rejected. Others that want to write wait
     * meanwhile, so do nothing slow in there.
     *
     * @throws {DeadlockError} when called from inside a write block on the same
     *   file: nest with `savepoint()` of the lease instead.
     */
    write<T>(callback: (writer: WriteLease) => T | Promise<T>, options?: CallOptions): Promise<T>;

    /** Acquire a lease where a callback does not fit. Release it yourself, or with
     * `await using`; what was not committed by then is rolled back. */
    acquire(kind: 'read', options?: CallOptions): Promise<ReadLease>;
    acquire(kind: 'write', options?: CallOptions): Promise<WriteLease>;

    /**
     * Checkpoint now, `'passive'` if nothing is said. Rarely needed: the library
     * does it by itself. That it was not complete is no error: see `outcome`.
     *
     * @throws {TimeoutError} the writer was not to be had. @throws {DeadlockError}
     *   inside a write block. @throws {RefusedError} with `checkpointOwner:
     *   'external'`. @throws {ReadonlyError} @throws {IOError} @throws {FullError}
     */
    checkpoint(mode?: CheckpointMode, options?: CallOptions): Promise<CheckpointResult>;

    /** Measure the tables that need it, by which SQLite chooses indexes: some rows
     * of each, in a short write of its own. Here and below the timeout is for all of
     * it; without one only waiting is limited, by `busyTimeout`.
     * @throws {TimeoutError} @throws {DeadlockError} inside a write block.
     * @throws {ReadonlyError} @throws {PoisonedError} as do the next two. */
    optimize(options?: CallOptions): Promise<Maintenance>;

    /** Build the file anew, without free pages, and empty the WAL. Holds the writer
     * meanwhile; readers go on. Cancelled, it has done nothing.
     * @throws {FullError} the disk has no room for twice what the database holds. */
    vacuum(options?: CallOptions): Promise<Maintenance>;

    /** Cut free pages off the file, that many at most (0: all), in short writes. Only
     * with `PRAGMA auto_vacuum = incremental`, which a `vacuum` makes true.
     * @throws {MisuseError} auto_vacuum is none. */
    incrementalVacuum(pages?: number, options?: CallOptions): Promise<Maintenance>;

    /** Look for damage, and for rows without their parent, on a reader. The first
     * 100 problems of each kind. */
    check(options?: CheckOptions): Promise<Problem[]>;

    /**
     * Copy the database into a file while others read and write.
     *
     * The copy is of one snapshot, and one file that opens anywhere: no sidecars,
     * not in WAL mode until `open()`. It grows in `<to>.walpool-partial` and takes
     * its name when it is complete, checked and synced. Whatever ends the call
     * earlier leaves nothing; after a kill the next backup to that path removes
     * what is left.
     *
     * @throws {CantOpenError} a file is there, or a sidecar of one; no folder.
     * @throws {MisuseError} it is the database itself, or one of its files.
     * @throws {BusyError} another backup to that path is running.
     * @throws {CorruptError} the database is damaged; the copy is not kept.
     */
    backup(to: string | URL | Uint8Array, options?: BackupOptions): Promise<BackupProgress>;

    /** Replace all that is in the database by what is in a file, such as a backup,
     * in one transaction. The file is checked first. Readers keep their snapshots,
     * and whatever cuts it off leaves all as it was.
     *
     * @throws {CantOpenError} @throws {NotADatabaseError} @throws {CorruptError} the
     *   file. @throws {MisuseError} it is the database itself.
     * @throws {UnsupportedError} its page size or text encoding is another.
     * @throws {DeadlockError} inside a write block; and as `execute`. */
    restore(from: string | URL | Uint8Array, options?: CallOptions): Promise<void>;

    /** One snapshot of the database's health. Waits for nobody. */
    health(): Promise<Health>;

    /** The same as text for Prometheus, with histograms; the label `database` is
     * the path. Serve it as `text/plain; version=0.0.4`. */
    metrics(): Promise<string>;

    /** Find out whether a write gets through, now: write what is there already,
     * by a commit of one page that goes the way of all others, and read it.
     * Nothing of it is left behind. The timeout is for all of it.
     * @throws {TimeoutError} which names who was waited for; and as `execute`. */
    probe(options?: CallOptions): Promise<ProbeResult>;

    /** The connections that are out, and who has them. Waits for nobody. */
    leases(): Promise<LeaseInfo[]>;

    /**
     * Close: waits for calls that run and for leases, then writes the WAL back if
     * nobody else has the file open. Closing again does nothing.
     *
     * @throws {TimeoutError} which names a lease that is out; the database then
     *   stays open and usable. Default timeout: `closeTimeout`.
     */
    close(options?: { timeout?: number }): Promise<void>;
}

/** A reader on one snapshot. Its calls are carried out one after the other. */
export interface ReadLease extends Calls, AsyncDisposable {
    /**
     * Go on to the newest snapshot: what was committed before the call is seen
     * after it.
     *
     * @throws {BusyError} while an iterator is open: end it first. It keeps its
     *   snapshot, and so does the lease.
     */
    fresh(options?: CallOptions): Promise<void>;
    /** Give the reader back; its iterators end. Again: does nothing. */
    release(): Promise<void>;
}

/** The writer in a transaction. Its calls are carried out one after the other. */
export interface WriteLease extends Calls, AsyncDisposable {
    /** Begin the next transaction after a commit or rollback. */
    begin(options?: CallOptions): Promise<void>;
    /**
     * Nest: what the callback does is kept when its promise is fulfilled, and
     * undone by itself when it is rejected. Await it before the next call on the
     * lease from outside: such a call is a {@link BusyError}.
     */
    savepoint<T>(callback: (writer: WriteLease) => T | Promise<T>): Promise<T>;
    /** Open a savepoint that `commit()` keeps or `rollback()` undoes. */
    savepoint(): Promise<void>;
    /** Keep the innermost savepoint, or commit the transaction. */
    commit(options?: CallOptions): Promise<void>;
    /** Undo the innermost savepoint, or the transaction. */
    rollback(): Promise<void>;
    /** Give the writer back. Again: does nothing. */
    release(): Promise<void>;
}

/* --------------------------------------------------------------- synchronous */

/** Rows one by one, fetched a block at a time. */
export interface RowsSync<R> extends IterableIterator<R> {
    /** The names of the columns; undefined before the first row was asked for. */
    readonly columns: readonly string[] | undefined;
    return(value?: any): IteratorResult<R>;
}

/** As {@link Calls}, on the calling thread. */
interface CallsSync {
    query(sql: Sql, params: Params | undefined, options: ArrayRowOptions): Value[][];
    query<R = Row>(sql: Sql, params?: Params, options?: RowOptions): R[];
    queryOne(sql: Sql, params: Params | undefined, options: ArrayRowOptions): Value[] | null;
    queryOne<R = Row>(sql: Sql, params?: Params, options?: RowOptions): R | null;
    queryRaw(sql: Sql, params?: Params, options?: Omit<RowOptions, 'rows'>): RawResult;
    iterate(sql: Sql, params: Params | undefined, options: ArrayRowOptions): RowsSync<Value[]>;
    iterate<R = Row>(sql: Sql, params?: Params, options?: RowOptions): RowsSync<R>;
    execute<R = Row>(sql: Sql, params?: Params, options?: WriteOptions): WriteResult<R>;
    executeMany<R = Row>(sql: Sql, rows: Iterable<Params>, options?: WriteOptions): WriteResult<R>;
    script(sql: string, options?: CallOptions & Pick<WriteOptions, 'onceKey'>): void;
}

/** As {@link Prepared}, made by {@link DatabaseSync.prepare}. */
export interface PreparedSync extends PreparedFacts {
    query(params: Params | undefined, options: ArrayRowOptions): Value[][];
    query<R = Row>(params?: Params, options?: RowOptions): R[];
    queryOne(params: Params | undefined, options: ArrayRowOptions): Value[] | null;
    queryOne<R = Row>(params?: Params, options?: RowOptions): R | null;
    queryRaw(params?: Params, options?: Omit<RowOptions, 'rows'>): RawResult;
    iterate(params: Params | undefined, options: ArrayRowOptions): RowsSync<Value[]>;
    iterate<R = Row>(params?: Params, options?: RowOptions): RowsSync<R>;
    execute<R = Row>(params?: Params, options?: WriteOptions): WriteResult<R>;
    executeMany<R = Row>(rows: Iterable<Params>, options?: WriteOptions): WriteResult<R>;
}

/** A database whose calls run on the calling thread, which they block. Members are
 * those of {@link Database}, without promises. */
export class DatabaseSync implements CallsSync, Disposable {
    constructor(name: string | URL, options?: OpenOptions);
    readonly path: string;
    prepare(sql: string, options?: CallOptions): PreparedSync;
    batch(statements: readonly BatchStatement[], options?: Omit<WriteOptions, 'expect'>): WriteResult[];
    /** The callback must not return a promise: {@link MisuseError}. */
    read<T>(callback: (reader: ReadLeaseSync) => T, options?: CallOptions): T;
    /** The callback must not return a promise: everything is then undone. */
    write<T>(callback: (writer: WriteLeaseSync) => T, options?: CallOptions): T;
    acquire(kind: 'read', options?: CallOptions): ReadLeaseSync;
    acquire(kind: 'write', options?: CallOptions): WriteLeaseSync;
    checkpoint(mode?: CheckpointMode, options?: CallOptions): CheckpointResult;

    /** Measure the tables that need it, by which SQLite chooses indexes: some rows
     * of each, in a short write of its own. */
    optimize(options?: CallOptions): Maintenance;

    /** Build the file anew, without free pages, and empty the WAL. Holds the writer
     * meanwhile; readers go on.
     * @throws {FullError} the disk has no room for twice what the database holds. */
    vacuum(options?: CallOptions): Maintenance;

    /** Cut free pages off the file, that many at most (0: all), in short writes. Only
     * with `PRAGMA auto_vacuum = incremental`, which a `vacuum` makes true.
     * @throws {MisuseError} auto_vacuum is none. */
    incrementalVacuum(pages?: number, options?: CallOptions): Maintenance;

    /** Look for damage, and for rows without their parent, on a reader. The first
     * 100 problems of each kind. */
    check(options?: CheckOptions): Problem[];

    /** Holds up its thread, but for the callback, which must not return a promise. */
    backup(to: string | URL | Uint8Array, options?: BackupOptions): BackupProgress;
    restore(from: string | URL | Uint8Array, options?: CallOptions): void;
    health(): Health;
    metrics(): string;
    probe(options?: CallOptions): ProbeResult;
    leases(): LeaseInfo[];
    close(options?: { timeout?: number }): void;
    [Symbol.dispose](): void;
}
export interface DatabaseSync extends CallsSync {}

/** As {@link ReadLease}. */
export interface ReadLeaseSync extends CallsSync, Disposable {
    fresh(options?: CallOptions): void;
    release(): void;
}

/** As {@link WriteLease}. */
export interface WriteLeaseSync extends CallsSync, Disposable {
    begin(options?: CallOptions): void;
    savepoint<T>(callback: (writer: WriteLeaseSync) => T): T;
    savepoint(): void;
    commit(options?: CallOptions): void;
    rollback(): void;
    release(): void;
}

/* -------------------------------------------------------------------- errors */

/** Any error of walpool. There is one class per status; `code` tells them apart,
 * too. Values of parameters are never in the message. */
export class WalpoolError extends Error {
    protected constructor();
    /** The status by name: `'WALPOOL_TIMEOUT'`. */
    readonly code: string;
    /** The status by number, as in walpool.h. */
    readonly status: number;
    /** SQLite's extended result code, or 0. */
    readonly sqliteCode: number;
    /** Its name, such as `'SQLITE_CONSTRAINT_UNIQUE'`, or `''`. */
    readonly sqliteName: string;
    /** Of the system call that failed, positive; or 0. */
    readonly errno: number;
    /** Its name, such as `'ENOENT'`, or `''`. */
    readonly errnoName: string;
    /** The byte of the SQL, as UTF-8, at which it failed; or -1. */
    readonly sqlOffset: number;
    /** Index of the statement in a batch, or -1. */
    readonly statement: number;
    /** Where a deadline or a cancel struck: while waiting for a connection of this
     * process, for another process's lock, for this process's turn to write, for
     * the WAL to get below its ceiling, for the disk (the commit is made), or while
     * running. */
    readonly phase: 'none' | 'queue' | 'lock' | 'execute' | 'turn' | 'sync' | 'ceiling';
    /** What became of a write that failed. */
    readonly outcome: 'not_applied' | 'applied' | 'unknown';
}

/** An argument is out of range, of the wrong type, or contradicts another. */
export class MisuseError extends WalpoolError {}
/** The database, lease or iterator was closed. */
export class ClosedError extends WalpoolError {}
/** The object is in use by another call. */
export class BusyError extends WalpoolError {}
/** Out of memory. */
export class NoMemoryError extends WalpoolError {}
/** The deadline passed; `phase` says where. */
export class TimeoutError extends WalpoolError {}
/** Cancelled by its signal; `cause` is the signal's reason. */
export class CancelledError extends WalpoolError {}
/** The caller has the writer, and would wait for itself. */
export class DeadlockError extends WalpoolError {}
/** The database was opened before a fork. */
export class ForkedError extends WalpoolError {}
/** An option is unknown, or its value malformed. */
export class OptionError extends WalpoolError {}
/** A parameter is missing, surplus, or cannot be stored. */
export class ParamError extends WalpoolError {}
/** SQLite refused the statement. */
export class SqlError extends WalpoolError {}
/** A constraint failed; `sqliteName` says which. */
export class ConstraintError extends WalpoolError {}
/** A write through a reader or to a read-only database. */
export class ReadonlyError extends WalpoolError {}
/** The file cannot be opened. */
export class CantOpenError extends WalpoolError {}
/** The file is no SQLite database. */
export class NotADatabaseError extends WalpoolError {}
/** The database is damaged: writes are refused from then on, reads of what is
 * whole go on. */
export class CorruptError extends WalpoolError {}
/** The disk is full. */
export class FullError extends WalpoolError {}
/** The operating system failed to read or write. */
export class IOError extends WalpoolError {}
/** A value, text or row is larger than a limit. */
export class TooBigError extends WalpoolError {}
/** Text is not valid Unicode. */
export class EncodingError extends WalpoolError {}
/** The database cannot be switched to WAL. */
export class NotWalError extends WalpoolError {}
/** This SQLite or system lacks what is needed. */
export class UnsupportedError extends WalpoolError {}
/** walpool does not run this statement here. */
export class RefusedError extends WalpoolError {}
/** A defect in walpool; please report it. */
export class InternalError extends WalpoolError {}
/** The disk or a lock failed under a write, or a page was found damaged: writes
 * are refused until the database is opened anew. */
export class PoisonedError extends WalpoolError {}
/** A statement changed another number of rows than it was expected to; nothing of
 * its write or batch is applied. */
export class MismatchError extends WalpoolError {}
/** A newer commit exists than what this transaction has read: roll back, and begin
 * again. Or its snapshot was ended by `walCeilingPolicy: 'interrupt'`. */
export class StaleError extends WalpoolError {}
/** The WAL is above `walCeilingFrames`, and `walCeilingPolicy` is `'fail'`; the
 * message names who keeps it there. */
export class CeilingError extends WalpoolError {}
