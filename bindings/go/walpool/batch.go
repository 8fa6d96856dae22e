package walpool

import (
	"context"
	"runtime"

	"github.com/walpool/walpool/bindings/go/walpool/internal/raw"
)

// Statement is one statement of a [DB.Batch].
type Statement struct {
	SQL  string
	Stmt *Stmt   // instead of SQL: what [DB.Prepare] made of it
	Args []any   // parameters, as in [DB.Query]
	Many [][]any // instead of Args: run it once for each of these

	// Expect is the number of rows that it must change, see [Exactly]. With any
	// other number nothing of the batch is applied: [ErrMismatch]. Nil: any.
	Expect *int64
}

// Exactly is the number of rows that a [Statement] must change, for its Expect.
func Exactly(changes int64) *int64 { return &changes }

// BatchResult is what one statement of a [DB.Batch] did.
type BatchResult struct {
	Result
	Rows *Rows // of a RETURNING clause, all in memory; otherwise nil
}

// batchResult is the C struct walpool_result.
type batchResult struct {
	changes, lastRowID    int64
	rowsOffset, rowsBytes uint64
}

// Batch runs the statements in one transaction and one crossing: all of them
// are committed, or nothing; [Error.Statement] is the index of the one that
// failed. It calls walpool_batch.
func (db *DB) Batch(ctx context.Context, statements []Statement) ([]BatchResult, error) {
	t := db.writer()
	var c call
	if err := t.begin(ctx, &c); err != nil {
		return nil, err
	}
	defer c.end()
	f := getFrame()
	defer func() { putFrame(f) }()
	f.start()
	for i := range statements {
		s := &statements[i]
		if err := s.write(f, &c); err != nil {
			return nil, inBatch(err, i)
		}
	}
	f.Count = uint64(len(statements))
	f.seal(f.batchHead() + leastRoom)
	t.runBatch(f)
	runtime.KeepAlive(statements)
	if err := c.failed(f); err != nil {
		return nil, err
	}
	return t.batchResults(f, statements), nil
}

// write adds the statement's request to the frame.
func (s *Statement) write(f *frame, c *call) error {
	if s.SQL != "" && s.Stmt != nil {
		return errorf(ErrMisuse, "the statement has both SQL and Stmt")
	}
	at := f.used
	if err := s.writePlain(f, c); err != nil || s.Expect == nil {
		return err
	}
	if *s.Expect < 0 {
		return errNegative(*s.Expect)
	}
	f.expect(at, *s.Expect)
	return nil
}

func (s *Statement) source() source { return source{s.SQL, s.Stmt} }

func (s *Statement) writePlain(f *frame, c *call) error {
	if s.Many == nil {
		return statement(f, c, callNames, 0, s.source(), s.Args)
	}
	if s.Args != nil {
		return errorf(ErrMisuse, "the statement has both Args and Many")
	}
	at, err := f.statement(c, callNames, 0, s.source())
	if err != nil {
		return err
	}
	return addManyParams(f, at, s.Many)
}

func inBatch(err error, i int) error {
	if e, ok := err.(*Error); ok {
		e.Statement = i
	}
	return err
}

// batchHead is the room for the statements and results before the rows.
func (f *frame) batchHead() int {
	return int(f.Count) * (raw.StatementBytes + raw.ResultBytes)
}

func (t *target) runBatch(f *frame) {
	for {
		raw.WalpoolBatch(t.db.handle, f.Frame)
		if !f.short() || !f.enlarge() {
			break
		}
	}
	runtime.KeepAlive(t.db)
}

func (t *target) batchResults(f *frame, statements []Statement) []BatchResult {
	room, head := f.room(), f.batchHead()
	results := make([]BatchResult, len(statements))
	for i := range results {
		at := int(f.Count)*raw.StatementBytes + i*raw.ResultBytes
		res := layout[batchResult](room[at:])
		results[i].Result = Result{res.changes, res.lastRowID}
		if res.rowsBytes > 0 {
			begin := uint64(head) + res.rowsOffset
			results[i].Rows = t.copyRows(room[begin:begin+res.rowsBytes], statements[i].source())
		}
	}
	return results
}

// copyRows gives a block of a batch a frame, and a life, of its own.
func (t *target) copyRows(block []byte, s source) *Rows {
	f := getFrame()
	f.plain(len(block))
	copy(f.room(), block)
	return newRows(t, &call{}, f, s, nil)
}
