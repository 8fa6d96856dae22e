//go:build cgo && !walpool_system

#include "../../../../../core/copies.c"
