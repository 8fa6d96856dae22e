//go:build cgo && !walpool_system

#include "../../../../../core/walcut.c"
