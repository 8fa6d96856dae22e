//go:build cgo && !walpool_system

#include "../../../../../core/request.c"
