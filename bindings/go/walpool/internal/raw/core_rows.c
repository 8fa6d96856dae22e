//go:build cgo && !walpool_system

#include "../../../../../core/rows.c"
