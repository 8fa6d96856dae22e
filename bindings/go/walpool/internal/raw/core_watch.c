//go:build cgo && !walpool_system

#include "../../../../../core/watch.c"
