//go:build cgo && !walpool_system

#include "../../../../../core/metrics.c"
