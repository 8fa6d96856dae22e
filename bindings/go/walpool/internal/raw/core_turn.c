//go:build cgo && !walpool_system

#include "../../../../../core/turn.c"
