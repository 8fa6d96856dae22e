//go:build cgo && !walpool_system

#include "../../../../../core/txn.c"
