//go:build cgo && !walpool_system

#include "../../../../../core/version.c"
