//go:build cgo && !walpool_system

#include "../../../../../core/sidelock.c"
