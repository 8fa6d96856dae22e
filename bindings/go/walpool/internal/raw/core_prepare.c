//go:build cgo && !walpool_system

#include "../../../../../core/prepare.c"
