package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

var (
	// errCredentials wraps what is wrong with the credentials themselves.
	errCredentials = errors.New("credentials")
	errNoRegion    = errors.New("the bucket's region is not known")
)

// client makes the SDK's client at its first use, and again after its credentials were refused: files of them may be mounted late,
// and rotate.
type client struct {
	options Options
	mu      sync.Mutex
	sdk     *s3.Client
	secrets aws.CredentialsProvider
}

// api gives the client, with credentials that are valid now.
func (c *client) api(ctx context.Context) (*s3.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sdk == nil {
		if err := c.make(ctx); err != nil {
			return nil, err
		}
	}
	// The SDK would ask by itself, but not say what kind of failure it is. The answer is cached.
	if _, err := c.secrets.Retrieve(ctx); err != nil {
		c.sdk = nil
		return nil, fmt.Errorf("%w: %w", errCredentials, err)
	}
	return c.sdk, nil
}

// forget lets the next call read the credentials anew.
func (c *client) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sdk = nil
}

// make makes a client that never retries: that is package sinks' to do, once and bounded.
func (c *client) make(ctx context.Context) error {
	cfg, err := config.LoadDefaultConfig(ctx, loading(&c.options)...)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errCredentials, err)
	case cfg.Region == "" && c.options.Endpoint == "":
		return errNoRegion
	case cfg.Region == "":
		cfg.Region = "us-east-1"
	}
	if web, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok {
		cfg.HTTPClient = &http.Client{Transport: c.options.through(web.GetTransport()), CheckRedirect: sameMethod}
	}
	if c.options.RoleARN != "" {
		assume := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), c.options.RoleARN, func(a *stscreds.AssumeRoleOptions) {
			a.RoleSessionName = "sluice"
			if c.options.ExternalID != "" {
				a.ExternalID = &c.options.ExternalID
			}
		})
		cfg.Credentials = aws.NewCredentialsCache(assume)
	}
	c.secrets = cfg.Credentials
	c.sdk = s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = c.options.PathStyle
		o.DisableLogOutputChecksumValidationSkipped = true
		if c.options.Endpoint != "" {
			o.BaseEndpoint = &c.options.Endpoint
		}
	})
	return nil
}

// through gives the way to the service over base, the SDK's transport, which trusts AWS_CA_BUNDLE.
func (o *Options) through(base *http.Transport) http.RoundTripper {
	var web http.RoundTripper = o.way().HTTP(base)
	if o.wrap != nil {
		web = o.wrap(web)
	}
	return web
}

// sameMethod follows only redirects that keep the method, as the SDK's own client does.
func sameMethod(r *http.Request, _ []*http.Request) error {
	if s := r.Response.StatusCode; s == http.StatusTemporaryRedirect || s == http.StatusPermanentRedirect {
		return nil
	}
	return http.ErrUseLastResponse
}

// loading says where settings come from; what is absent is the SDK's usual: environment, shared files, workload identity. What
// fetches credentials trusts tls.ca as it is now, and goes by the proxy, too.
func loading(o *Options) []func(*config.LoadOptions) error {
	web := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { o.way().Apply(t) })
	opts := []func(*config.LoadOptions) error{
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
		config.WithHTTPClient(web),
	}
	if o.Region != "" {
		opts = append(opts, config.WithRegion(o.Region))
	}
	if o.Profile != "" {
		opts = append(opts, config.WithSharedConfigProfile(o.Profile))
	}
	if o.CredentialsFile != "" {
		// Credentials of the environment would come first.
		opts = append(opts, config.WithCredentialsProvider(credentialsFile{o.CredentialsFile, o.Profile}))
	}
	return opts
}

// credentialsFile reads credentials from a file in the format of ~/.aws/credentials.
// https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
type credentialsFile struct{ path, profile string }

// Retrieve reads the file.
func (f credentialsFile) Retrieve(ctx context.Context) (aws.Credentials, error) {
	profile := f.profile
	if profile == "" {
		profile = "default"
	}
	shared, err := config.LoadSharedConfigProfile(ctx, profile, func(o *config.LoadSharedConfigOptions) {
		o.CredentialsFiles, o.ConfigFiles = []string{f.path}, []string{}
	})
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("read %s: %w", f.path, err)
	}
	if !shared.Credentials.HasKeys() {
		return aws.Credentials{}, fmt.Errorf("%s has no keys for the profile %s", f.path, profile)
	}
	return shared.Credentials, nil
}

// close lets the client go; connections that are idle end by themselves after 90 seconds.
func (c *client) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sdk = nil
}
