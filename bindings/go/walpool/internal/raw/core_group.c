//go:build cgo && !walpool_system

#include "../../../../../core/group.c"
