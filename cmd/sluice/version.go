package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// buildVersion is what `version` tells of the binary.
type buildVersion struct {
	Version  string `json:"version"`            // module version; (devel) for a build of the working tree
	Go       string `json:"go"`                 // the compiler
	OS       string `json:"os"`                 //
	Arch     string `json:"arch"`               //
	Revision string `json:"revision,omitempty"` // commit
	Time     string `json:"time,omitempty"`     // of the commit, RFC 3339
	Modified bool   `json:"modified"`           // the working tree differed from the commit
}

func newVersionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Say what this binary is made of",
		Example: `  sluice version
  sluice version -o json`,
		Args: cobra.NoArgs,
	}
	output := addOutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		info, _ := debug.ReadBuildInfo()
		return writeVersion(cmd.OutOrStdout(), readVersion(info), *output)
	}
	return cmd
}

// readVersion picks what matters from the build information, which may be nil.
func readVersion(info *debug.BuildInfo) buildVersion {
	v := buildVersion{Version: "(unknown)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if info == nil {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			v.Revision = setting.Value
		case "vcs.time":
			v.Time = setting.Value
		case "vcs.modified":
			v.Modified = setting.Value == "true"
		}
	}
	return v
}

func writeVersion(w io.Writer, v buildVersion, output outputFormat) error {
	if output == outputJSON {
		return json.NewEncoder(w).Encode(v)
	}
	_, err := fmt.Fprintf(w, "sluice %s %s %s/%s %s\n", v.Version, v.Go, v.OS, v.Arch, v.Revision)
	return err
}
