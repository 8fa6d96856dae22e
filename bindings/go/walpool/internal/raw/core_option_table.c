//go:build cgo && !walpool_system

#include "../../../../../core/option_table.c"
