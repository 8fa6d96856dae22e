//go:build cgo && !walpool_system

#include "../../../../../core/waitq.c"
