package configs

import "reflect"

// later lists the keys of the plan that this version cannot obey yet, with what to write instead. They are refused by name: a
// setting is never accepted and ignored.
var later = map[reflect.Type]map[string]string{
	reflect.TypeFor[TLS](): {
		"insecureSkipVerify": "name the server's authority in ca, or its name in serverName",
	},
	reflect.TypeFor[Ledger](): {
		"jetstream": "use file: FOLDER",
	},
	reflect.TypeFor[Route](): {
		"resume":  "give the route a new name",
		"dedup":   "write duplicates: {window: 100000}",
		"columns": "write them in the sink, beside format: csv or parquet",
	},
}

// laterSinks are the destinations of the plan that a registry may not have yet.
var laterSinks = []string{"bigquery", "http", "nats", "pubsub", "s3"}
