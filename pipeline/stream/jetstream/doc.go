// Package jetstream is the bus on NATS JetStream: a server somewhere, or the server embedded in this process. It is the only
// place that knows the vendor's client and server.
//
// Words: a Bus is a connection to one server (or cluster), a Stream one stream of it, a Publisher puts messages on a stream and
// rides out restarts, Progress remembers how far a source has been published.
package jetstream
