//go:build cgo && !walpool_system

#include "../../../../../core/cursor.c"
