//go:build cgo && !walpool_system

#include "../../../../../core/handle.c"
