//go:build cgo && !walpool_system

#include "../../../../../core/write.c"
