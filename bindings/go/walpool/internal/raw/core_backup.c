//go:build cgo && !walpool_system

#include "../../../../../core/backup.c"
