package gcs

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"

	"cloud.google.com/go/storage"
	"google.golang.org/api/option"
	htransport "google.golang.org/api/transport/http"

	"sluice/sinks/googleauth"
)

// scope is what credentials are asked for; IAM decides.
const scope = "https://www.googleapis.com/auth/cloud-platform"

// client makes the SDK's client at its first use, and again after a failure or after its credentials were refused: files of them may be
// mounted late, and rotate.
type client struct {
	options Options
	mu      sync.Mutex
	sdk     *storage.Client
}

// bucket gives the bucket.
func (c *client) bucket() (*storage.BucketHandle, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sdk == nil {
		var err error
		if c.sdk, err = newSDK(&c.options); err != nil {
			return nil, err
		}
	}
	return c.sdk.Bucket(c.options.Bucket), nil
}

// forget lets the next call read the credentials anew. Calls that are under way go on with the client that they have.
func (c *client) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sdk = nil
}

func (c *client) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sdk == nil {
		return nil
	}
	err := c.sdk.Close()
	c.sdk = nil
	if err != nil {
		return fmt.Errorf("close the client: %w", err)
	}
	return nil
}

// newSDK makes a client that never retries: that is package sinks' to do, once and bounded.
func newSDK(o *Options) (*storage.Client, error) {
	endpoint, err := endpointOf(o)
	if err != nil {
		return nil, err
	}
	base := o.way().HTTP(nil)
	opts := []option.ClientOption{option.WithoutAuthentication()}
	if !strings.HasPrefix(endpoint, "http://") { // a token never travels in the clear
		found, err := googleauth.Find(o.CredentialsFile, scope, &http.Client{Transport: base})
		if err != nil {
			return nil, err
		}
		opts = []option.ClientOption{option.WithAuthCredentials(found)}
	}
	// The client outlives every call, and so does its context.
	web, err := htransport.NewTransport(context.Background(), base, opts...)
	if err != nil {
		return nil, fmt.Errorf("connect: %w: %w", googleauth.Err, err)
	}
	var outer http.RoundTripper = &watch{next: web}
	if o.wrap != nil {
		outer = o.wrap(outer)
	}
	opts = []option.ClientOption{option.WithHTTPClient(&http.Client{Transport: outer}), option.WithoutAuthentication(), storage.WithJSONReads()}
	if endpoint != "" {
		opts = append(opts, option.WithEndpoint(endpoint))
	}
	sdk, err := storage.NewClient(context.Background(), opts...)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	sdk.SetRetry(storage.WithPolicy(storage.RetryAlways), storage.WithErrorFunc(func(error) bool { return false }))
	return sdk, nil
}

// endpointOf gives the base of the JSON API, empty for the usual one. STORAGE_EMULATOR_HOST is the SDKs' own convention.
func endpointOf(o *Options) (string, error) {
	endpoint := o.Endpoint
	if endpoint == "" {
		endpoint = os.Getenv("STORAGE_EMULATOR_HOST")
		if endpoint != "" && !strings.Contains(endpoint, "://") {
			endpoint = "http://" + endpoint
		}
	}
	if endpoint == "" {
		return "", nil
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", fmt.Errorf("endpoint: %w", err)
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/storage/v1/"
	}
	return u.String(), nil
}
