package pubsub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	publisher "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"sluice/sinks/googleauth"
)

const (
	scope    = "https://www.googleapis.com/auth/pubsub"
	service  = "pubsub.googleapis.com:443"
	emulator = "PUBSUB_EMULATOR_HOST" // the SDKs' own convention
)

// reconnect is how soon a lost connection is tried again: package sinks waits longer between its attempts.
var reconnect = grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second}, MinConnectTimeout: 20 * time.Second}

// errEmulator says that the SDK would go another way than the configuration.
var errEmulator = errors.New("endpoint is set, and " + emulator + " too: unset one of them")

// client makes the SDK's client at its first use, and again after a failure or after its credentials were refused: files of them may
// be mounted late, and rotate.
type client struct {
	options Options
	through grpc.UnaryClientInterceptor // around every request, for tests
	mu      sync.Mutex
	sdk     *publisher.TopicAdminClient
}

// publish sends one request and waits for its acknowledgement.
func (c *client) publish(ctx context.Context, messages []*pubsubpb.PubsubMessage) error {
	sdk, err := c.connect()
	if err != nil {
		return err
	}
	got, err := sdk.Publish(ctx, &pubsubpb.PublishRequest{Topic: c.options.topic(), Messages: messages})
	if status.Code(err) == codes.Unauthenticated || failedHandshake(err) {
		c.forget(sdk)
	}
	if err != nil {
		return err
	}
	if len(got.MessageIds) != len(messages) {
		return fmt.Errorf("%d of %d messages were acknowledged", len(got.MessageIds), len(messages))
	}
	return nil
}

// forget lets the next call read credentials and certificates anew. Calls that are under way end, as they would with these credentials.
func (c *client) forget(refused *publisher.TopicAdminClient) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sdk == refused {
		c.sdk = nil
		_ = refused.Close() // nothing is lost: the caller has its error
	}
}

// topic is the resource's name.
func (o *Options) topic() string { return "projects/" + o.Project + "/topics/" + o.Topic }

// connect makes a client that never retries: that is package sinks' to do, once and bounded.
func (c *client) connect() (*publisher.TopicAdminClient, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sdk != nil {
		return c.sdk, nil
	}
	opts, err := c.dialOptions()
	if err != nil {
		return nil, err
	}
	sdk, err := publisher.NewTopicAdminClient(context.Background(), opts...) // the client outlives every call
	if err != nil {
		return nil, fmt.Errorf("connect: %w: %w", googleauth.Err, err)
	}
	sdk.CallOptions = &publisher.TopicAdminCallOptions{}
	c.sdk = sdk
	return sdk, nil
}

// dialOptions say where the service is and who we are.
func (c *client) dialOptions() ([]option.ClientOption, error) {
	o := &c.options
	address, secure, err := o.address()
	if err != nil {
		return nil, err
	}
	opts := []option.ClientOption{option.WithEndpoint(address), option.WithUserAgent("sluice"), option.WithGRPCDialOption(grpc.WithDisableRetry()),
		option.WithGRPCDialOption(grpc.WithConnectParams(reconnect))}
	if c.through != nil {
		opts = append(opts, option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(c.through)))
	}
	if o.Proxy != "" { // which looks the name up
		opts[0] = option.WithEndpoint("passthrough:///" + address)
	}
	if !secure { // a token never travels in the clear
		return append(opts, option.WithoutAuthentication(), option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials()))), nil
	}
	found, err := googleauth.Find(o.CredentialsFile, scope, &http.Client{Transport: o.way().HTTP(nil)})
	if err != nil {
		return nil, err
	}
	opts = append(opts, option.WithAuthCredentials(found))
	for _, way := range o.way().GRPC() {
		opts = append(opts, option.WithGRPCDialOption(way))
	}
	return opts, nil
}

// address gives HOST:PORT of the service, and whether it speaks TLS.
func (o *Options) address() (address string, secure bool, err error) {
	host := os.Getenv(emulator)
	switch {
	case o.Endpoint != "" && host != "":
		return "", false, errEmulator
	case host != "":
		return host, false, nil
	case o.Endpoint == "":
		return service, true, nil
	}
	u, err := url.Parse(o.Endpoint)
	if err != nil {
		return "", false, fmt.Errorf("endpoint: %w", err)
	}
	if u.Port() == "" {
		return net.JoinHostPort(u.Hostname(), "443"), true, nil // an http endpoint has its port
	}
	return u.Host, u.Scheme == "https", nil
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
