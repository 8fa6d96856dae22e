//go:build cgo && !walpool_system

#include "../../../../../core/token.c"
