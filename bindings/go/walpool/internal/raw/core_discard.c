//go:build cgo && !walpool_system

#include "../../../../../core/discard.c"
