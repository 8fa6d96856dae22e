//go:build cgo && !walpool_system

#include "../../../../../core/recall.c"
