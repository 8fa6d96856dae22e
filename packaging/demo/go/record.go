package main

import (
	"regexp"
	"strings"
)

// parse returns the fields of a record, by name in lower case. The record is
// well-formed: the loader skips the others.
func parse(record string) map[string]string {
	fields := make(map[string]string)
	name := ""
	for line := range strings.SplitSeq(record, "\n") {
		if line[0] == ' ' || line[0] == '\t' {
			fields[name] += "\n" + line
			continue
		}
		key, value, _ := strings.Cut(line, ":")
		name = strings.ToLower(strings.TrimRight(key, " \t"))
		fields[name] = value
	}
	return fields
}

// packageName is the beginning of "libc6:any (>= 2.34) [linux-any]".
var packageName = regexp.MustCompile(`^[ \t\r\n]*([A-Za-z0-9][A-Za-z0-9+.-]*)`)

// dependencies returns the packages that must be there: names without versions
// and architectures, each once; alternatives stay together as "a | b".
func dependencies(fields map[string]string) []string {
	list := []string{}
	seen := make(map[string]bool)
	for _, field := range []string{"pre-depends", "depends"} {
		for group := range strings.SplitSeq(fields[field], ",") {
			names := alternatives(group)
			if names != "" && !seen[names] {
				seen[names] = true
				list = append(list, names)
			}
		}
	}
	return list
}

func alternatives(group string) string {
	var names []string
	for part := range strings.SplitSeq(group, "|") {
		if found := packageName.FindStringSubmatch(part); found != nil {
			names = append(names, found[1])
		}
	}
	return strings.Join(names, " | ")
}
