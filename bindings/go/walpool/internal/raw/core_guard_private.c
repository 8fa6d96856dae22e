//go:build cgo && !walpool_system

#include "../../../../../core/guard_private.c"
