//go:build cgo && !walpool_system

#include "../../../../../core/warm.c"
