package walpool

import (
	"context"
	"runtime"
	"strings"
	"time"

	"github.com/walpool/walpool/bindings/go/walpool/internal/raw"
)

// Health is one consistent snapshot of a database's numbers; see [DB.Health].
// Counters only grow while the database is open.
type Health struct {
	ReadersLimit   int64         // readers that may be open
	ReadersOpen    int64         // reader connections that are open
	ReadersLeased  int64         // readers in use
	SnapshotsWarm  int64         // readers whose snapshot stays between uses; -1: off
	PrivateOpen    int64         // private connections that are open
	ReaderWaiters  int64         // calls that wait for a reader
	WriterLeased   int64         // 1 while the writer is in use
	WriterWaiters  int64         // calls that wait for the writer
	OldestLease    time.Duration // age of the oldest transaction or Rows that is out
	OldestLeaseWhy string        // its label, see [WithWhy]
	DirtyLeaseWhy  string        // label of the newest that came back with an open transaction

	Reads           int64 // counter: reads that succeeded
	Writes          int64 // counter: committed transactions
	Rollbacks       int64 // counter: transactions rolled back
	OnceReplays     int64 // counter: writes answered from their once_key
	Coalesced       int64 // counter: writes that shared a transaction
	Errors          int64 // counter: calls that failed
	Timeouts        int64 // counter: of these, past their deadline
	Cancels         int64 // counter: of these, canceled
	DirtyLeases     int64 // counter: leases given back with an open transaction
	LeasesLong      int64 // leases, cursors, calls out for longer than lease_warn
	LeasesOverdue   int64 // counter: transactions and Rows that were out for longer
	LockWaits       int64 // counter: sleeps of 1 ms for another process's lock
	TurnWaits       int64 // counter: waits for the turn of another process
	FSClass         int64 // where the file lies, see walpool_fs_class of the C header
	Turns           int64 // 1: writers take turns with other processes; 0: read-only, or no
	MovedFiles      int64 // files that are not in place: moved, replaced, removed, cut
	Rescues         int64 // counter: commits saved from a -wal or -shm that was removed
	SecondSQLite    int64 // 1: another SQLite of this process uses the file
	LostLocks       int64 // counter: locks of SQLite's that were found lost
	LockChecks      int64 // 1: lost locks are noticed; 0: this system cannot tell
	Optimizes       int64 // counter: times that tables were measured, or need not be
	StatementHits   int64 // counter: prepared statement found in the cache
	StatementMisses int64 // counter: statement had to be prepared

	WALBytes              int64         // size of the -wal file
	WALBytesHighest       int64         // highest WALBytes seen
	WALFrames             int64         // frames in the WAL that hold commits
	WALFramesCheckpointed int64         // of these, in the database file
	PinFrames             int64         // frames that the oldest snapshot in use has; -1: none is
	PinPID                int64         // process that keeps it; 0: none, or not known
	PinAge                time.Duration // for how long, where it is a transaction of this DB
	DiskFreeBytes         int64         // room on the disk; -1: not known
	WALResetSafe          int64         // 1: this SQLite has the fix of the WAL-reset bug; 0: guarded
	Checkpoints           int64         // counter: checkpoints of this process
	CheckpointFailures    int64         // counter: checkpoints that ended in an error
	ReaderGates           int64         // counter: times that new readers waited for old ones
	CheckpointExternal    int64         // 1: CheckpointExternal was asked for, so there are none
	WALCeilingFrames      int64         // the option's frames; 0: there is no ceiling
	WALOverCeiling        int64         // 1: the WAL has more, and something keeps it
	Backups               int64         // counter: backups that came to their end
	BackupRunning         int64         // backups that were started and not finished

	WriterWaitCount int64         // counter: times the writer was asked for
	WriterWaitP50   time.Duration // wait for the writer, median
	WriterWaitP99   time.Duration // wait for the writer, 99th percentile
	WriterWaitMax   time.Duration // wait for the writer, longest
	WriterHoldP50   time.Duration // use of the writer, median
	WriterHoldP99   time.Duration // use of the writer, 99th percentile
	WriterHoldMax   time.Duration // use of the writer, longest
	CommitP50       time.Duration // write or commit without the wait for the writer, median
	CommitP99       time.Duration // write or commit, 99th percentile
	CommitMax       time.Duration // write or commit, longest
	QueryP50        time.Duration // read, of each 16th and those that take long, median
	QueryP99        time.Duration // such a read, 99th percentile
	QueryMax        time.Duration // such a read, longest
	Syncs           int64         // counter: syncs of the WAL for durable commits and reads
	SyncP50         time.Duration // such a sync, median
	SyncP99         time.Duration // such a sync, 99th percentile
	SyncMax         time.Duration // such a sync, longest
	CheckpointP50   time.Duration // checkpoint, median
	CheckpointP99   time.Duration // checkpoint, 99th percentile
	CheckpointMax   time.Duration // longest checkpoint
	// CheckpointHoldMax is the longest use of the writer by a checkpoint.
	CheckpointHoldMax time.Duration

	Verdict Verdict // what it comes to: that of the gravest reason
	Reasons Reasons // why it is not HealthOK; [DB.HealthJSON] has them in words
	Reason  string  // the gravest of them and what to do, or ""
}

