package driver

import "time"

// Streamer is implemented by Options of destinations that are streams of the kind that the router reads. Into one that it does read
// nothing may be delivered: each entry would come back as a new one, for ever.
type Streamer interface {
	// Bus gives the addresses of its servers, joined by commas, and its name.
	Bus() (servers, stream string)

	// Refuse makes drivers that are opened from now on refuse the stream of that name which was created at this instant, whatever
	// the address by which it is reached: Write is Misconfigured then, and nothing is stored.
	Refuse(created time.Time)
}
