//go:build cgo && !walpool_system

#include "../../../../../core/wakefd.c"
