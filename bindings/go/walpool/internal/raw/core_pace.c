//go:build cgo && !walpool_system

#include "../../../../../core/pace.c"
