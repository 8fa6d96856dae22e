//go:build cgo && !walpool_system

#include "../../../../../core/fsinfo.c"
