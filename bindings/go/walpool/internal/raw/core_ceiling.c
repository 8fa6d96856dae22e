//go:build cgo && !walpool_system

#include "../../../../../core/ceiling.c"
