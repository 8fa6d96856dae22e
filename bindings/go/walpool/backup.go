package walpool

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"time"

	"github.com/walpool/walpool/bindings/go/walpool/internal/raw"
)

// BackupPhase is what the next step of a backup does.
type BackupPhase int32

const (
	BackupCopy  BackupPhase = 0 // copy pages of the snapshot
	BackupCheck BackupPhase = 1 // look for damage in the copy
	BackupPlace BackupPhase = 2 // sync the copy, and give it its name
	BackupDone  BackupPhase = 3 // nothing: the backup is there
)

// String returns "copy", "check", "place" or "done".
func (p BackupPhase) String() string { return label(int(p), "copy", "check", "place", "done") }

// BackupProgress is how far a backup is.
type BackupProgress struct {
	Phase    BackupPhase
	PageSize int   // in bytes
	Pages    int64 // of the snapshot
	Copied   int64 // of these
}

// BackupCheckMode is how a copy is checked.
type BackupCheckMode int32

const (
	BackupCheckQuick BackupCheckMode = 0 // SQLite's quick_check
	BackupCheckFull  BackupCheckMode = 1 // integrity_check: indexes are compared with their tables
	BackupCheckNone  BackupCheckMode = 2 // no check
)

// BackupOptions say how a backup is made. The zero value is the default.
type BackupOptions struct {
	// Replace a file that is there; without it that is an error.
	Replace bool
	// Check is how the copy is checked before it is kept.
	Check BackupCheckMode
	// Pages are copied in one step, up to 2147483647; 0 is 1000.
	Pages int
	// Pause between two steps leaves the disk to others; 0 is 5 ms, negative none.
	Pause time.Duration
	// Progress is called after each step, on the calling goroutine. An error
	// cancels the backup and comes out of [DB.Backup].
	Progress func(BackupProgress) error
}

const (
	backupReplace = 1
	backupFull    = 2
	backupNone    = 4

	backupPages = 1000
	backupPause = 5 * time.Millisecond
)

// plan is the options, read.
func (o *BackupOptions) plan() (plan BackupOptions, flags int32, err error) {
	if o != nil {
		plan = *o
	}
	if plan.Pages == 0 {
		plan.Pages = backupPages
	}
	if plan.Pages < 0 || plan.Pages > 1<<31-1 {
		return plan, 0, errorf(ErrMisuse, "BackupOptions.Pages is %d; it is a number of pages, or 0", plan.Pages)
	}
	if plan.Pause == 0 {
		plan.Pause = backupPause
	}
	switch plan.Check {
	case BackupCheckQuick:
	case BackupCheckFull:
		flags = backupFull
	case BackupCheckNone:
		flags = backupNone
	default:
		return plan, 0, errorf(ErrMisuse, "BackupOptions.Check is %d; use a BackupCheck constant", plan.Check)
	}
	if plan.Replace {
		flags |= backupReplace
	}
	return plan, flags, nil
}

// Backup copies the database into a file while others read and write.
//
// The copy is of one snapshot, taken now, and one file that opens anywhere: no
// sidecars, not in WAL mode until [Open]. It grows in "<to>.walpool-partial" and
// takes its name when it is complete, checked and synced. An error leaves
// nothing; after a kill the next backup to that path removes what is left.
//
// Until all is copied the snapshot keeps the WAL from being reset; health and
// [DB.Leases] name it "backup", or as [WithWhy] says. Nil options are the
// defaults. The context's deadline is for all of it.
//
// Errors: [ErrCantOpen] (a file or a sidecar of one is there, no folder),
// [ErrMisuse] (it is the database itself, or one of its files), [ErrBusy]
// (another backup to that path is running), [ErrCorrupt] (the database is
// damaged), [ErrFull], [ErrIO], [ErrTimeout], [ErrCanceled], [ErrClosed]. It
// calls walpool_backup_start, walpool_backup_step and walpool_backup_finish.
func (db *DB) Backup(ctx context.Context, to string, options *BackupOptions) error {
	plan, flags, err := options.plan()
	if err != nil {
		return err
	}
	var c call
	if err := db.reader().begin(ctx, &c); err != nil {
		return err
	}
	defer c.end()
	c.forget()
	handle, err := db.startBackup(&c, to, flags)
	if err != nil {
		return err
	}
	defer finishBackup(handle)
	err = plan.steps(handle, &c)
	runtime.KeepAlive(db)
	return err
}

