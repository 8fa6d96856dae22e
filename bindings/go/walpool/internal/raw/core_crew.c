//go:build cgo && !walpool_system

#include "../../../../../core/crew.c"
