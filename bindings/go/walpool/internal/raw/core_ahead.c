//go:build cgo && !walpool_system

#include "../../../../../core/ahead.c"
