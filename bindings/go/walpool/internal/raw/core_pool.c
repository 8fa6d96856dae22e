//go:build cgo && !walpool_system

#include "../../../../../core/pool.c"
