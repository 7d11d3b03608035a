package googleauth

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFind: what is wrong says that it is the credentials, and quotes nothing of them; the file is read anew each time.
func TestFind(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	for text, mistake := range map[string]string{
		"": "no such file", "SECRET": "is not JSON", `{"type":"service_account","private_key":"SECRET"}`: "read " + file, `{"type":"odd","x":"SECRET"}`: "read " + file,
		`{"type":"authorized_user","client_id":"i","client_secret":"SECRET","refresh_token":"r"}`: "",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if text == "" {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
		found, err := Find(file, "scope", nil)
		switch {
		case mistake == "" && (err != nil || found == nil):
			t.Errorf("%s: %v", text, err)
		case mistake != "" && (!errors.Is(err, Err) || !strings.Contains(err.Error(), mistake) || strings.Contains(err.Error(), "SECRET")):
			t.Errorf("%s: %v, want %s", text, err, mistake)
		}
	}
}
