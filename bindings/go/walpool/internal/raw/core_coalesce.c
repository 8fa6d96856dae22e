//go:build cgo && !walpool_system

#include "../../../../../core/coalesce.c"
