//go:build cgo && !walpool_system

#include "../../../../../core/fsclass.c"
