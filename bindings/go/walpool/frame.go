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
}

const (
	smallFrame = 16 << 10
	largeFrame = 32 << 10
	keptFrame  = 256 << 10 // larger ones are not pooled
	leastRoom  = 8 << 10   // for rows, behind the request
	largest    = 1 << 30   // a result in one block that is larger is refused

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
func (f *frame) start() { f.used = raw.HeaderBytes }

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
	if len(f.mem) >= largest {
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
	bytes := requestHeader + align(len(sql)+len(c.why))
	f.reserve(bytes)
	f.used += bytes
	f.put32(at, requestMagic)
	f.put32(at+4, flags|callAnyThread)
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
	copy(text[copy(text, sql):], c.why)
	return at
}

// params tells a request that its parameters begin at `begin` and end at `used`.
func (f *frame) params(at, begin int) {
	f.used = align(f.used)
	f.put64(at+48, uint64(begin-at))
	f.put64(at+56, uint64(f.used-at))
}

func align(n int) int { return (n + 7) &^ 7 }
