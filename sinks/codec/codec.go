// Package codec turns entries into the bytes that an object holds, and back. It is pure: equal entries give equal bytes with one
// version of the program. Another version may compress differently, so content is compared decoded (Compare), never as stored.
package codec

import (
	"fmt"

	"sluice/sinks/driver"
)

// Compression is the configuration's word for how objects are compressed.
type Compression string

// The compressions.
const (
	None Compression = "none"
	Gzip Compression = "gzip"
	Zstd Compression = "zstd"
)

// Codec gives the codec of JSON lines with a valid compression.
func (c Compression) Codec() Codec { return FormatJSON.Codec(c) }

// Problems says what is wrong with a configured compression, for a sink's Validate.
func (c Compression) Problems() []driver.Problem {
	switch c {
	case None, Gzip, Zstd:
		return nil
	}
	return []driver.Problem{{
		Path:    "compression",
		Message: fmt.Sprintf("unknown compression %q", string(c)),
		Hint:    "one of none, gzip, zstd",
	}}
}

// JSONSchema describes a compression in JSON Schema 2020-12.
func (Compression) JSONSchema() map[string]any {
	return map[string]any{"type": "string", "enum": []any{string(None), string(Gzip), string(Zstd)}}
}

// UnknownError says that a unit names a codec that this version does not have.
type UnknownError struct{ Codec Codec }

// Error names the codec.
func (e UnknownError) Error() string { return fmt.Sprintf("unknown codec %q", string(e.Codec)) }
