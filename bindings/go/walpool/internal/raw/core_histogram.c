//go:build cgo && !walpool_system

#include "../../../../../core/histogram.c"
