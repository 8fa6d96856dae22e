//go:build cgo && !walpool_system

#include "../../../../../core/target.c"
