//go:build cgo && !walpool_system

#include "../../../../../core/restore.c"
