package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"sluice/configs"
)

func newInitCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a commented configuration to begin with",
		Long: `Init writes a commented configuration to FILE (default ` + defaultConfig + `). It never overwrites a file: that is exit code 1.
The configuration is valid as it stands.`,
		Example: `  sluice init
  sluice init /etc/sluice/sluice.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			file := defaultConfig
			if len(files) > 0 {
				file = files[0]
			}
			if err := writeNew(file, configs.Starter); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s: change it, then run 'sluice check %s'\n", file, file)
			return err
		},
	}
}

// writeNew writes a file that must not exist, whole: what was begun is removed when it cannot be finished.
func writeNew(file string, b []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists and is not overwritten", file)
	}
	if err != nil {
		return fmt.Errorf("create the configuration: %w", err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the configuration: %w", errors.Join(err, os.Remove(file)))
	}
	return nil
}
