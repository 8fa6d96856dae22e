//go:build cgo && !walpool_system

#include "../../../../../core/lease_run.c"
