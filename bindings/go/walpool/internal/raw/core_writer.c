//go:build cgo && !walpool_system

#include "../../../../../core/writer.c"
