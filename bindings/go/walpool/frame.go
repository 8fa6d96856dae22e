package walpool

import (
	"encoding/binary"
	"sync"

	"github.com/walpool/walpool/bindings/go/walpool/internal/raw"
)

// A frame is the memory of one call: error slot, request, room for the answer
// (see raw.Frame). Frames are pooled; whoever holds one owns it alone.
//
// The size of the room is the budget of a block of rows. It starts small, so
// that a short result costs little, and is larger for the blocks of a cursor.
type frame struct {
	*raw.Frame
	mem  []byte // all of it
	used int    // end of the request
	most int    // bytes that it may grow to
}

const (
	smallFrame = 16 << 10
	largeFrame = 32 << 10
	keptFrame  = 256 << 10 // larger ones are not pooled
	leastRoom  = 8 << 10   // for rows, behind the request
	largest    = 1 << 30   // a result in one block that is larger is refused
	mostOnce   = 4 << 20   // with a once key the library keeps no more than 1 MiB

	requestMagic  = 0x31515257
	requestHeader = 80
	rowsMagic     = 0x31505257
	rowsHeader    = 64
	cellBytes     = 16
)

// Bits of a request and of a block of rows, as in walpool.h.
const (
	callNames     = 1
	callFirst     = 2
	callScript    = 4
	callAnyThread = 8
	callDurable   = 16
	callNormal    = 32

	requestExpect   = 0x10000
	requestPrepared = 0x20000

	rowsNames = 2
	rowsLarge = 8
)

var (
	smallFrames = sync.Pool{New: func() any { return newFrame(smallFrame) }}
	largeFrames = sync.Pool{New: func() any { return newFrame(largeFrame) }}
)

func newFrame(bytes int) *frame {
	f := new(frame)
	f.Frame, f.mem = raw.NewFrame(bytes)
	return f
}

func getFrame() *frame      { return smallFrames.Get().(*frame) }
func getLargeFrame() *frame { return largeFrames.Get().(*frame) }

func putFrame(f *frame) {
	switch {
	case len(f.mem) > keptFrame:
	case len(f.mem) >= largeFrame:
		largeFrames.Put(f)
	default:
		smallFrames.Put(f)
	}
}

// reserve makes room for n more bytes behind `used`.
func (f *frame) reserve(n int) {
	need := f.used + n
	if need <= len(f.mem) {
		return
	}
	old := f.mem
	f.Frame, f.mem = raw.NewFrame(max(need+leastRoom, 2*len(old)))
	copy(f.mem, old[:f.used])
}

// start begins the first request of a call.
func (f *frame) start() { f.used, f.most = raw.HeaderBytes, largest }

// seal ends the request and opens the room for the answer behind it, of at
// least `room` bytes.
func (f *frame) seal(room int) {
	f.reserve(room)
	f.Error.Status = 0
	f.RequestBytes = uint64(f.used - raw.HeaderBytes)
	f.RowsOffset = uint64(f.used)
	f.RowsBytes = uint64(len(f.mem) - f.used)
}

// plain makes the frame one that carries no request.
func (f *frame) plain(room int) {
	f.start()
	f.seal(room)
}

// enlarge gives the answer more room, and keeps the request.
func (f *frame) enlarge() bool {
	if len(f.mem) >= f.most {
		return false
	}
	f.seal(4 * len(f.mem))
	return true
}

// room returns the memory of the answer.
func (f *frame) room() []byte { return f.mem[f.RowsOffset:] }

func (f *frame) put32(at int, v uint32) { binary.NativeEndian.PutUint32(f.mem[at:], v) }
func (f *frame) put64(at int, v uint64) { binary.NativeEndian.PutUint64(f.mem[at:], v) }

// request adds one request: statement and call. Its parameters follow.
func (f *frame) request(c *call, flags uint32, shape uint64, sql string) (at int) {
	at = f.used
	bytes := requestHeader + align(len(sql)+len(c.why)+len(c.once))
	f.reserve(bytes)
	f.used += bytes
	f.put32(at, requestMagic)
	f.put32(at+4, flags|c.flags|callAnyThread)
	f.put64(at+8, uint64(c.timeout))
	f.put64(at+16, c.token())
	f.put64(at+24, shape)
	f.put32(at+32, requestHeader)
	f.put32(at+36, uint32(len(sql)))
	f.put32(at+40, uint32(requestHeader+len(sql)))
	f.put32(at+44, uint32(len(c.why)))
	f.put64(at+48, 0)
	f.put64(at+56, uint64(bytes))
	f.put64(at+64, 0)
	f.put64(at+72, 0)
	text := f.mem[at+requestHeader:]
	n := copy(text, sql)
	n += copy(text[n:], c.why)
	if c.expect != nil {
		f.expect(at, *c.expect)
	}
	if c.once != "" {
		f.put32(at+72, uint32(requestHeader+n))
		f.put32(at+76, uint32(copy(text[n:], c.once)))
		f.most = mostOnce
	}
	return at
}

// expect tells a request how many rows it must change.
func (f *frame) expect(at int, changes int64) {
	f.put32(at+4, binary.NativeEndian.Uint32(f.mem[at+4:])|requestExpect)
	f.put64(at+64, uint64(changes))
}

// prepared gives a request without a text the handle that stands for it.
func (f *frame) prepared(at int, handle uint64) {
	f.put32(at+4, binary.NativeEndian.Uint32(f.mem[at+4:])|requestPrepared)
	f.put64(at+32, handle)
}

// inLease makes a request one of several in a transaction: the commit's
// durability is theirs.
func (f *frame) inLease(at int) {
	flags := binary.NativeEndian.Uint32(f.mem[at+4:])
	f.put32(at+4, flags&^(callDurable|callNormal))
}

// params tells a request that its parameters begin at `begin` and end at `used`.
func (f *frame) params(at, begin int) {
	f.used = align(f.used)
	f.put64(at+48, uint64(begin-at))
	f.put64(at+56, uint64(f.used-at))
}

func align(n int) int { return (n + 7) &^ 7 }
