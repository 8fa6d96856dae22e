//go:build cgo && !walpool_system

#include "../../../../../core/measure.c"
