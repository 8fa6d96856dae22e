//go:build cgo && !walpool_system

#include "../../../../../core/digest.c"
