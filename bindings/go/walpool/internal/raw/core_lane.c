//go:build cgo && !walpool_system

#include "../../../../../core/lane.c"
