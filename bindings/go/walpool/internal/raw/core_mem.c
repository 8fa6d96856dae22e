//go:build cgo && !walpool_system

#include "../../../../../core/mem.c"
