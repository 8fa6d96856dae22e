//go:build cgo && !walpool_system

#include "../../../../../core/registry.c"
