//go:build cgo && !walpool_system

#include "../../../../../core/leases.c"
