//go:build cgo && !walpool_system

#include "../../../../../core/poison.c"
