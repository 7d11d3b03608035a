package bigquery

import (
	"testing"
	"time"

	"sluice/sinks/bigquery/bigquerytest"
	"sluice/sinks/driver"
	"sluice/sinks/sinktest"
)

// BenchmarkWrite is sinktest.Bench: plans of two requests of up to 9 MB, under way at once.
func BenchmarkWrite(b *testing.B) {
	for name, o := range map[string]Options{"native": {Schema: schemaNative, Table: table}, "cloud-logging": {Schema: schemaLogging, UsePartitionedTables: true}} {
		b.Run(name, func(b *testing.B) {
			sinktest.Bench(b, 1, func(b *testing.B, latency time.Duration) driver.Driver {
				server, err := bigquerytest.Start(bigquerytest.Options{Forget: true})
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { server.Close() })
				server.CreateDataset(project, dataset)
				server.SetLatency(latency)
				o.Project, o.Dataset, o.Endpoint, o.WriteEndpoint = project, dataset, server.URL, server.WriteURL
				d, err := open(o)
				if err != nil {
					b.Fatal(err)
				}
				return d
			})
		})
	}
}
