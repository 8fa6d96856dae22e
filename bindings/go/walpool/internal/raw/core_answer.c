//go:build cgo && !walpool_system

#include "../../../../../core/answer.c"
