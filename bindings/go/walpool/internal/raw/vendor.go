//go:build walpool_never

package raw

// The core_*.c files include C files of these folders. The tag is never set;
// the imports make `go mod vendor` copy the folders along.
import (
	_ "github.com/walpool/walpool/core"
	_ "github.com/walpool/walpool/include"
)
