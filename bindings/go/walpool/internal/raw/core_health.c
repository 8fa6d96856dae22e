//go:build cgo && !walpool_system

#include "../../../../../core/health.c"
