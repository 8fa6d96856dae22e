//go:build cgo && !walpool_system

#include "../../../../../core/last_copy.c"
