//go:build !linux

package file

import (
	"errors"
	"fmt"
)

// errNoLinks says that a file system offers no way to give a file its name without replacing another.
var errNoLinks = errors.New("this file system has no hard links")

// renameNoReplace is Publish where link(2) failed with linkErr.
func renameNoReplace(_, _ string, linkErr error) error {
	return fmt.Errorf("%w (%w)", errNoLinks, linkErr)
}
