//go:build cgo && !walpool_system

#include "../../../../../core/tag.c"
