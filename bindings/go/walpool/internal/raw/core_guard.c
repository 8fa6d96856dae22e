//go:build cgo && !walpool_system

#include "../../../../../core/guard.c"