// Reasons is a set of reasons why a database is not [HealthOK].
type Reasons uint32

const (
	ReasonPoisoned          Reasons = 1 << iota // writes are refused for good
	ReasonLostLock                              // a lock of SQLite's was lost
	ReasonWALBroken                             // a checkpoint has met a WAL reset
	ReasonCheckpointFailing                     // the newest one failed
	ReasonDiskLow                               // under 64 MiB are left, or 4: failing
	ReasonWriterStuck                           // calls wait; for a second none wrote
	ReasonReaderExhausted                       // the same, of readers
	ReasonWALPinned                             // a reader keeps a long WAL
	ReasonWALLong                               // ten thresholds are not in the database
	ReasonLeaseOverdue                          // out for longer than LeaseWarn
	ReasonNoTurns                               // the -turn file cannot be opened
	ReasonDirtyLeases                           // one came back so, a minute ago at most
	ReasonSecondSQLite                          // another one uses the file
	ReasonRiskyFS                               // it lies on a network, the host or FUSE
	ReasonWALCeiling                            // the WAL is above WALCeilingFrames
)

var reasonCodes = [...]string{
	"poisoned", "lost_lock", "wal_broken", "checkpoint_failing", "disk_low",
	"writer_stuck", "reader_exhausted", "wal_pinned", "wal_long",
	"lease_overdue", "no_turns", "dirty_leases", "second_sqlite", "risky_fs",
	"wal_ceiling",
}

// Has reports whether one of these is in the set.
func (r Reasons) Has(any Reasons) bool { return r&any != 0 }

// Codes returns the names that all languages use, such as "wal_pinned".
func (r Reasons) Codes() []string {
	var codes []string
	for i, code := range reasonCodes {
		if r.Has(1 << i) {
			codes = append(codes, code)
		}
	}
	return codes
}

// String returns the codes with commas between them.
func (r Reasons) String() string { return strings.Join(r.Codes(), ",") }

// Verdict is what the numbers of [Health] come to.
type Verdict int32

const (
	HealthOK       Verdict = 0
	HealthDegraded Verdict = 1
	HealthFailing  Verdict = 2
)

// String returns "ok", "degraded" or "failing".
func (v Verdict) String() string { return label(int(v), "ok", "degraded", "failing") }

// healthBlock is the C struct walpool_health.
type healthBlock struct {
	numbers   [healthNumbers]int64
	verdict   int32
	reasons   uint32
	oldestWhy [48]byte
	dirtyWhy  [48]byte
	reason    [256]byte
}

const (
	healthNumbers = 70
	healthBytes   = healthNumbers*8 + 8 + 48 + 48 + 256
)

// Health takes one snapshot of the database's health. It takes no connection
// and never waits for one. It calls walpool_health_get.
func (db *DB) Health() (Health, error) {
	f := getFrame()
	defer func() { putFrame(f) }()
	f.plain(healthBytes)
	raw.WalpoolHealthGet(db.id(), f.Frame)
	runtime.KeepAlive(db)
	if f.Error.Status != 0 {
		return Health{}, failure(&f.Error)
	}
	return healthOf(layout[healthBlock](f.room())), nil
}

