//go:build cgo && !walpool_system

#include "../../../../../core/policy.c"
