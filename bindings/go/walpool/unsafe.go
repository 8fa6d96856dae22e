package walpool

import "unsafe"

// view lends the bytes as a string; the caller does not change them meanwhile.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// owned makes a string of bytes that nobody else has.
func owned(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// A cell is one value of a block of rows, as walpool.h lays it out.
type cell struct {
	kind   uint32
	length uint32
	bits   uint64 // INTEGER, REAL, or the offset of TEXT and BLOB in the block
}

// cellsOf sees n cells of an 8-byte aligned block.
func cellsOf(block []byte, at, n int) []cell {
	if n == 0 {
		return nil
	}
	_ = block[at+n*cellBytes-1]
	return unsafe.Slice((*cell)(unsafe.Pointer(&block[at])), n)
}

// layout sees bytes as a struct of C that has no pointers.
func layout[T any](b []byte) *T {
	var size T
	_ = b[unsafe.Sizeof(size)-1]
	return (*T)(unsafe.Pointer(unsafe.SliceData(b)))
}
