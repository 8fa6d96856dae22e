//go:build cgo && !walpool_system

#include "../../../../../core/text.c"
