package walpool

import "github.com/walpool/walpool/bindings/go/walpool/internal/raw"

// VersionInfo tells the versions of walpool and of the SQLite it runs on.
type VersionInfo struct {
	Walpool        string // such as "0.1.0"
	SQLite         string // such as "3.46.1"
	SQLiteSourceID string // date and hash of SQLite's source
	SQLiteNumber   int    // such as 3046001
	SQLiteBundled  bool   // compiled in, and not the system's library
	WALResetSafe   bool   // SQLite has the fix of the WAL-reset bug
}

// Version returns the versions. It calls walpool_version.
func Version() VersionInfo {
	var v raw.VersionInfo
	raw.WalpoolVersion(&v)
	return VersionInfo{
		Walpool:        raw.Text(v.Walpool),
		SQLite:         raw.Text(v.SQLite),
		SQLiteSourceID: raw.Text(v.SQLiteSourceID),
		SQLiteNumber:   int(v.SQLiteNumber),
		SQLiteBundled:  v.SQLiteBundled != 0,
		WALResetSafe:   v.WALResetSafe != 0,
	}
}

// VersionNumber returns walpool's version as major*10000 + minor*100 + patch.
// It calls walpool_version_number.
func VersionNumber() int { return int(raw.WalpoolVersionNumber()) }
