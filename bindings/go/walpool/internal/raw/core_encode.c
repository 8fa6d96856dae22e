//go:build cgo && !walpool_system

#include "../../../../../core/encode.c"
