package configs

import (
	"fmt"
	"os"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"sluice/sinks/driver"
)

// Credential is a secret that may be replaced while the program runs: one that stands in a file is read again at each use. It
// never prints.
type Credential struct {
	value driver.Secret
	file  string // where it stands; empty: value is all there is
}

// IsSet says whether the configuration has it.
func (c Credential) IsSet() bool { return c.value != "" || c.file != "" }

// Read gives the secret as it is now. An error names the file.
func (c Credential) Read() (string, error) {
	if c.file == "" {
		return c.value.Reveal(), nil
	}
	return readSecret(c.file)
}

// Equal says whether both stand in the same place, or are the same.
func (c Credential) Equal(other Credential) bool { return c == other }

// String hides the secret.
func (Credential) String() string { return driver.Secret("").String() }

// GoString hides the secret.
func (c Credential) GoString() string { return c.String() }

// MarshalText hides the secret in JSON and YAML.
func (c Credential) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// decode reads a secret as everywhere, and keeps where it stands.
func (c *Credential) decode(d *decoder, n ast.Node, path string) {
	text, ok := d.text(n, path)
	if !ok {
		return
	}
	c.value = driver.Secret(d.secret(path, text))
	if name, ok := strings.CutPrefix(text, "file:"); ok {
		c.file, _ = d.expand(path, name)
		c.value = ""
		return
	}
	if c.value == "" && !d.troubled(path) {
		d.problemAt(n, path, "the secret is empty", "set the variable that it names")
	}
}

// readSecret reads a file that holds a secret and nothing else but a line's end.
func readSecret(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}
