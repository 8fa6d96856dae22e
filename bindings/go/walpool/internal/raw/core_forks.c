//go:build cgo && !walpool_system

#include "../../../../../core/forks.c"
