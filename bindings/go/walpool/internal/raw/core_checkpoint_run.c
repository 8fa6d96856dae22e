//go:build cgo && !walpool_system

#include "../../../../../core/checkpoint_run.c"
