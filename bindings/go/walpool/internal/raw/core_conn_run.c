//go:build cgo && !walpool_system

#include "../../../../../core/conn_run.c"
