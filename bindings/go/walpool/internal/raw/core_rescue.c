//go:build cgo && !walpool_system

#include "../../../../../core/rescue.c"
