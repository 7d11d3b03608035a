package bigquerytest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// maxRequest is the service's limit of a request. https://cloud.google.com/bigquery/quotas#write-api-limits
const maxRequest = 10_000_000

// writeAPI is google.cloud.bigquery.storage.v1.BigQueryWrite for committed streams.
type writeAPI struct {
	storagepb.UnimplementedBigQueryWriteServer
	server *Server
}

// pass lets a call pass, or what its fault makes of it.
func pass[T any](ctx context.Context, s *Server, c Call, do func() (T, error)) (T, error) {
	var none T
	fault, due := s.note(c)
	if !s.wait(ctx, due) {
		return none, status.FromContextError(ctx.Err()).Err()
	}
	switch fault.Kind {
	case Refuse:
		return none, broken()
	case Hang:
		s.hang(ctx)
		return none, broken()
	case Status, InBand:
		return none, fault.err()
	}
	answer, err := do()
	if fault.Kind == Duplicate {
		_, _ = do()
	}
	if fault.Kind == DropReply {
		return none, broken()
	}
	return answer, err
}

// broken is what a client makes of a connection that breaks.
func broken() error { return status.Error(codes.Unavailable, "connection reset by the test") }

// err gives the fault's status as gRPC words it. https://cloud.google.com/apis/design/errors#handling_errors
func (f Fault) err() error {
	code, ok := map[int]codes.Code{
		http.StatusBadRequest: codes.InvalidArgument, http.StatusUnauthorized: codes.Unauthenticated, http.StatusForbidden: codes.PermissionDenied,
		http.StatusNotFound: codes.NotFound, http.StatusConflict: codes.Aborted, http.StatusTooManyRequests: codes.ResourceExhausted,
		http.StatusInternalServerError: codes.Internal, http.StatusServiceUnavailable: codes.Unavailable, http.StatusGatewayTimeout: codes.DeadlineExceeded,
	}[f.Status]
	if !ok {
		code = codes.Unknown
	}
	return status.Error(code, "an answer of the test: "+f.Message)
}

// failure is an error with the reason that the service gives beside the code.
func failure(code codes.Code, reason storagepb.StorageError_StorageErrorCode, entity, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	s, err := status.New(code, message).WithDetails(&storagepb.StorageError{Code: reason, Entity: entity, ErrorMessage: message})
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	return s.Err()
}

// CreateWriteStream makes a committed stream of a table that exists.
func (w *writeAPI) CreateWriteStream(ctx context.Context, r *storagepb.CreateWriteStreamRequest) (*storagepb.WriteStream, error) {
	s := w.server
	return pass(ctx, s, Call{Op: CreateStream, Table: idOf(r.GetParent())}, func() (*storagepb.WriteStream, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		t := s.tables[r.GetParent()]
		switch {
		case t == nil:
			return nil, failure(codes.NotFound, storagepb.StorageError_TABLE_NOT_FOUND, r.GetParent(), "Requested entity was not found: %s", r.GetParent())
		case r.GetWriteStream().GetType() != storagepb.WriteStream_COMMITTED:
			return nil, status.Error(codes.Unimplemented, "the test server knows committed streams only")
		}
		s.created++
		st := &stream{name: fmt.Sprintf("%s/streams/s%06d", t.path, s.created), table: t}
		s.streams[st.name] = st
		return st.describe(true), nil
	})
}

// GetWriteStream describes a stream, and its table's default stream.
func (w *writeAPI) GetWriteStream(ctx context.Context, r *storagepb.GetWriteStreamRequest) (*storagepb.WriteStream, error) {
	s := w.server
	return pass(ctx, s, Call{Op: GetStream, Table: idOf(r.GetName()), Stream: r.GetName()}, func() (*storagepb.WriteStream, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		st, err := s.find(r.GetName())
		if table, isDefault := strings.CutSuffix(r.GetName(), "/streams/_default"); isDefault && s.tables[table] != nil {
			st, err = &stream{name: r.GetName(), table: s.tables[table]}, nil
		}
		if err != nil {
			return nil, err
		}
		return st.describe(r.GetView() == storagepb.WriteStreamView_FULL), nil
	})
}

// FinalizeWriteStream ends a stream and says how many rows it holds; again, the same.
func (w *writeAPI) FinalizeWriteStream(ctx context.Context, r *storagepb.FinalizeWriteStreamRequest) (*storagepb.FinalizeWriteStreamResponse, error) {
	s := w.server
	return pass(ctx, s, Call{Op: Finalize, Table: idOf(r.GetName()), Stream: r.GetName()}, func() (*storagepb.FinalizeWriteStreamResponse, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		st, err := s.find(r.GetName())
		if err != nil {
			return nil, err
		}
		st.finalized = true
		return &storagepb.FinalizeWriteStreamResponse{RowCount: st.end}, nil
	})
}

