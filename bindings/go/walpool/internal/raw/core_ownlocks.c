//go:build cgo && !walpool_system

#include "../../../../../core/ownlocks.c"
