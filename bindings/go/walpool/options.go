package walpool

import (
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// Options say how to open a database. The zero value is the default in every
// field, and a good choice. What is out of range is [ErrOption] from [Open].
type Options struct {
	// Readers is how many reader connections there are at most, 1 to 64; 0 is
	// 4. They open when needed; all but one are closed after a minute without use.
	// More than twice the cores brings nothing.
	Readers int
	// BusyTimeout is how long a call waits for connections and locks when its
	// context has no deadline; 0 is 5 s, negative no limit. It is rounded up to
	// milliseconds, as all times are.
	BusyTimeout time.Duration
	// CloseTimeout is how long Close waits for what is still out; 0 is 5 s,
	// negative no limit.
	CloseTimeout time.Duration
	// CacheSizeKiB is the page cache of each connection in KiB, 64 to
	// 16777216; 0 is 8192. Each commit empties those of readers, so a larger
	// one pays where commits are rare.
	CacheSizeKiB int64
	// MmapSize is how many bytes of the file are mapped into memory; 0 is off.
	// Reads of large files gain up to 2x where few commit, and lose up to
	// 4x beside many commits. A file that fails or is cut short then kills the
	// process.
	MmapSize int64
	// JournalSizeLimit is what a reset WAL is cut to, in bytes; 0 is 16 MiB,
	// -1 never cuts.
	JournalSizeLimit int64
	// CheckpointFrames is the number of WAL frames (pages) at which a
	// checkpoint starts, 1 to 1000000; 0 is 1000.
	CheckpointFrames int
	// StatementCache is how many prepared statements each connection keeps, 1
	// to 10000; 0 is 128, negative none.
	StatementCache int
	// Durability is what a commit survives.
	Durability Durability
	// NoForeignKeys turns foreign key constraints off.
	NoForeignKeys bool
	// TempStoreFile keeps temporary tables in files and not in memory.
	TempStoreFile bool
	// AllowAttach permits ATTACH and DETACH.
	AllowAttach bool
	// Coalesce lets small writes of many goroutines share one transaction,
	// which stays open for others to join for this long, up to 1 s; 0 is off.
	Coalesce time.Duration
	// OnceKeep is how long a once key is remembered, 1 s to a year; 0 is a day.
	OnceKeep time.Duration
	// LeaseWarn is how long a lease may be out until health reports it; 0 is
	// 10 s, negative never.
	LeaseWarn time.Duration
	// LeaseTrace remembers the stack at each acquire, for that report.
	LeaseTrace bool
	// SnapshotKeep is how long a reader's snapshot stays open between two uses,
	// if nothing was committed since: a read that follows soon then takes no
	// lock. Up to 1 s; 0 is 5 ms, negative never. Results are as new as without.
	SnapshotKeep time.Duration
	// StepAhead is how many threads of the library fetch the next rows of large
	// results while the program uses those that it has: up to 32; 0 is one less
	// than the CPUs, 4 at most, negative none.
	StepAhead int
	// ReaderGate is how long new readers are made to wait at most, until older
	// ones have gone and the WAL can start anew, up to 1 s; 0 is 100 ms,
	// negative never.
	ReaderGate time.Duration
	// WALCeilingFrames is the number of WAL frames above which CeilingPolicy
	// holds, while a reader keeps the WAL from starting anew: CheckpointFrames to
	// 16000000; 0 is 16 times CheckpointFrames, negative no ceiling.
	WALCeilingFrames int
	// CeilingPolicy is what happens then.
	CeilingPolicy CeilingPolicy
	// CheckpointExternal is for a replicator such as Litestream, which
	// checkpoints: then the database never does, not even when it closes.
	CheckpointExternal bool
	// Mode says whether the file is created and may be written.
	Mode Mode
	// Permissions of a file that is created; 0 is 0600.
	Permissions fs.FileMode
	// AllowNetworkFS opens also on a network or host-bridge file system, where
	// the WAL is damaged as soon as two machines use it.
	AllowNetworkFS bool
	// OptimizeInterval: after the opening and each time that it has passed,
	// measure tables as [DB.Optimize] does, when nobody writes; 0 is never.
	OptimizeInterval time.Duration
}

// Durability is what a commit survives, for [Options].
type Durability int

const (
	// DurabilityNormal survives the end of the process, even by SIGKILL.
	DurabilityNormal Durability = 0
	// DurabilityFull survives a power cut: a commit is visible at once, and
	// acknowledged when a sync, shared by all who wait for one, covers it.
	DurabilityFull Durability = 1
)

// CeilingPolicy is what happens while a reader keeps the WAL above its ceiling,
// for [Options].
type CeilingPolicy int

const (
	CeilingWarn         CeilingPolicy = 0 // [DB.Health] names who keeps it
	CeilingBackpressure CeilingPolicy = 1 // writes wait, too
	CeilingFail         CeilingPolicy = 2 // writes get [ErrCeiling]
	CeilingInterrupt    CeilingPolicy = 3 // this process's snapshots older than ReaderGate end: [ErrStale]
)

// Mode is how a file is opened, for [Options].
type Mode int

const (
	ReadWriteCreate Mode = 0 // create the file if it is missing
	ReadWrite       Mode = 1 // the file must exist
	ReadOnly        Mode = 2 // the file must exist, and is not written
)

// text states the options that are not default as the library parses them.
func (o *Options) text() string {
	if o == nil {
		return ""
	}
	var t optionText
	t.number("readers", int64(o.Readers))
	t.duration("busy_timeout", o.BusyTimeout)
	t.duration("close_timeout", o.CloseTimeout)
	t.number("cache_size_kib", o.CacheSizeKiB)
	t.number("mmap_size", o.MmapSize)
	t.number("journal_size_limit", o.JournalSizeLimit)
	t.number("checkpoint_frames", int64(o.CheckpointFrames))
	t.numberOrOff("statement_cache", int64(o.StatementCache))
	t.word("durability", int(o.Durability), "normal", "full")
	t.flag("foreign_keys", o.NoForeignKeys, "0")
	t.flag("temp_store", o.TempStoreFile, "file")
	t.flag("allow_attach", o.AllowAttach, "1")
	t.duration("coalesce", o.Coalesce)
	t.duration("once_keep", o.OnceKeep)
	t.duration("lease_warn", o.LeaseWarn)
	t.flag("lease_trace", o.LeaseTrace, "1")
	t.durationOrOff("snapshot_keep", o.SnapshotKeep)
	t.numberOrOff("step_ahead", int64(o.StepAhead))
	t.durationOrOff("reader_gate", o.ReaderGate)
	t.numberOrOff("wal_ceiling_frames", int64(o.WALCeilingFrames))
	t.word("wal_ceiling_policy", int(o.CeilingPolicy), "warn", "backpressure", "fail", "interrupt")
	t.flag("checkpoint_owner", o.CheckpointExternal, "external")
	t.word("mode", int(o.Mode), "rwc", "rw", "ro")
	if o.Permissions != 0 {
		t.add("permissions", strconv.FormatUint(uint64(o.Permissions), 8))
	}
	t.flag("allow_network_fs", o.AllowNetworkFS, "1")
	t.duration("optimize_interval", o.OptimizeInterval)
	return strings.Join(t, "&")
}

// optionText collects name=value.
type optionText []string

func (t *optionText) add(name, value string) { *t = append(*t, name+"="+value) }

func (t *optionText) number(name string, v int64) {
	if v != 0 {
		t.add(name, strconv.FormatInt(v, 10))
	}
}

func (t *optionText) duration(name string, d time.Duration) {
	if d != 0 {
		t.number(name, milliseconds(d))
	}
}

// numberOrOff is for options of which 0 is off: here that is a negative number,
// because the zero value is the default.
func (t *optionText) numberOrOff(name string, v int64) {
	if v < 0 {
		t.add(name, "0")
	} else {
		t.number(name, v)
	}
}

func (t *optionText) durationOrOff(name string, d time.Duration) {
	if d < 0 {
		t.add(name, "0")
	} else {
		t.duration(name, d)
	}
}

// word adds one of the words; a number that has none is told as it is, and the
// library names what is allowed.
func (t *optionText) word(name string, v int, words ...string) {
	if v != 0 {
		t.add(name, label(v, words...))
	}
}

func (t *optionText) flag(name string, set bool, value string) {
	if set {
		t.add(name, value)
	}
}
