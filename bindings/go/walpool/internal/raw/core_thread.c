//go:build cgo && !walpool_system

#include "../../../../../core/thread.c"
