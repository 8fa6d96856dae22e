//go:build cgo && !walpool_system

#include "../../../../../core/db.c"
