//go:build cgo && !walpool_system

#include "../../../../../core/checkpoint.c"
