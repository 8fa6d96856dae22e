//go:build cgo && !walpool_system

#include "../../../../../core/json.c"
