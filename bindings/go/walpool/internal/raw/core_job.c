//go:build cgo && !walpool_system

#include "../../../../../core/job.c"
