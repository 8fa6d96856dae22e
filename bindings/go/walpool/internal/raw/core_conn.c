//go:build cgo && !walpool_system

#include "../../../../../core/conn.c"
