//go:build cgo && !walpool_system

#include "../../../../../core/bind.c"
