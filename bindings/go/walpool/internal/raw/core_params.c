//go:build cgo && !walpool_system

#include "../../../../../core/params.c"
