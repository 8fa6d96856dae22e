package walpool

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/walpool/walpool/bindings/go/walpool/internal/raw"
)

// A Status says in one word how a call failed. The constants are errors to
// compare with:
//
//	if errors.Is(err, walpool.ErrTimeout) { ... }
//
// Their numbers are those of WALPOOL_STATUS_LIST in walpool.h.
type Status int32

const (
	// ErrMisuse: an argument is out of range, contradicts another, or the
	// value of a column does not fit the Go variable that was given for it.
	ErrMisuse Status = 1
	// ErrClosed: the database, transaction or rows were closed.
	ErrClosed Status = 2
	// ErrBusy: another goroutine is using the transaction or the rows.
	ErrBusy Status = 3
	// ErrNoMemory: out of memory.
	ErrNoMemory Status = 4
	// ErrTimeout: the deadline passed; [Error.Phase] says where. It is also
	// [context.DeadlineExceeded] where the deadline came from the context.
	ErrTimeout Status = 5
	// ErrCanceled: the context was canceled; also [context.Canceled].
	ErrCanceled Status = 6
	// ErrDeadlock: the context carries a write transaction of the same
	// database, so the call would wait for itself. See [WriteTx.Context].
	ErrDeadlock Status = 7
	// ErrForked: the database was opened before the process forked.
	ErrForked Status = 8
	// ErrOption: an option is unknown, or its value malformed.
	ErrOption Status = 9
	// ErrParam: a parameter is missing, surplus, or of a type that SQLite
	// cannot store.
	ErrParam Status = 10
	// ErrSQL: SQLite refused the statement.
	ErrSQL Status = 11
	// ErrConstraint: a constraint failed; [Error.ExtendedCode] says which.
	ErrConstraint Status = 12
	// ErrReadOnly: a write through a reader, or to a read-only database.
	ErrReadOnly Status = 13
	// ErrCantOpen: the file cannot be opened.
	ErrCantOpen Status = 14
	// ErrNotADatabase: the file is no SQLite database.
	ErrNotADatabase Status = 15
	// ErrCorrupt: the database is damaged. Writes are refused from then on,
	// reads of what is whole go on.
	ErrCorrupt Status = 16
	// ErrFull: the disk is full.
	ErrFull Status = 17
	// ErrIO: the operating system failed to read or write.
	ErrIO Status = 18
	// ErrTooBig: a value, text or row is larger than a limit.
	ErrTooBig Status = 19
	// ErrEncoding: a text is not valid UTF-8.
	ErrEncoding Status = 20
	// ErrNotWAL: the database cannot be switched to WAL.
	ErrNotWAL Status = 21
	// ErrUnsupported: this SQLite or system lacks what is needed.
	ErrUnsupported Status = 22
	// ErrRefused: walpool does not run this statement here.
	ErrRefused Status = 23
	// ErrInternal: a defect in walpool; please report it.
	ErrInternal Status = 24
	// ErrPoisoned: the disk or a lock failed under a write, or a page was
	// found damaged: writes are refused until the database is opened anew.
	ErrPoisoned Status = 25
	// ErrMismatch: a statement changed another number of rows than asked.
	ErrMismatch Status = 26
	// ErrStale: a newer commit exists than what this transaction has read; or
	// its snapshot was ended by [CeilingInterrupt].
	ErrStale Status = 27
	// ErrCeiling: the WAL is above its ceiling, and [CeilingFail] is chosen.
	ErrCeiling Status = 28
)

// Name returns the status as every language spells it, such as
// "WALPOOL_TIMEOUT".
func (s Status) Name() string {
	return raw.Text(raw.WalpoolStatusName(int32(s)))
}

// Error returns the same as Name.
func (s Status) Error() string { return s.Name() }

// A Phase says where a deadline or a cancellation struck.
type Phase int32

const (
	PhaseNone    Phase = 0 // not a timeout or cancellation
	PhaseQueue   Phase = 1 // waiting for a connection of this process
	PhaseLock    Phase = 2 // waiting for another process's lock
	PhaseExecute Phase = 3 // running the statement
	PhaseTurn    Phase = 4 // waiting for this process's turn to write
	PhaseSync    Phase = 5 // waiting for the disk; the commit is made
	PhaseCeiling Phase = 6 // waiting for the WAL to get below its ceiling
)

