//go:build cgo && !walpool_system

#include "../../../../../core/survey.c"
