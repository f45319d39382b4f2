package results

import "fmt"

// Slow is the outcome of a population of slow clients. They are counted apart from the load.
type Slow struct {
	Kind     string `json:"kind"`
	Clients  int    `json:"clients"`
	Opened   uint64 `json:"opened"`           // connections opened
	Refused  uint64 `json:"refused"`          // connections that could not be opened
	Closed   uint64 `json:"closed_by_server"` // before the client was done
	Answered uint64 `json:"answered"`         // complete requests that got the first byte of a response
	Held     int    `json:"held_at_end"`      // connections still open when the load ended
}

func (s Slow) String() string {
	const format = "slow clients (%s): %d; opened %d, refused %d, closed by the server %d, answered %d, held at the end %d"
	return fmt.Sprintf(format,
		s.Kind, s.Clients, s.Opened, s.Refused, s.Closed, s.Answered, s.Held)
}
