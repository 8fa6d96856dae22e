//go:build cgo && !walpool_system

#include "../../../../../core/pages.c"
