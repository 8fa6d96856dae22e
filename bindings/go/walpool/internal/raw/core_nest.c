//go:build cgo && !walpool_system

#include "../../../../../core/nest.c"