// String returns "none", "queue", "lock", "execute", "turn", "sync" or
// "ceiling".
func (p Phase) String() string {
	return label(int(p), "none", "queue", "lock", "execute", "turn", "sync", "ceiling")
}

// An Outcome says what became of a write that failed.
type Outcome int32

const (
	NotApplied     Outcome = 0 // nothing was changed
	Applied        Outcome = 1 // it was committed all the same
	OutcomeUnknown Outcome = 2 // look before you try again
)

// String returns "not_applied", "applied" or "unknown".
func (o Outcome) String() string { return label(int(o), "not_applied", "applied", "unknown") }

func label(i int, names ...string) string {
	if i < 0 || i >= len(names) {
		return fmt.Sprint(i)
	}
	return names[i]
}

// Error is the error of every call of this package. Use [errors.As] to reach
// it, or [errors.Is] with one of the Status constants.
//
// Code, ExtendedCode and SystemErrno have the names that translators of
// database errors look for.
type Error struct {
	Status       Status        // never 0
	Code         int           // SQLite's primary result code, or 0
	ExtendedCode int           // SQLite's extended result code, or 0
	SystemErrno  syscall.Errno // of the system call that failed, or 0
	Message      string        // what was tried, on what, why
	SQLOffset    int           // byte of the SQL text where it failed, or -1
	Statement    int           // index of the statement in a batch, or -1
	Phase        Phase         // where a timeout or cancellation struck
	Outcome      Outcome       // what became of the write

	cause error // of the context
}

// Error returns "walpool: " and the message.
func (e *Error) Error() string { return "walpool: " + e.Message }

// Is reports whether target is the error's Status.
func (e *Error) Is(target error) bool {
	status, ok := target.(Status)
	return ok && status == e.Status
}

// Unwrap returns the context's error and the system's, where there are such:
// errors.Is(err, context.Canceled) and errors.Is(err, fs.ErrNotExist) hold.
func (e *Error) Unwrap() []error {
	var causes []error
	if e.cause != nil {
		causes = append(causes, e.cause)
	}
	if e.SystemErrno != 0 {
		causes = append(causes, e.SystemErrno)
	}
	return causes
}

// Timeout reports whether the call ran out of time, as [net.Error] does.
func (e *Error) Timeout() bool { return e.Status == ErrTimeout }

// CodeName returns the name of ExtendedCode, such as
// "SQLITE_CONSTRAINT_UNIQUE", or "" where SQLite had no part in it.
func (e *Error) CodeName() string {
	return raw.Text(raw.WalpoolSqliteCodeName(int32(e.ExtendedCode)))
}

// errorf makes an error that this package finds before it asks the library.
func errorf(status Status, format string, args ...any) *Error {
	return &Error{Status: status, Message: fmt.Sprintf(format, args...), SQLOffset: -1, Statement: -1}
}

// canceled makes the error of a context that has ended, when nothing was begun.
func canceled(cause error) *Error {
	status, what := ErrCanceled, "canceled"
	if errors.Is(cause, context.DeadlineExceeded) {
		status, what = ErrTimeout, "past its deadline"
	}
	err := errorf(status, "the context is %s; nothing was tried", what)
	err.cause = cause
	return err
}

// failure turns the error slot of a frame into an error.
func failure(slot *raw.Error) *Error {
	return &Error{
		Status:       Status(slot.Status),
		Code:         int(slot.SQLiteCode & 0xff),
		ExtendedCode: int(slot.SQLiteCode),
		SystemErrno:  syscall.Errno(slot.SystemErrno),
		Message:      cstring(slot.Message[:]),
		SQLOffset:    int(slot.SQLOffset),
		Statement:    int(slot.Statement),
		Phase:        Phase(slot.Phase),
		Outcome:      Outcome(slot.Outcome),
	}
}

func cstring(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
