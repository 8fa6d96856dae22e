//go:build cgo && !walpool_system

#include "../../../../../core/queue.c"
