//go:build cgo && !walpool_system

#include "../../../../../core/lease.c"
