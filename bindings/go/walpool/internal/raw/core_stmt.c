//go:build cgo && !walpool_system

#include "../../../../../core/stmt.c"