// healthOf names the numbers, in the order of WALPOOL_HEALTH_LIST.
func healthOf(c *healthBlock) Health {
	h := Health{
		OldestLeaseWhy: cstring(c.oldestWhy[:]),
		DirtyLeaseWhy:  cstring(c.dirtyWhy[:]),
		Verdict:        Verdict(c.verdict),
		Reasons:        Reasons(c.reasons),
		Reason:         cstring(c.reason[:]),
	}
	for i, field := range h.fields() {
		switch field := field.(type) {
		case *int64:
			*field = c.numbers[i]
		case *time.Duration:
			*field = time.Duration(c.numbers[i]) * time.Microsecond
		}
	}
	return h
}

func (h *Health) fields() [healthNumbers]any {
	return [healthNumbers]any{
		&h.ReadersLimit, &h.ReadersOpen, &h.ReadersLeased, &h.SnapshotsWarm,
		&h.PrivateOpen, &h.ReaderWaiters,
		&h.WriterLeased, &h.WriterWaiters, &h.OldestLease,
		&h.Reads, &h.Writes, &h.Rollbacks, &h.OnceReplays, &h.Coalesced,
		&h.Errors, &h.Timeouts, &h.Cancels,
		&h.DirtyLeases, &h.LeasesLong, &h.LeasesOverdue,
		&h.LockWaits, &h.TurnWaits, &h.FSClass, &h.Turns,
		&h.MovedFiles, &h.Rescues, &h.SecondSQLite, &h.LostLocks, &h.LockChecks,
		&h.Optimizes,
		&h.StatementHits, &h.StatementMisses,
		&h.WALBytes, &h.WALBytesHighest, &h.WALFrames, &h.WALFramesCheckpointed,
		&h.PinFrames, &h.PinPID, &h.PinAge, &h.DiskFreeBytes, &h.WALResetSafe,
		&h.Checkpoints, &h.CheckpointFailures, &h.ReaderGates,
		&h.CheckpointExternal, &h.WALCeilingFrames, &h.WALOverCeiling,
		&h.Backups, &h.BackupRunning,
		&h.WriterWaitCount, &h.WriterWaitP50, &h.WriterWaitP99, &h.WriterWaitMax,
		&h.WriterHoldP50, &h.WriterHoldP99, &h.WriterHoldMax,
		&h.CommitP50, &h.CommitP99, &h.CommitMax,
		&h.QueryP50, &h.QueryP99, &h.QueryMax,
		&h.Syncs, &h.SyncP50, &h.SyncP99, &h.SyncMax,
		&h.CheckpointP50, &h.CheckpointP99, &h.CheckpointMax, &h.CheckpointHoldMax,
	}
}

// HealthJSON returns the same snapshot as one JSON object, with the names that
// all languages use, times in microseconds, and the versions. It calls
// walpool_health_json.
func (db *DB) HealthJSON() ([]byte, error) { return db.text(raw.WalpoolHealthJson) }

// CheckpointMode is how far [DB.Checkpoint] goes: SQLite's four modes.
type CheckpointMode int32

const (
	CheckpointPassive  CheckpointMode = 0 // what can be done at once
	CheckpointFull     CheckpointMode = 1 // until all frames are in the file
	CheckpointRestart  CheckpointMode = 2 // and the WAL starts anew
	CheckpointTruncate CheckpointMode = 3 // and is empty
)

// CheckpointOutcome is how far it came.
type CheckpointOutcome int32

const (
	CheckpointComplete CheckpointOutcome = 0 // as far as the mode asks
	CheckpointPartial  CheckpointOutcome = 1 // a reader keeps frames back
	CheckpointNotReset CheckpointOutcome = 2 // all copied, but the WAL is in use
	CheckpointOther    CheckpointOutcome = 3 // another process checkpoints just now
)

// String returns "complete", "partial", "not_reset" or "other".
func (o CheckpointOutcome) String() string {
	return label(int(o), "complete", "partial", "not_reset", "other")
}

