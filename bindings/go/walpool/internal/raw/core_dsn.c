//go:build cgo && !walpool_system

#include "../../../../../core/dsn.c"
