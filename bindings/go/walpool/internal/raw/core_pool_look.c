//go:build cgo && !walpool_system

#include "../../../../../core/pool_look.c"
