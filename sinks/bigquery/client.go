package bigquery

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	storage "cloud.google.com/go/bigquery/storage/apiv1"
	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/api/bigquery/v2"
	"google.golang.org/api/option"
	htransport "google.golang.org/api/transport/http"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"sluice/sinks/googleauth"
)

// scope is what credentials are asked for; IAM decides.
const scope = "https://www.googleapis.com/auth/bigquery"

// callTimeout bounds one call that is not a delivery.
const callTimeout = time.Minute

// client makes the SDKs' clients at their first use, and again after a failure or after the credentials were refused: files of them
// may be mounted late, and rotate. No call is retried
// here: that is package sinks' to do, once and bounded.
type client struct {
	options Options
	mu      sync.Mutex
	tables  *bigquery.Service
	write   *storage.BigQueryWriteClient
}

// tablesAPI gives the client of tables and queries.
func (c *client) tablesAPI() (*bigquery.Service, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tables == nil {
		var err error
		if c.tables, err = newTables(&c.options); err != nil {
			return nil, err
		}
	}
	return c.tables, nil
}

// writeAPI gives the client of the Storage Write API.
func (c *client) writeAPI() (*storage.BigQueryWriteClient, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.write == nil {
		var err error
		if c.write, err = newWriter(&c.options); err != nil {
			return nil, err
		}
	}
	return c.write, nil
}

// forget lets the next call read the credentials anew. Calls that are under way end, as they would with these credentials.
func (c *client) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.write != nil {
		_ = c.write.Close() // nothing is lost: the caller has its error
	}
	c.write, c.tables = nil, nil
}

func (c *client) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	write := c.write
	c.write, c.tables = nil, nil
	if write == nil {
		return nil
	}
	if err := write.Close(); err != nil {
		return fmt.Errorf("close the client: %w", err)
	}
	return nil
}

// createStream makes a committed stream of a table, and gives its name.
func (c *client) createStream(ctx context.Context, table string) (string, error) {
	w, err := c.writeAPI()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	stream, err := w.CreateWriteStream(ctx, &storagepb.CreateWriteStreamRequest{
		Parent: table, WriteStream: &storagepb.WriteStream{Type: storagepb.WriteStream_COMMITTED},
	})
	if err != nil {
		return "", fmt.Errorf("create a write stream: %w", err)
	}
	return stream.GetName(), nil
}

// finalize ends a stream for ever and gives the number of rows in it.
func (c *client) finalize(ctx context.Context, stream string) (int64, error) {
	w, err := c.writeAPI()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := w.FinalizeWriteStream(ctx, &storagepb.FinalizeWriteStreamRequest{Name: stream})
	if err != nil {
		return 0, fmt.Errorf("finalize the write stream: %w", err)
	}
	return answer.GetRowCount(), nil
}

// connect begins to append to a stream. It lasts as long as ctx. The header tells the service where to send the connection:
// https://cloud.google.com/bigquery/docs/write-api-streaming
func (c *client) connect(ctx context.Context, stream string) (storagepb.BigQueryWrite_AppendRowsClient, error) {
	w, err := c.writeAPI()
	if err != nil {
		return nil, err
	}
	ctx = metadata.AppendToOutgoingContext(ctx, "x-goog-request-params", "write_stream="+url.QueryEscape(stream))
	rows, err := w.AppendRows(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to the write stream: %w", err)
	}
	return rows, nil
}

func newTables(o *Options) (*bigquery.Service, error) {
	base := o.way().HTTP(nil)
	opts := []option.ClientOption{option.WithoutAuthentication()}
	if !strings.HasPrefix(o.Endpoint, "http://") { // a token never travels in the clear
		var err error
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
	if o.wrap != nil {
		web = o.wrap(web)
	}
	opts = []option.ClientOption{option.WithHTTPClient(&http.Client{Transport: web}), option.WithUserAgent("sluice")}
	if o.Endpoint != "" {
		opts = append(opts, option.WithEndpoint(strings.TrimSuffix(o.Endpoint, "/")+"/bigquery/v2/"))
	}
	tables, err := bigquery.NewService(context.Background(), opts...)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return tables, nil
}

// service is the Write API's usual address.
const service = "bigquerystorage.googleapis.com:443"

// reconnect is how soon a lost connection is tried again: package sinks waits longer between its attempts.
var reconnect = grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second}, MinConnectTimeout: 20 * time.Second}

func newWriter(o *Options) (*storage.BigQueryWriteClient, error) {
	address, secure, err := o.writeAddress()
	if err != nil {
		return nil, err
	}
	if o.Proxy != "" { // which looks the name up
		address = "passthrough:///" + address
	}
	dial := append([]grpc.DialOption{grpc.WithDisableRetry(), grpc.WithConnectParams(reconnect)}, o.dial...)
	opts := []option.ClientOption{option.WithoutAuthentication()}
	if secure {
		found, err := googleauth.Find(o.CredentialsFile, scope, &http.Client{Transport: o.way().HTTP(nil)})
		if err != nil {
			return nil, err
		}
		opts = []option.ClientOption{option.WithAuthCredentials(found)}
		dial = append(dial, o.way().GRPC()...)
	} else { // a token never travels in the clear
		dial = append(dial, grpc.WithTransportCredentials(insecure.NewCredentials()))
	}
	opts = append(opts, option.WithEndpoint(address), option.WithUserAgent("sluice"))
	for _, d := range dial {
		opts = append(opts, option.WithGRPCDialOption(d))
	}
	w, err := storage.NewBigQueryWriteClient(context.Background(), opts...) // the client outlives every call
	if err != nil {
		return nil, fmt.Errorf("connect: %w: %w", googleauth.Err, err)
	}
	w.CallOptions = &storage.BigQueryWriteCallOptions{}
	return w, nil
}

// writeAddress gives HOST:PORT of the Write API, and whether it speaks TLS.
func (o *Options) writeAddress() (address string, secure bool, err error) {
	if o.WriteEndpoint == "" {
		return service, true, nil
	}
	u, err := url.Parse(o.WriteEndpoint)
	if err != nil {
		return "", false, fmt.Errorf("writeEndpoint: %w", err)
	}
	if u.Port() == "" {
		return net.JoinHostPort(u.Hostname(), "443"), true, nil // one in the clear has its port
	}
	return u.Host, u.Scheme == "https", nil
}
