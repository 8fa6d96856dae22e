//go:build cgo && !walpool_system

#include "../../../../../core/trace.c"