// CheckpointResult is what a checkpoint did.
type CheckpointResult struct {
	Outcome            CheckpointOutcome
	Busy               bool // not CheckpointComplete
	LogFrames          int  // frames in the WAL
	CheckpointedFrames int  // of these, in the database file
	// PinnedPID is the process, maybe this one, whose snapshot is in the way of
	// CheckpointPartial and CheckpointNotReset; -1: one without a number here,
	// 0: none was found.
	PinnedPID   int
	PinnedFrame int    // the WAL keeps what came after this frame
	PinnedWhy   string // its label, if it is of this process, see [WithWhy]
}

// checkpointBlock is the C struct walpool_checkpoint_result.
type checkpointBlock struct {
	outcome, busy, log, done int32
	pid                      int64
	frame, _                 int32
	why                      [48]byte
}

// Checkpoint copies what is in the WAL into the database file, up to the
// context's deadline. The database does this by itself in time; call it before
// a copy of the file is made, or the like. No mode keeps writers waiting while
// it waits for readers. That it was not complete is no error: see Outcome.
//
// Errors: [ErrTimeout] when the writer was not to be had, [ErrDeadlock],
// [ErrRefused] with [Options.CheckpointExternal], [ErrReadOnly], [ErrIO],
// [ErrFull] and others. It calls walpool_checkpoint.
func (db *DB) Checkpoint(ctx context.Context, mode CheckpointMode) (CheckpointResult, error) {
	var c call
	if err := db.writer().begin(ctx, &c); err != nil {
		return CheckpointResult{}, err
	}
	defer c.end()
	f := getFrame()
	defer func() { putFrame(f) }()
	f.start()
	c.forget()
	f.request(&c, 0, 0, "")
	f.seal(leastRoom)
	raw.WalpoolCheckpoint(db.id(), int32(mode), f.Frame)
	runtime.KeepAlive(db)
	if err := c.failed(f); err != nil {
		return CheckpointResult{}, err
	}
	out := layout[checkpointBlock](f.room())
	return CheckpointResult{
		CheckpointOutcome(out.outcome), out.busy != 0, int(out.log), int(out.done),
		int(out.pid), int(out.frame), cstring(out.why[:]),
	}, nil
}

// Metrics returns the same snapshot as text for Prometheus, with histograms;
// the label database is the path. Serve it as text/plain; version=0.0.4. It
// calls walpool_metrics.
func (db *DB) Metrics() ([]byte, error) { return db.text(raw.WalpoolMetrics) }

// ProbeResult tells how long each step of a [DB.Probe] took. Where the database
// is read-only there is only the read, and the other steps are negative.
type ProbeResult struct {
	Writer time.Duration // until the writer, the turn and SQLite's lock were had
	Write  time.Duration // the write
	Commit time.Duration // its commit, with the sync where the durability is full
	Read   time.Duration // the read, on a reader
	Total  time.Duration // all of it
}

const probeSteps = 5

// Probe finds out whether a write gets through, now: it writes what is there
// already, by a commit of one page that goes the way of all others, and reads
// it. Nothing of it is left behind. The context's deadline is for all of it.
//
// Errors: [ErrTimeout], which names who was waited for, and as [DB.Exec]. It
// calls walpool_probe.
func (db *DB) Probe(ctx context.Context) (ProbeResult, error) {
	var c call
	if err := db.writer().begin(ctx, &c); err != nil {
		return ProbeResult{}, err
	}
	defer c.end()
	f := getFrame()
	defer func() { putFrame(f) }()
	f.start()
	c.forget()
	f.request(&c, 0, 0, "")
	f.seal(leastRoom)
	raw.WalpoolProbe(db.id(), f.Frame)
	runtime.KeepAlive(db)
	if err := c.failed(f); err != nil {
		return ProbeResult{}, err
	}
	step := func(i int) time.Duration {
		// The row stands behind the row of names.
		row := cellsOf(f.room(), rowsHeader+probeSteps*cellBytes, probeSteps)
		return time.Duration(int64(row[i].bits)) * time.Microsecond
	}
	return ProbeResult{step(0), step(1), step(2), step(3), step(4)}, nil
}
