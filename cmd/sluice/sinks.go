package main

import (
	"sluice/sinks"
	"sluice/sinks/bigquery"
	"sluice/sinks/driver"
	"sluice/sinks/file"
	"sluice/sinks/gcs"
	"sluice/sinks/http"
	"sluice/sinks/nats"
	"sluice/sinks/pubsub"
	"sluice/sinks/s3"
)

// registry names every kind of destination that this program has. It is the only place that does.
func registry() sinks.Registry {
	return sinks.Registry{
		"bigquery": func() driver.Options { return bigquery.Defaults() },
		"file":     func() driver.Options { return file.Defaults() },
		"gcs":      func() driver.Options { return gcs.Defaults() },
		"http":     func() driver.Options { return http.Defaults() },
		"nats":     func() driver.Options { return nats.Defaults() },
		"pubsub":   func() driver.Options { return pubsub.Defaults() },
		"s3":       func() driver.Options { return s3.Defaults() },
	}
}
