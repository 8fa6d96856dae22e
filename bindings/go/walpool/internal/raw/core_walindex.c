//go:build cgo && !walpool_system

#include "../../../../../core/walindex.c"
