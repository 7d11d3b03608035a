package main

import (
	"time"

	"sluice/configs"
	"sluice/console"
	"sluice/sinks"
	"sluice/sinks/driver"
)

// hooksOf lets the metrics know of a route's attempts at a destination.
func hooksOf(m *console.Metrics, route string, s *configs.Sink) sinks.Hooks {
	return sinks.Hooks{OnAttempt: func(u *driver.Unit, _ driver.Receipt, err error, took time.Duration) {
		to, code := u.To, "ok"
		if to == "" {
			to = driver.ToSink
		}
		if err != nil {
			code = driver.CodeOf(err).String()
		}
		m.Attempt(route, s.Kind, string(to), code, took)
	}}
}