// withPath makes a frame with the call and a path, where SQL would be.
func withPath(c *call, path, doing string) (*frame, error) {
	if path == "" || strings.IndexByte(path, 0) >= 0 {
		return nil, errorf(ErrMisuse, "cannot %s %q: the path is empty or has a NUL byte", doing, path)
	}
	f := getFrame()
	f.start()
	f.request(c, 0, 0, path+"\x00")
	f.seal(leastRoom)
	return f, nil
}

func (db *DB) startBackup(c *call, to string, flags int32) (uint64, error) {
	f, err := withPath(c, to, "back up to")
	if err != nil {
		return 0, err
	}
	defer func() { putFrame(f) }()
	handle := raw.WalpoolBackupStart(db.id(), f.Frame, flags, f.Frame)
	runtime.KeepAlive(db)
	return handle, c.failed(f)
}

func finishBackup(handle uint64) {
	f := getFrame()
	defer putFrame(f)
	f.plain(0)
	raw.WalpoolBackupFinish(handle, f.Frame)
}

// steps does all of them, with the pauses between.
func (o *BackupOptions) steps(handle uint64, c *call) error {
	for {
		at, err := o.step(handle, c)
		if err != nil {
			return err
		}
		if o.Progress != nil {
			if err := o.Progress(at); err != nil {
				return err
			}
		}
		if at.Phase == BackupDone {
			return nil
		}
		if at.Phase == BackupCopy && o.Pause > 0 {
			pause(c.ctx, o.Pause)
		}
	}
}

func (o *BackupOptions) step(handle uint64, c *call) (BackupProgress, error) {
	if err := past(c.ctx); err != nil {
		return BackupProgress{}, err
	}
	c.again()
	f := getFrame()
	defer func() { putFrame(f) }()
	f.start()
	f.request(c, 0, 0, "")
	f.seal(leastRoom)
	raw.WalpoolBackupStep(handle, int32(o.Pages), f.Frame)
	if err := c.failed(f); err != nil {
		return BackupProgress{}, err
	}
	out := layout[struct {
		phase, pageSize int32
		pages, copied   int64
	}](f.room())
	return BackupProgress{BackupPhase(out.phase), int(out.pageSize), out.pages, out.copied}, nil
}

// past fails when the deadline is over: the library would have a millisecond
// more for each step.
func past(ctx context.Context) error {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil
	}
	err := errorf(ErrTimeout, "cannot back up: the context's deadline has passed")
	err.Phase, err.cause = PhaseExecute, context.DeadlineExceeded
	return err
}

// pause ends early with the context: the next step tells why.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Restore replaces all that is in the database by what is in a file, such as a
// backup, in one transaction. The file is checked first.
//
// Readers keep their snapshots, other processes see an ordinary commit, and
// whatever cuts it off leaves all as it was. Never copy a file over a database
// that is open somewhere: its WAL would be applied to it. The context's deadline
// is for all of it.
//
// Errors: [ErrCantOpen], [ErrNotADatabase] and [ErrCorrupt] (the file),
// [ErrMisuse] (it is the database itself), [ErrUnsupported] (another page size
// or text encoding), [ErrDeadlock], and as [DB.Exec]. It calls walpool_restore.
func (db *DB) Restore(ctx context.Context, from string) error {
	var c call
	if err := db.writer().begin(ctx, &c); err != nil {
		return err
	}
	defer c.end()
	f, err := withPath(&c, from, "restore from")
	if err != nil {
		return err
	}
	defer func() { putFrame(f) }()
	raw.WalpoolRestore(db.id(), f.Frame, f.Frame)
	runtime.KeepAlive(db)
	return c.failed(f)
}
