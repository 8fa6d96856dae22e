package main

import (
	"encoding/json"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// A side is one way to do the work.
type side struct {
	name, sqlite string
	body         func() error
}

// report is what kit/measure.py reads.
type report struct {
	Measure string               `json:"measure"`
	Samples map[string][]float64 `json:"samples"`
	SQLite  map[string]string    `json:"sqlite"`
}

var started = time.Now()

func wallSeconds() float64 { return time.Since(started).Seconds() }

func cpuSeconds() float64 {
	var used syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}

func sample(body func() error, clock func() float64) float64 {
	runtime.GC()
	start := clock()
	must(body())
	return clock() - start
}

// compare takes a sample of every side in turns; the order is reversed from
// turn to turn. A body does its work per times. Turns are many and short,
// because then other load meets few of them.
func compare(measure string, turns, per int, clock func() float64, sides ...side) {
	out := report{measure, map[string][]float64{}, map[string]string{}}
	for _, each := range sides {
		must(each.body())
		out.SQLite[each.name] = each.sqlite
	}
	order := slices.Clone(sides)
	for range turns {
		for _, each := range order {
			seconds := sample(each.body, clock) / float64(per)
			out.Samples[each.name] = append(out.Samples[each.name], seconds)
		}
		slices.Reverse(order)
	}
	must(json.NewEncoder(os.Stdout).Encode(out))
}

func times(count int, work func() error) func() error {
	return func() error {
		for range count {
			if err := work(); err != nil {
				return err
			}
		}
		return nil
	}
}
