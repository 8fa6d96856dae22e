//go:build cgo && !walpool_system

#include "../../../../../core/apply.c"
