package walpool

import (
	"encoding/json"
	"runtime"
	"time"

	"github.com/walpool/walpool/bindings/go/walpool/internal/raw"
)

// Lease is a connection that somebody has; see [DB.Leases].
type Lease struct {
	Kind   string        // "read" or "write"
	Holder string        // "call", "lease" (a transaction), "cursor" (a Rows) or "backup"
	Why    string        // its label, see [WithWhy]
	Thread int64         // that took it, as the system numbers threads
	Age    time.Duration // since when it is out
	Frames int64         // frames of the WAL when its snapshot was taken, or -1
	Stack  []string      // of C at that time, with [Options.LeaseTrace]
}

// leaseJSON is a Lease as the library writes it.
type leaseJSON struct {
	Kind, Holder, Why string
	Thread, Frames    int64
	AgeUS             int64 `json:"age_us"`
	Stack             []string
}

// Leases lists the connections that are out: who has them, and since when. It
// takes none itself, and stops nobody. It calls walpool_leases_json.
func (db *DB) Leases() ([]Lease, error) {
	text, err := db.text(raw.WalpoolLeasesJson)
	if err != nil {
		return nil, err
	}
	var list []leaseJSON
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, errorf(ErrInternal, "the list of leases: %v", err)
	}
	leases := make([]Lease, len(list))
	for i, l := range list {
		age := time.Duration(l.AgeUS) * time.Microsecond
		leases[i] = Lease{l.Kind, l.Holder, l.Why, l.Thread, age, l.Frames, l.Stack}
	}
	return leases, nil
}

// text makes a call that answers with a text.
func (db *DB) text(call func(uint64, *raw.Frame) int32) ([]byte, error) {
	defer runtime.KeepAlive(db)
	return textFrom(db.id(), call)
}

func textFrom(handle uint64, call func(uint64, *raw.Frame) int32) ([]byte, error) {
	f := getFrame()
	defer func() { putFrame(f) }()
	f.plain(leastRoom)
	for {
		call(handle, f.Frame)
		if !f.short() || !f.enlarge() {
			break
		}
	}
	if f.Error.Status != 0 {
		return nil, failure(&f.Error)
	}
	return []byte(cstring(f.room())), nil
}
