//go:build cgo && !walpool_system

#include "../../../../../core/posixlock.c"
