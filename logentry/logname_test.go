package logentry

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseLogName(t *testing.T) {
	activity := LogName{ParentKind: Projects, ParentID: "p", LogID: "cloudaudit.googleapis.com/activity"}
	cases := []struct {
		in    string
		want  LogName
		ok    bool
		audit AuditKind
	}{
		{"projects/p/logs/cloudaudit.googleapis.com%2Factivity", activity, true, Activity},
		{"projects/p/logs/cloudaudit.googleapis.com%2factivity", activity, true, Activity},
		{"/projects/p/logs/cloudaudit.googleapis.com/activity", activity, true, Activity},
		{"folders/1/logs/cloudaudit.googleapis.com%2Fdata_access", LogName{Folders, "1", "cloudaudit.googleapis.com/data_access"}, true, DataAccess},
		{"organizations/2/logs/cloudaudit.googleapis.com%2Fsystem_event", LogName{Organizations, "2", "cloudaudit.googleapis.com/system_event"}, true, SystemEvent},
		{"billingAccounts/A-B/logs/cloudaudit.googleapis.com%2Fpolicy", LogName{BillingAccounts, "A-B", "cloudaudit.googleapis.com/policy"}, true, Policy},
		{"projects/p/logs/cloudaudit.googleapis.com%2Faccess_transparency", LogName{Projects, "p", "cloudaudit.googleapis.com/access_transparency"}, true, NotAudit},
		{"projects/example.com:p/logs/syslog", LogName{Projects, "example.com:p", "syslog"}, true, NotAudit},
		{"projects/p/logs/activity", LogName{Projects, "p", "activity"}, true, NotAudit},
		{"projects/p/logs/100%25", LogName{Projects, "p", "100%"}, true, NotAudit},
		{"projects/p/logs/a/logs/b", LogName{Projects, "p", "a/logs/b"}, true, NotAudit},
		{"", LogName{}, false, NotAudit},
		{"projects", LogName{}, false, NotAudit},
		{"projects/p", LogName{}, false, NotAudit},
		{"projects/p/logs", LogName{}, false, NotAudit},
		{"projects/p/logs/", LogName{}, false, NotAudit},
		{"projects//logs/x", LogName{}, false, NotAudit},
		{"projects/p/q/logs/x", LogName{}, false, NotAudit},
		{"Projects/p/logs/x", LogName{}, false, NotAudit},
		{"teams/p/logs/x", LogName{}, false, NotAudit},
		{"//projects/p/logs/x", LogName{}, false, NotAudit},
		{"projects/p/logs/a%2", LogName{}, false, NotAudit},
		{"projects/p/logs/a%zz", LogName{}, false, NotAudit},
	}
	for _, c := range cases {
		got, ok := ParseLogName(c.in)
		if diff := cmp.Diff(c.want, got); diff != "" || ok != c.ok || got.Audit() != c.audit {
			t.Errorf("ParseLogName(%q): ok %t, audit %q (-want +got)\n%s", c.in, ok, got.Audit(), diff)
		}
		if parent := ParentOf([]byte(c.in)); (parent != nil) != c.ok || (c.ok && string(parent) != c.want.Parent()) {
			t.Errorf("ParentOf(%q) = %q", c.in, parent)
		}
	}
}

func FuzzLogName(f *testing.F) {
	f.Add("projects/p/logs/cloudaudit.googleapis.com%2Factivity")
	f.Add("/folders/1/logs/a%2fb c")
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := ParseLogName(s)
		if parent := ParentOf([]byte(s)); ok != (parent != nil) || (ok && string(parent) != n.Parent()) {
			t.Errorf("ParentOf(%q) = %q, ParseLogName says %+v, %t", s, parent, n, ok)
		}
		if !ok {
			return
		}
		if again, ok := ParseLogName(n.String()); !ok || again != n {
			t.Errorf("ParseLogName(%q): %+v, and of its String %q: %+v, %t", s, n, n.String(), again, ok)
		}
	})
}

func TestLogNameString(t *testing.T) {
	n := LogName{ParentKind: Projects, ParentID: "p", LogID: "cloudaudit.googleapis.com/activity"}
	if got, want := n.String(), "projects/p/logs/cloudaudit.googleapis.com%2Factivity"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := n.Parent(), "projects/p"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
