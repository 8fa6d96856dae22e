//go:build cgo && !walpool_system

#include "../../../../../core/execute.c"
