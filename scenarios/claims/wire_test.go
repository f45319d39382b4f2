package claims_test

import (
	"errors"
	"strings"
	"testing"

	"bench/scenarios/claims"
)

// wired is a claim about bytes without a mistake.
const wired = `claim: it is smaller
source: me
arms:
  - {name: binary, topology: nginx-uwsgi, relay: true}
  - {name: text, topology: nginx-uwsgi-http, relay: true}
steps:
  - name: plain
    wire: {path: /json, requests: 10, headers: {Accept: '*/*'}}
predictions:
  - {name: smaller, says: smaller, measure: bytes_to_app, of: binary, to: text, during: plain, at_most: 0.9}
verdicts: {confirmed: 'Yes, {smaller}.', refuted: 'No, {smaller}.'}
`

func TestMistakesInCountingBytes(t *testing.T) {
	if c, err := parse(wired); err != nil || !c.Arms[0].Relay {
		t.Fatal(c.Arms, err)
	}
	for _, row := range []struct{ old, text, at, want string }{
		{"path: /json", "path: json", "line 8", "a slash"},
		{"path: /json", "path: '/ a%zz'", "line 8", "invalid"},
		{"requests: 10", "requests: 0", "line 8", "want 1 to"},
		{"requests: 10, ", "", "line 8", "want 1 to"},
		{"Accept: '*/*'", "'A b': '*/*'", "line 8", "a header's name"},
		{"nginx-uwsgi, relay: true", "nginx-uwsgi", "line 10", "relay: true"},
		{"nginx-uwsgi-http, relay: true", "nginx-uwsgi-http", "line 10", "relay: true"},
		{"topology: nginx-uwsgi,", "topology: uwsgi,", "line 4", "nothing behind its entry"},
		{"bytes_to_app", "bytes", "line 10", "want one of bytes_to_app, bytes_from_app"},
		{"bytes_to_app", "p50", "line 10", "gives no p50"},
	} {
		_, err := parse(strings.Replace(wired, row.old, row.text, 1))
		var mistake *claims.Error
		if !errors.As(err, &mistake) || !strings.Contains(err.Error(), row.at) || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v; want an error at %q with %q", row.text, err, row.at, row.want)
		}
	}
}
