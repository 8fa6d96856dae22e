//go:build cgo && !walpool_system

#include "../../../../../core/op.c"
