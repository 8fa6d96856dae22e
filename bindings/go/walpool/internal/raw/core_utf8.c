//go:build cgo && !walpool_system

#include "../../../../../core/utf8.c"
