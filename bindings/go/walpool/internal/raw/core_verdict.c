//go:build cgo && !walpool_system

#include "../../../../../core/verdict.c"
