package jetstream

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// accessFile, in the embedded server's folder, tells other processes of the same user how to reach the server.
const accessFile = "client.json"

// access is the content of client.json. It outlives the server: the token stays the same over restarts.
type access struct {
	URL   string `json:"url"`
	Token string `json:"token"`
	PID   int    `json:"pid"`
}

func readAccess(dir string) (access, error) {
	var a access
	b, err := os.ReadFile(filepath.Join(dir, accessFile))
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(b, &a); err != nil || a.Token == "" {
		return a, fmt.Errorf("%s holds no URL and token: remove it and restart the daemon", filepath.Join(dir, accessFile))
	}
	return a, nil
}

// accessToken is the folder's token, made at its first use.
func accessToken(dir string) (string, error) {
	a, err := readAccess(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return rand.Text(), nil
	}
	return a.Token, err
}

// writeAccess replaces client.json as a whole, readable by its owner only.
func writeAccess(dir string, a access) error {
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".client-*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", accessFile, err)
	}
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, accessFile))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", accessFile, err), os.Remove(f.Name()))
	}
	return nil
}

// attached reaches the server that another process runs on a folder, wherever client.json says that it is now.
type attached struct{ dir string }

// Dial ignores the address of the connection.
func (a attached) Dial(network, _ string) (net.Conn, error) {
	now, err := readAccess(a.dir)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(now.URL)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", accessFile, err)
	}
	return net.DialTimeout(network, u.Host, 2*time.Second)
}

func (a attached) token() string {
	now, err := readAccess(a.dir)
	if err != nil {
		return "" // the server refuses it, and the next attempt reads again
	}
	return now.Token
}
