//go:build cgo && !walpool_system

#include "../../../../../core/maintain.c"
