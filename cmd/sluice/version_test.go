package main

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadVersion(t *testing.T) {
	here := buildVersion{Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	tests := []struct {
		name string
		info *debug.BuildInfo
		want func(v *buildVersion)
	}{
		{"no build information", nil, func(v *buildVersion) { v.Version = "(unknown)" }},
		{"go install of a release", &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, func(v *buildVersion) { v.Version = "v1.2.3" }},
		{"go build in a changed clone", &debug.BuildInfo{
			Main: debug.Module{Version: "(devel)"},
			Settings: []debug.BuildSetting{
				{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-03-02T00:00:00Z"}, {Key: "vcs.modified", Value: "true"},
			},
		}, func(v *buildVersion) {
			v.Version, v.Revision, v.Time, v.Modified = "(devel)", "abc", "2026-03-02T00:00:00Z", true
		}},
	}
	for _, tt := range tests {
		want := here
		tt.want(&want)
		if diff := cmp.Diff(want, readVersion(tt.info)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
