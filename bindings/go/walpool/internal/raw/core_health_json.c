//go:build cgo && !walpool_system

#include "../../../../../core/health_json.c"
