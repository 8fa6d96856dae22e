//go:build cgo && !walpool_system

#include "../../../../../core/backup_run.c"
