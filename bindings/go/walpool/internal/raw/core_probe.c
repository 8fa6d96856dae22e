//go:build cgo && !walpool_system

#include "../../../../../core/probe.c"
