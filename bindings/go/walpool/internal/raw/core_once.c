//go:build cgo && !walpool_system

#include "../../../../../core/once.c"
