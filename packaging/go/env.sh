# shellcheck shell=sh
# What a build of the Go package from this checkout needs. Go's build cache does
# not see edits of C files that are included (golang/go#24355): a checksum of
# the core among the flags shows them.
case ${CGO_CFLAGS:=-g -O2} in
*WALPOOL_CORE_SUM*) ;;
*) CGO_CFLAGS="$CGO_CFLAGS -DWALPOOL_CORE_SUM=$(cat core/*.[ch] include/walpool.h | cksum | cut -d ' ' -f 1)" ;;
esac
export CGO_CFLAGS
