package chromium_test

import (
	"testing"

	"bench/internal/chromium"
)

func Example() {
	look := func(t *testing.T) {
		page := chromium.Start(t).Open("file:///tmp/page.html", chromium.Look{Width: 390, Height: 844, Dark: true})
		if page.Sideways() > 0 || len(page.Barriers()) > 0 {
			t.Error("the page is not for everybody")
		}
		page.Quiet()
	}
	_ = look // go test runs it
}
