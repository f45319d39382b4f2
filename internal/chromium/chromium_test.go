package chromium

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
)

//go:embed testdata/axe/SOURCE
var source string

func TestAxeIsWhatItsSourceSays(t *testing.T) {
	sum := sha256.Sum256([]byte(Axe))
	if !strings.Contains(source, hex.EncodeToString(sum[:])+"  axe.min.js") {
		t.Errorf("axe.min.js has the hash %x, which is not in\n%s", sum, source)
	}
}

// A page with barriers, a request and an error is found out: checks that find nothing are no checks.
func TestWhatIsWrongWithAPageIsFound(t *testing.T) {
	t.Parallel()
	page := Start(t).Open("data:text/html,"+url.PathEscape(`<html><body style="width:2000px">
		<img src="http://127.0.0.1:1/x"><input>
		<p style="color:#eee;background:#fff">pale</p><script>undefined.x</script></body></html>`),
		Look{Width: 390, Height: 844})
	barriers := strings.Join(page.Barriers(), "\n")
	for _, rule := range []string{"image-alt", "label", "color-contrast", "html-has-lang"} {
		if !strings.Contains(barriers, rule+":") {
			t.Errorf("axe does not find %s among\n%s", rule, barriers)
		}
	}
	if page.Sideways() == 0 || len(page.Requests) != 1 || len(page.Faults) == 0 {
		t.Errorf("wider by %v, requests %v, faults %v", page.Sideways(), page.Requests, page.Faults)
	}
}
