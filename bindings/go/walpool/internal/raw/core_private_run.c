//go:build cgo && !walpool_system

#include "../../../../../core/private_run.c"
