//go:build cgo && !walpool_system

#include "../../../../../core/checkpointer.c"
