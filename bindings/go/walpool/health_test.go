package walpool

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestHealth_ReasonsHaveTheirCodes(t *testing.T) {
	set := ReasonPoisoned | ReasonWALPinned | ReasonDirtyLeases
	if got := set.String(); got != "poisoned,wal_pinned,dirty_leases" {
		t.Error(got)
	}
	if set.Has(ReasonNoTurns) || !set.Has(ReasonNoTurns|ReasonPoisoned) || Reasons(0).Codes() != nil {
		t.Error("Has or Codes")
	}
	header, err := os.ReadFile("../../../include/walpool.h")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the header is not part of this copy of walpool")
	}
	must(t, err)
	_, list, _ := strings.Cut(string(header), "#define WALPOOL_REASON_LIST(X)")
	list, _, _ = strings.Cut(list, "\n\n")
	found := regexp.MustCompile(`X\(\w+, "(\w+)", `).FindAllStringSubmatch(list, -1)
	if len(found) != len(reasonCodes) {
		t.Fatalf("%d codes, and the header has %d", len(reasonCodes), len(found))
	}
	for i, code := range reasonCodes {
		if found[i][1] != code {
			t.Errorf("reason %d is %s, and the header has %s", i, code, found[i][1])
		}
	}
}

func TestHealth_TellsReasonsInBitsAndInWords(t *testing.T) {
	db := openTest(t, &Options{LeaseWarn: time.Millisecond})
	err := db.Read(WithWhy(background, "monthly report"), func(tx *ReadTx) error {
		eventually(t, "the transaction is out for long", func() bool { return health(t, db).Verdict == HealthDegraded })
		h := health(t, db)
		if h.Reasons != ReasonLeaseOverdue || !strings.Contains(h.Reason, "monthly report") {
			t.Errorf("%v: %s", h.Reasons, h.Reason)
		}
		text, err := db.HealthJSON()
		must(t, err)
		var told struct {
			Reasons []struct{ Code, Verdict, Text, Remedy string }
		}
		must(t, json.Unmarshal(text, &told))
		if len(told.Reasons) != 1 || told.Reasons[0].Code != "lease_overdue" || told.Reasons[0].Verdict != "degraded" ||
			h.Reason != told.Reasons[0].Text+": "+told.Reasons[0].Remedy {
			t.Errorf("%s", text)
		}
		return nil
	})
	must(t, err)
	if h := health(t, db); h.Reasons != 0 || h.Verdict != HealthOK || h.Reason != "" {
		t.Errorf("%+v", h)
	}
}

func TestMetrics_AreText(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v)")
	text, err := db.Metrics()
	must(t, err)
	for _, want := range []string{"# TYPE walpool_writes_total counter\n", "walpool_commit_seconds_bucket{database=", "\"} 1\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the metrics lack %q", want)
		}
	}
}

func TestProbe_CommitsAndReads(t *testing.T) {
	db := openTest(t, nil)
	before := health(t, db)
	p, err := db.Probe(background)
	must(t, err)
	if p.Writer < 0 || p.Write < 0 || p.Commit <= 0 || p.Read < 0 || p.Total < p.Writer+p.Write+p.Commit+p.Read || p.Total > time.Minute {
		t.Errorf("%+v", p)
	}
	if h := health(t, db); h.Writes != before.Writes+1 || h.Reads != before.Reads+1 {
		t.Errorf("%+v", h)
	}
}

func TestProbe_WaitsAsAWriteDoes(t *testing.T) {
	db := openTest(t, nil)
	err := db.Write(WithWhy(background, "migration"), func(tx *WriteTx) error {
		ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
		defer cancel()
		if _, err := db.Probe(ctx); !errors.Is(err, ErrTimeout) || !strings.Contains(err.Error(), "migration") {
			t.Errorf("%v", err)
		}
		return nil
	})
	must(t, err)
	must(t, db.Close())
	if _, err := db.Probe(background); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	if _, err := db.Metrics(); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
}
