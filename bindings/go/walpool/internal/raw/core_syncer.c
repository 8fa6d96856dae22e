//go:build cgo && !walpool_system

#include "../../../../../core/syncer.c"
