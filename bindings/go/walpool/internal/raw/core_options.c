//go:build cgo && !walpool_system

#include "../../../../../core/options.c"
