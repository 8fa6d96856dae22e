//go:build cgo && !walpool_system

#include "../../../../../core/sweeper.c"
