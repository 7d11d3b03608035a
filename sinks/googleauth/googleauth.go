// Package googleauth finds the credentials of Google Cloud, alike for all destinations there.
package googleauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
)

// Err wraps what is wrong with the credentials themselves.
var Err = errors.New("credentials")

// Remedy is what a person can do about it.
const Remedy = "give Sluice credentials: workload identity, GOOGLE_APPLICATION_CREDENTIALS or credentialsFile"

// Find reads the credentials of a file, as it is now, or finds those of the environment when file is empty (workload identity,
// GOOGLE_APPLICATION_CREDENTIALS, gcloud). Tokens for the scope are fetched by web when they are needed. Every error wraps Err and
// shows nothing of the file.
func Find(file, scope string, web *http.Client) (*auth.Credentials, error) {
	detect := &credentials.DetectOptions{Scopes: []string{scope}, Client: web}
	if file == "" {
		found, err := credentials.DetectDefault(detect)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", Err, err)
		}
		return found, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", Err, err)
	}
	var kind struct{ Type credentials.CredType }
	if err := json.Unmarshal(text, &kind); err != nil {
		return nil, fmt.Errorf("%w: %s is not JSON", Err, file) // the cause might quote it
	}
	found, err := credentials.NewCredentialsFromJSON(kind.Type, text, detect)
	if err != nil {
		return nil, fmt.Errorf("%w: read %s: %w", Err, file, err)
	}
	return found, nil
}