func (s *Server) find(name string) (*stream, error) {
	st := s.streams[name]
	if st == nil || st.gone {
		return nil, failure(codes.NotFound, storagepb.StorageError_STREAM_NOT_FOUND, name, "Requested entity was not found: %s", name)
	}
	return st, nil
}

func idOf(name string) string {
	_, rest, _ := strings.Cut(name, "/tables/")
	id, _, _ := strings.Cut(rest, "/")
	return id
}

// answer is what a request of a connection gets, or how the connection ends.
type answer struct {
	due      time.Time
	response *storagepb.AppendRowsResponse
	end      error
}

// AppendRows takes the requests of one connection in their order and answers in it.
func (w *writeAPI) AppendRows(conn storagepb.BigQueryWrite_AppendRowsServer) error {
	answers, ended := make(chan answer, 1000), make(chan error, 1)
	go func() { ended <- w.answer(conn, answers) }()
	err := w.requests(conn, answers)
	close(answers)
	if end := <-ended; end != nil {
		return end
	}
	return err
}

func (w *writeAPI) answer(conn storagepb.BigQueryWrite_AppendRowsServer, answers <-chan answer) error {
	var end error
	for a := range answers {
		if end != nil {
			continue
		}
		if !w.server.wait(conn.Context(), a.due) {
			end = status.FromContextError(conn.Context().Err()).Err()
		} else if end = a.end; end == nil {
			end = conn.Send(a.response)
		}
	}
	return end
}

func (w *writeAPI) requests(conn storagepb.BigQueryWrite_AppendRowsServer, answers chan<- answer) error {
	s := w.server
	var c connection
	for {
		r, err := conn.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := c.begin(r); err != nil {
			answers <- answer{end: err}
			return nil
		}
		fault, due := s.note(Call{
			Op: Append, Table: idOf(c.stream), Stream: c.stream, Offset: r.GetOffset().GetValue(),
			Rows: len(r.GetProtoRows().GetRows().GetSerializedRows()), Bytes: proto.Size(r),
		})
		a := answer{due: due}
		switch fault.Kind {
		case Refuse:
			a.end = broken()
		case Hang:
			s.hang(conn.Context())
			a.end = broken()
		case Status:
			a.end = fault.err()
		case InBand:
			a.response = refusal(c.stream, fault.err())
		default:
			a.response = s.append(&c, r)
			if fault.Kind == Duplicate {
				s.append(&c, r)
			}
			if fault.Kind == DropReply {
				a.end = broken()
			}
		}
		answers <- a
		if a.end != nil {
			return nil
		}
	}
}

// refusal is an answer that says what went wrong with one request; the connection goes on.
func refusal(stream string, err error) *storagepb.AppendRowsResponse {
	return &storagepb.AppendRowsResponse{WriteStream: stream, Response: &storagepb.AppendRowsResponse_Error{Error: status.Convert(err).Proto()}}
}

// append applies one request. The offset is compared with the stream's end before anything else of it is looked at: what stands
// already is refused for that, whatever it was. Bad rows keep all of the request's rows out.
func (s *Server) append(c *connection, r *storagepb.AppendRowsRequest) *storagepb.AppendRowsResponse {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.find(c.stream)
	if err == nil {
		err = st.takes(r)
	}
	if err != nil {
		return refusal(c.stream, err)
	}
	rows, bad, err := c.decode(st, r.GetProtoRows().GetRows().GetSerializedRows(), s.refusal)
	if err != nil {
		return refusal(c.stream, err)
	}
	if len(bad) > 0 {
		a := refusal(c.stream, status.Error(codes.InvalidArgument, "Errors found while processing rows. Please refer to the row_errors field for details."))
		a.RowErrors = bad
		return a
	}
	offset := st.end
	if !s.forget {
		st.table.rows = append(st.table.rows, rows...)
	}
	st.end += int64(len(rows))
	return &storagepb.AppendRowsResponse{WriteStream: c.stream, Response: &storagepb.AppendRowsResponse_AppendResult_{
		AppendResult: &storagepb.AppendRowsResponse_AppendResult{Offset: wrapperspb.Int64(offset)},
	}}
}

// takes says whether a stream takes a request at its offset.
func (st *stream) takes(r *storagepb.AppendRowsRequest) error {
	offset := r.GetOffset()
	switch {
	case st.finalized:
		return failure(codes.InvalidArgument, storagepb.StorageError_STREAM_FINALIZED, st.name, "Stream has been finalized and cannot be appended: %s", st.name)
	case offset == nil:
		return nil
	case offset.GetValue() < st.end:
		return failure(codes.AlreadyExists, storagepb.StorageError_OFFSET_ALREADY_EXISTS, st.name,
			"The offset is within stream, expected offset %d, received %d", st.end, offset.GetValue())
	case offset.GetValue() > st.end:
		return failure(codes.OutOfRange, storagepb.StorageError_OFFSET_OUT_OF_RANGE, st.name,
			"The offset is beyond stream, expected offset %d, received %d", st.end, offset.GetValue())
	}
	return nil
}
