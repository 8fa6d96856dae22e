//go:build cgo && !walpool_system

#include "../../../../../core/error.c"
