package configs

import _ "embed"

// Starter is a commented configuration to begin with; it is valid as it stands.
//
//go:embed examples/starter.yaml
var Starter []byte
