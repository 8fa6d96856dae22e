//go:build cgo && !walpool_system

#include "../../../../../core/pin.c"
