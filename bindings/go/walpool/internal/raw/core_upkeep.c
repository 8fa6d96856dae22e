//go:build cgo && !walpool_system

#include "../../../../../core/upkeep.c"
