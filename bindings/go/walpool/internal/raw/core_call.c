//go:build cgo && !walpool_system

#include "../../../../../core/call.c"
