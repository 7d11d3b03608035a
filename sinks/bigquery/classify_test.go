package bigquery

import (
	"net"
	"path/filepath"
	"testing"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/grpc"

	"sluice/sinks/driver"
	"sluice/sinks/transport"
)

// TestUnreadableAuthority: a file of tls that cannot be read is the user's to mend, also when gRPC meets it in the midst of a handshake.
func TestUnreadableAuthority(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	way := transport.Way{TLS: transport.TLS{CA: filepath.Join(t.TempDir(), "gone.pem")}}
	conn, err := grpc.NewClient(listener.Addr().String(), way.GRPC()...)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	d, err := open(options(start(t), table))
	if err != nil {
		t.Fatal(err)
	}
	_, err = storagepb.NewBigQueryWriteClient(conn).GetWriteStream(t.Context(), &storagepb.GetWriteStreamRequest{})
	if err = d.classify(t.Context(), err); driver.CodeOf(err) != driver.Misconfigured {
		t.Error(err)
	}
}
