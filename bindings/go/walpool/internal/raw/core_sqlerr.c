//go:build cgo && !walpool_system

#include "../../../../../core/sqlerr.c"
