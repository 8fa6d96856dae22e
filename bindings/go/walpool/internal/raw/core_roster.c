//go:build cgo && !walpool_system

#include "../../../../../core/roster.c"
