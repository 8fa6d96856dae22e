//go:build cgo && !walpool_system

#include "../../../../../core/clock.c"
