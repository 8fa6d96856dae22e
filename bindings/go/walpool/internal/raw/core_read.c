//go:build cgo && !walpool_system

#include "../../../../../core/read.c"
