//go:build cgo && !walpool_system

#include "../../../../../core/inspect.c"
