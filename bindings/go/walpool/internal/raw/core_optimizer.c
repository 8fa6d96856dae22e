//go:build cgo && !walpool_system

#include "../../../../../core/optimizer.c"
