//go:build cgo && !walpool_system

#include "../../../../../core/verb.c"
