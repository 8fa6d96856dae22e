//go:build cgo && !walpool_system

#include "../../../../../core/submit.c"
